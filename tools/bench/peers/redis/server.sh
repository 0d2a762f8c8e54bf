#!/bin/sh
# SPDX-License-Identifier: MIT
# redis - redis-server as it is, nothing saved. It says READY in its own words
# and in its log: whoever starts it tries to connect.
exec redis-server --port "$1" --bind 127.0.0.1 --save "" --appendonly no \
	--maxclients 15000 --daemonize no --protected-mode no \
	--tcp-backlog 4096
