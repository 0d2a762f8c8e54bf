/* SPDX-License-Identifier: MIT */
/*
 * tests/unit/samples.h - one value of every type and width
 *
 * All are valid for a message with SAMPLE_HANDLES references.
 */
#ifndef WALDO_SAMPLES_H
#define WALDO_SAMPLES_H

#include <stddef.h>

#define SAMPLE_HANDLES 3

struct sample {
	const char *name;
	const char *bytes;
	size_t len;
};

#define SAMPLE(name, bytes)                                                    \
	{                                                                      \
		name, bytes, sizeof(bytes) - 1                                 \
	}

/* 16 characters. */
#define TEXT16 "0123456789abcdef"
#define NULS16 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

static const struct sample samples[] = {
    SAMPLE("nil", "\xc0"),
    SAMPLE("false", "\xc2"),
    SAMPLE("true", "\xc3"),
    SAMPLE("fixint 0", "\x00"),
    SAMPLE("fixint 127", "\x7f"),
    SAMPLE("fixint -1", "\xff"),
    SAMPLE("fixint -32", "\xe0"),
    SAMPLE("uint8 255", "\xcc\xff"),
    SAMPLE("uint8 1, overlong", "\xcc\x01"),
    SAMPLE("uint16", "\xcd\xff\xff"),
    SAMPLE("uint16 1, overlong", "\xcd\x00\x01"),
    SAMPLE("uint32", "\xce\xff\xff\xff\xff"),
    SAMPLE("uint64 1, overlong", "\xcf\x00\x00\x00\x00\x00\x00\x00\x01"),
    SAMPLE("uint64 most of int64", "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"),
    SAMPLE("uint64 above int64", "\xcf\x80\x00\x00\x00\x00\x00\x00\x00"),
    SAMPLE("uint64 most", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
    SAMPLE("int8 -128", "\xd0\x80"),
    SAMPLE("int8 1, overlong", "\xd0\x01"),
    SAMPLE("int16 least", "\xd1\x80\x00"),
    SAMPLE("int32 least", "\xd2\x80\x00\x00\x00"),
    SAMPLE("int32 1000, overlong", "\xd2\x00\x00\x03\xe8"),
    SAMPLE("int64 least", "\xd3\x80\x00\x00\x00\x00\x00\x00\x00"),
    SAMPLE("int64 most", "\xd3\x7f\xff\xff\xff\xff\xff\xff\xff"),
    SAMPLE("int64 -1, overlong", "\xd3\xff\xff\xff\xff\xff\xff\xff\xff"),
    SAMPLE("float32 1.5", "\xca\x3f\xc0\x00\x00"),
    SAMPLE("float32 infinity", "\xca\x7f\x80\x00\x00"),
    SAMPLE("float64 -0.0", "\xcb\x80\x00\x00\x00\x00\x00\x00\x00"),
    SAMPLE("float64 0.1", "\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a"),
    SAMPLE("float64 NaN", "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"),
    SAMPLE("fixstr empty", "\xa0"),
    SAMPLE("fixstr", "\xa5hello"),
    SAMPLE("fixstr with NUL", "\xa3"
                              "a\0b"),
    SAMPLE("fixstr 31", "\xbf" TEXT16 "0123456789abcde"),
    SAMPLE("str8", "\xd9\x20" TEXT16 TEXT16),
    SAMPLE("str8 empty, overlong", "\xd9\x00"),
    SAMPLE("str16", "\xda\x00\x21" TEXT16 TEXT16 "!"),
    SAMPLE("str32", "\xdb\x00\x00\x00\x03xyz"),
    SAMPLE("str of 2, 3 and 4 bytes each",
           "\xb2\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xf0\x90\x80\x80"
           "\xf4\x8f\xbf\xbf"),
    SAMPLE("str with a character across 8 bytes", "\xaa"
                                                  "1234567\xe2\x82\xac"),
    SAMPLE("bin8 empty", "\xc4\x00"),
    SAMPLE("bin8", "\xc4\x03\x00\xff\x80"),
    SAMPLE("bin16", "\xc5\x00\x02\xc1\xc1"),
    SAMPLE("bin32", "\xc6\x00\x00\x00\x10" NULS16),
    SAMPLE("fixarray empty", "\x90"),
    SAMPLE("fixarray", "\x93\x01\xa1x\xc0"),
    SAMPLE("fixarray 15", "\x9f"
                          "0123456789abcde"),
    SAMPLE("array16 empty, overlong", "\xdc\x00\x00"),
    SAMPLE("array16", "\xdc\x00\x10" TEXT16),
    SAMPLE("array32", "\xdd\x00\x00\x00\x02\xc2\xc3"),
    SAMPLE("fixmap empty", "\x80"),
    SAMPLE("fixmap", "\x82\xa1"
                     "a\x01\xa1"
                     "b\x92\x02\x03"),
    SAMPLE("fixmap, every type as key",
           "\x88\xc0\x00\xc2\x01\xc3\x02\x07\x03\xca\x3f\xc0\x00\x00\x04\xa1k"
           "\x05\xc4\x01k\x06\xd6\xff\x00\x00\x00\x01\x07"),
    SAMPLE("map16", "\xde\x00\x02\x02\x01\x01\x02"),
    SAMPLE("map32", "\xdf\x00\x00\x00\x01\xa1k\x81\xa1k\xc0"),
    SAMPLE("map whose keys differ in sign only",
           "\x82\xff\xc0\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xc0"),
    SAMPLE("map with the same key in the map around",
           "\x82\xa1k\x82\xa1k\x01\xa1l\x02\xa1l\x03"),
    SAMPLE("map with many keys, unsorted",
           "\xde\x00\x13\x12\xc0\x11\xc0\x10\xc0\x0f\xc0\x0e\xc0\x0d\xc0\x0c"
           "\xc0\x0b\xc0\x0a\xc0\x09\xc0\x08\xc0\x07\xc0\x06\xc0\x05\xc0\x04"
           "\xc0\x03\xc0\x02\xc0\x01\xc0\x00\xc0"),
    SAMPLE("reference", "\xd4\x01\x02"),
    SAMPLE("reference of 2 bytes", "\xd5\x01\x00\x01"),
    SAMPLE("reference in ext8", "\xc7\x01\x01\x00"),
    SAMPLE("reference in ext16", "\xc8\x00\x02\x01\x00\x02"),
    SAMPLE("reference in ext32", "\xc9\x00\x00\x00\x01\x01\x01"),
    SAMPLE("timestamp 32", "\xd6\xff\x65\x53\xf1\x00"),
    SAMPLE("timestamp 64", "\xd7\xff\xee\x6b\x27\xff\xff\xff\xff\xff"),
    SAMPLE("timestamp 96, 1 us before 1970",
           "\xc7\x0c\xff\x3b\x9a\xc6\x18\xff\xff\xff\xff\xff\xff\xff\xff"),
    SAMPLE("timestamp 32 in ext8", "\xc7\x04\xff\x00\x00\x00\x01"),
    SAMPLE("timestamp 96, the first",
           "\xc7\x0c\xff\x0d\x5c\xe6\x00\xff\xff\xf7\x9c\x84\x2f\xa5\x09"),
    SAMPLE("timestamp 96, the last",
           "\xc7\x0c\xff\x2e\x3d\xe3\xff\x00\x00\x08\x63\x7b\xd0\x5a\xf6"),
    SAMPLE("lists in lists", "\x91\x91\x92\x90\x80"),
    SAMPLE("a call's arguments", "\x95\xa5hello\xcd\x03\xe8\xc3\xd4\x01\x00"
                                 "\x82\xa1x\xcb\x3f\xf0\x00\x00\x00\x00\x00"
                                 "\x00\xa1y\x91\xd4\x01\x01"),
};

#define SAMPLE_COUNT (sizeof(samples) / sizeof(samples[0]))

#endif
