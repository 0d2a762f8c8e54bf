/* SPDX-License-Identifier: MIT */
/*
 * memory/driver.h - nodes of one process, joined by buffers
 *
 * The smallest driver that a node can have: bytes are handed over as they
 * are, the clock moves only when nobody has anything to do, and nothing is
 * random. Unit tests and fuzz targets drive the broker with it. All nodes
 * share one clock and one space of "inproc:" names. One thread.
 */
#ifndef WALDO_TEST_MEMORY_H
#define WALDO_TEST_MEMORY_H

#include "broker/driver.h"

waldo_err memory_node_new(const waldo_node_options *options,
                          waldo_node **ret_node) WALDO_MUST_CHECK;

/* Microseconds of the clock that all nodes read. */
uint64_t memory_now(void);

/* What the nodes remember of hosts (waldo_node_options.known_hosts, whose path
 * does not matter); forgotten when the last node has gone. */
const char *memory_known(void);

/* As if somebody had emptied that file. */
void memory_forget(void);

/* Hands bytes over and turns nodes until nobody has anything to do; the clock
 * stands still. False if it gave up: 100,000 rounds and no end. */
bool memory_settle(void);

/* The same, and then lets the time pass, timers in their order. */
void memory_advance(uint64_t microseconds);

/* The same, but for what is to happen at the end of that time: it waits for
 * the next step. */
void memory_approach(uint64_t microseconds);

/* Moves the clock and nothing else, as while a method works. */
void memory_pass(uint64_t microseconds);

/* The same, whenever a node draws what is random: so long it then computes. */
void memory_set_cost(uint64_t microseconds);

/* About so many bytes are handed over at a time; 0: all there are. */
void memory_set_chunk(size_t bytes);

/* Says how many of `len` bytes are handed over to one end now, at least one;
 * the others follow. NULL: all. */
typedef size_t memory_gate(bool to_initiator, size_t len);
void memory_set_gate(memory_gate *gate);

/*
 * Sees what is handed over to one end of a link, and says how much of it that
 * end shall have: with less than `len` the link is lost behind it, in both
 * directions; what the other end has sent on and nobody has seen arrives.
 */
typedef size_t memory_tap(bool to_initiator, const void *data, size_t len,
                          void *user);

/* NULL: nobody looks. */
void memory_set_tap(memory_tap *tap, void *user);

/* Where links that are accepted from now on come from, as an address says it:
 * "tcp:192.0.2.7:5". NULL: from here. */
void memory_set_source(const char *address);

/* Loses all links at once, with what is on its way. */
void memory_cut(void);

/* One round of what memory_settle() does; false if there was nothing to do. */
bool memory_turn(void);

/*
 * A raw peer: the other end of a link, with no node behind it. It dials a
 * node that listens, or is dialled at its own name.
 */
typedef struct memory_raw memory_raw;

/* NULL if nobody listens at "inproc:NAME", or there is no memory. */
memory_raw *memory_raw_dial(const char *name);

/* Listens at "inproc:NAME"; the first link that is dialled is its own. */
memory_raw *memory_raw_listen(const char *name);

bool memory_raw_send(memory_raw *raw, const void *data, size_t len);

/* What has come since memory_raw_skip(); borrowed until the next step. */
const uint8_t *memory_raw_received(const memory_raw *raw, size_t *ret_len);
void memory_raw_skip(memory_raw *raw, size_t len);

/* True once the other end has let go, or if it was never there. */
bool memory_raw_is_closed(const memory_raw *raw);

/* Closes; NULL is accepted. */
void memory_raw_free(memory_raw *raw);

#endif
