/* SPDX-License-Identifier: MIT */
/*
 * sim/wire.h - what passes between two honest nodes, frame by frame
 *
 * What sessions give to their channels is read along (tap.c, wire.c), and what
 * both sides must keep to is checked (check_wire.c, check_limits.c). What a
 * frame tells its receiver counts from when its last byte has arrived.
 */
#ifndef WALDO_SIM_WIRE_H
#define WALDO_SIM_WIRE_H

#include "serial/cursor.h"
#include "sim/sim.h"

#define SIM_WIRE_HEAD  1024 /* bytes of a frame that are looked at */
#define SIM_WIRE_KEYS  16   /* of HELLO that are limits */
#define SIM_WIRE_FLOOR (64 * 1024)

/* A CALL that was sent. */
typedef struct sim_sent {
	int64_t id; /* 0: one-way */
	int64_t target;
	uint64_t frame;
	sim_inv *inv; /* NULL: the library's own */
	bool flush, returned;
	bool early; /* a call on its result failed before it returned */
} sim_sent;

/* A promise that was given to the peer. */
typedef struct sim_given {
	int64_t id;
	bool resolved;
} sim_given;

/* What a frame tells, once it is there. */
typedef struct sim_news {
	uint64_t at;     /* bytes of the sessions up to its end */
	uint64_t window; /* so many bytes of calls may be sent in all */
	bool going;      /* GOAWAY */
} sim_news;

/* One direction: what its sender has said. */
struct sim_wire {
	uint64_t bytes, heard; /* of which so many have arrived */
	sim_pipe said;         /* the others */
	uint8_t head[4 + SIM_WIRE_HEAD];
	size_t have;   /* bytes of the frame, its length included */
	size_t length; /* of the frame, its length included; 0: not known */

	uint64_t numbered;
	uint64_t call_bytes; /* in the length fields of calls */
	uint64_t window;     /* for them, as it has heard */
	uint64_t granted;    /* to the peer */
	uint64_t limits[SIM_WIRE_KEYS];
	bool greeted, going, ended;
	uint64_t last;        /* of its GOAWAY */
	uint64_t heard_going; /* when the peer's was heard; 0: has not been */
	sim_list sent, given, news;
};

#define SIM_MOST ((UINT64_C(1) << 53) - 1)

/* A frame that is looked at. */
typedef struct sim_reading {
	sim_world *world;
	sim_link *link;
	sim_end *end;
	sim_wire *wire;
	waldoi_cursor c; /* behind the operation's code */
	size_t length;   /* of kind and body */
	uint64_t at;     /* the session's bytes up to its end */
} sim_reading;

/* What the other side has said; NULL: nothing. */
static inline sim_wire *
sim_wire_peer(const sim_reading *f)
{
	return sim_end_peer(f->end)->wire;
}

/* check_limits.c */
void sim_read_credit(sim_reading *f);
void sim_read_limits(sim_reading *f); /* of HELLO, and of LIMITS */
void sim_read_goaway(sim_reading *f);
void sim_read_bye(sim_reading *f);
void sim_read_abort(sim_reading *f);

/* A frame of `end` has been sent, or as much of it as is looked at; `at` is
 * where in what it says it ends. */
void sim_check_frame(sim_end *end, const uint8_t *body, size_t len,
                     size_t length, uint64_t at);

#endif
