# SPDX-License-Identifier: MIT
# What the peers' makefiles share. Each sets LIBS (and CPPFLAGS) before it
# includes this; OUT is where the programs go: OUT/server and OUT/client.
.SUFFIXES:
OUT ?= .
HERE := $(dir $(lastword $(MAKEFILE_LIST)))
COMMON := $(HERE)../common
WARN := -Wall -Wextra -Wshadow
CFLAGS := -O2 -g -std=c11 $(WARN) -Wmissing-prototypes
CXXFLAGS := -O2 -g -std=c++17 -Wall
override CPPFLAGS += -D_GNU_SOURCE -I$(COMMON) -I$(OUT)
PARTS := $(OUT)/meter.o $(OUT)/sockets.o

all: $(OUT)/server $(OUT)/client

$(OUT)/%.o: $(COMMON)/%.c $(COMMON)/%.h
	$(CC) $(CFLAGS) -D_GNU_SOURCE -c -o $@ $<

$(OUT)/%: %.c $(PARTS) $(EXTRA)
	$(CC) $(CFLAGS) $(CPPFLAGS) -o $@ $(filter %.c %.o,$^) $(LIBS)

$(OUT)/%: %.cc $(PARTS) $(EXTRA)
	$(CXX) $(CXXFLAGS) $(CPPFLAGS) -o $@ $(filter %.cc %.o,$^) $(LIBS)

.PHONY: all
