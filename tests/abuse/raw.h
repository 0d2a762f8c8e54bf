/* SPDX-License-Identifier: MIT */
/*
 * abuse/raw.h - a peer on a socket that is no node
 *
 * It says what it is told to, as fast as it can, and knows of the protocol only
 * what it needs to stay within it: its call window, which ids are next, how
 * many answers came. What ends its session or fails its calls is written to
 * arena->said. Nothing here outlasts arena->over.
 */
#ifndef WALDO_ABUSE_RAW_H
#define WALDO_ABUSE_RAW_H

#include "abuse/arena.h"

enum { RAW_IN = 64 * 1024, RAW_HEAD = 5 };

struct raw {
	struct arena *arena;
	int fd;                   /* -1: closed */
	bool mute;                /* does not read */
	bool quiet;               /* does not acknowledge */
	uint64_t used, total;     /* of the call window */
	uint64_t next;            /* id */
	uint64_t frames, returns; /* that came: numbered, and RETURNs of them */
	uint64_t acked;
	size_t in_len, skip; /* bytes in `in`; of a long frame still to come */
	uint8_t in[RAW_IN];
};

/* A connected socket, or -1. */
int raw_connect(const struct arena *arena);

/* Connects, says HELLO and fetches the gate, which is export -2 from there on.
 * With `quiet` it is a peer without the feature ACK. */
bool raw_open(struct raw *raw, struct arena *arena, bool quiet);
void raw_close(struct raw *raw);

/* Writes a frame as text (memory/text.h); "!" before it makes it a link frame.
 * Returns its length; does not return if the text is wrong. */
size_t raw_frame(uint8_t *to, size_t cap, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Sends all of it. Reads meanwhile, unless mute. False: the link is gone, or
 * all is over. */
bool raw_send(struct raw *raw, const uint8_t *data, size_t len);
bool raw_say(struct raw *raw, const char *text);

enum raw_how {
	RAW_PLAIN = 0,
	RAW_CALL = 1,    /* it counts in the call window, and waits for it */
	RAW_NUMBERED = 2 /* element 1, which was written as 1000, is the id,
	                  * raw->next, which grows by 2 */
};

/* `count` frames that are all as `frame`. False as above, or if the window is
 * full and the peer mute. */
bool raw_repeat(struct raw *raw, const uint8_t *frame, size_t len,
                unsigned count, int how);

/* Takes what has come; waits at most `wait_ms` for it. False: as above. */
bool raw_take(struct raw *raw, int wait_ms);

/* Until `returns` answers came. */
bool raw_await(struct raw *raw, uint64_t returns);

/* Not mute any more, and quick about it: why the link is gone. */
void raw_hear_end(struct raw *raw);

#endif
