/* SPDX-License-Identifier: MIT */
/*
 * sim/net.h - chance and lists; links, and the pipes that they consist of
 */
#ifndef WALDO_SIM_NET_H
#define WALDO_SIM_NET_H

#include "broker/driver.h"
#include "sim/memory.h"

#include <inttypes.h>

typedef struct sim_world sim_world;
typedef struct sim_node sim_node;
typedef struct sim_link sim_link;
typedef struct sim_object sim_object;
typedef struct sim_hold sim_hold;
typedef struct sim_inv sim_inv;
typedef struct sim_call sim_call;
typedef struct sim_wire sim_wire;
typedef struct waldoi_attempt waldoi_attempt; /* broker/session/dialling.h */

typedef struct sim_rng {
	uint64_t state;
} sim_rng;

/* A list that grows; its memory is the world's. */
typedef struct sim_list {
	void **items;
	unsigned count, cap;
} sim_list;

/* ---- links (link.c, pipe.c) */

/* Into which pieces the bytes of a link are cut. */
typedef enum sim_style {
	SIM_WHOLE,
	SIM_PIECES,
	SIM_CRUMBS,
	SIM_STYLES
} sim_style;

/* What somebody on the way is about to do (spoil.c). */
typedef enum sim_spoiling {
	SIM_SOUND,
	SIM_FLIP,
	SIM_CUT,
	SIM_AGAIN
} sim_spoiling;

/* One direction of a link: what is under way. */
typedef struct sim_pipe {
	uint8_t *data;
	size_t start, len, cap; /* bytes data[start] on */
	size_t room;            /* how many fit, like a socket's buffer */
	uint64_t stalled_until; /* nothing arrives before; UINT64_MAX: ever */
	bool eof;               /* no more is put in */
	bool reset;             /* what is inside is lost */
	bool scheduled;         /* a delivery is among the events */
	uint64_t passed;        /* bytes that arrived */
	sim_spoiling spoil;     /* once so many have: */
	uint64_t spoil_at;
	uint64_t changed; /* bytes up to the last with a bit changed; 0: none */
	bool flipped;     /* so that an end cannot but notice */
	/* Of a sealed one: what arrives next is in the middle of an item. */
	uint32_t item_left, item_length, item_head;
} sim_pipe;

typedef struct sim_end {
	waldoi_link base; /* first */
	sim_link *link;
	sim_node *node; /* NULL: a fake peer */
	sim_pipe out;
	sim_wire *wire; /* what was said; NULL: nothing, or by a fake peer */
	bool open;    /* the broker has it and has not let go, nor been told */
	bool waiting; /* the pipe was full */
	bool kicked;  /* and an event says that it is no more */
	bool paused;  /* the broker wants no input */
} sim_end;

struct sim_link {
	sim_world *world;
	unsigned id;
	char name[24];       /* peer address of both ends: tells calls' links */
	sim_end ends[2];     /* 0: who dialled */
	sim_node *target;    /* whom it dialled; NULL: a fake node */
	bool established;    /* somebody answered */
	bool refused;        /* nobody did */
	bool touched;        /* something happened that may have ended it */
	unsigned delay_us;   /* on the way, at least */
	unsigned style;      /* how it is cut into pieces */
	unsigned running[2]; /* calls from this end not yet answered, P16 */
	uint32_t latest[2];  /* the last made of its calls that began here */
	uint32_t raised[2];  /* open_calls that an end has raised its to; 0 */
	bool passes_on;      /* calls that came by it went on to others */
	bool deaf;           /* a fake peer that never reads */

	/* Encrypted links (race.c); one that was dialled beside others stands
	 * back behind the first of them until it has won. */
	bool sealed;
	bool spoiled;    /* by somebody on the way */
	bool denied;     /* nobody may have the key that it asks for */
	bool reused;     /* by who was dialled, and had its key */
	unsigned opened; /* ends that know each other */
	int asked;       /* which key of the target's; -1: any */
	sim_link *first;
	const void *session; /* that dialled, of the first */
};

/* `from` NULL: dialled by a fake peer. */
sim_link *sim_link_new(sim_world *world, sim_node *from);
sim_link *sim_link_open(sim_node *from, const char *host);
sim_link *sim_link_open_sealed(sim_node *from, const char *host,
                               const waldoi_attempt *attempt);
bool sim_link_answer(sim_link *link, const char *host);
bool sim_link_is_hostile(const sim_link *link);
sim_link *sim_link_from_name(sim_world *world, const char *name);
void sim_link_flush(waldoi_link *base);
void sim_link_close(waldoi_link *base, waldoi_close how);
void sim_link_reset(sim_link *link);
bool sim_link_is_up(const sim_link *link);
void sim_link_ended_unused(sim_link *link);
sim_end *sim_link_end_of(sim_link *link, const sim_node *node);
sim_end *sim_end_peer(sim_end *end);
void sim_end_lost(sim_end *end, waldo_err err, const char *what);
/* `end` was initialised: its session's words are looked at (tap.c): it says
 * this, and hears that (wire.c), which it looks at or not. */
void sim_tap(sim_end *end);
void sim_wire_sent(sim_end *end, const uint8_t *data, size_t len);
void sim_wire_heard(sim_end *end, const uint8_t *data, size_t len,
                    bool looked_at);
void sim_pipe_append(sim_pipe *out, const void *data, size_t len);
void sim_pipe_put(sim_end *from, const void *data, size_t len);
void sim_pipe_again(sim_pipe *out, size_t len); /* its beginning, twice */
void sim_pipe_schedule(sim_end *from);

#endif
