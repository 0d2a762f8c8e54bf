/* SPDX-License-Identifier: MIT */
/*
 * sim/hostile.h - what fake peers have in common
 *
 *	hostile        lies: frames that may not be, or not there
 *	hostile_hoard  takes: keeps to the protocol, and gives nothing back
 *	hostile_pack   MessagePack and frames
 */
#ifndef WALDO_SIM_HOSTILE_H
#define WALDO_SIM_HOSTILE_H

#include "sim/sim.h"

#define SIM_LIES 6000 /* bytes that are sent at a time */

/* What does not fit is left out. */
typedef struct sim_buffer {
	uint8_t data[SIM_LIES];
	size_t len;
} sim_buffer;

/* What a fake peer remembers of itself. */
typedef struct sim_liar {
	sim_world *world;
	bool sealed; /* its link */
	sim_buffer out;
	int64_t call; /* its next call id */
	int64_t name; /* its next method number */
	int64_t sign; /* -1, -2: its first export */
} sim_liar;

void sim_put(sim_buffer *to, const void *data, size_t len);
void sim_put_byte(sim_buffer *to, unsigned byte);
void sim_put_be(sim_buffer *to, uint64_t value, unsigned bytes);
void sim_put_int(sim_buffer *to, int64_t value);
void sim_put_text(sim_buffer *to, const char *text);
void sim_put_array(sim_buffer *to, unsigned count);

/* Returns where it begins. */
size_t sim_frame_begin(sim_buffer *to, unsigned kind);
void sim_frame_end(sim_buffer *to, size_t start);

/* Somebody who dialled is there for some seconds and only takes. */
void sim_hoard(sim_link *link);

/* It did what it could. Of `what`, a sim_link. */
void sim_hostile_gone(void *what, uint64_t arg);

#endif
