/* SPDX-License-Identifier: MIT */
/*
 * waldo/limits.h - how much one peer may cost us
 *
 * Zero means the default, so a designated initialiser is enough:
 *	waldo_limits limits = {.size = sizeof(limits), .open_calls = 64};
 * Both sides tell each other theirs when a session opens. What would exceed a
 * limit fails with WALDO_ELIMIT and a message that has the limit's name, as
 * written here, and its value.
 */
#ifndef WALDO_LIMITS_H
#define WALDO_LIMITS_H

#include <stddef.h>
#include <stdint.h>

typedef struct waldo_limits {
	size_t size;          /* sizeof(waldo_limits) */
	size_t message_bytes; /* one message; default 4 MiB, at least 64 KiB,
	                       * at most 1 GiB */
	uint32_t depth;       /* nesting of values; default and most 64 */
	uint32_t exports;     /* our objects that one peer holds; 16384 */
	uint32_t open_calls;  /* one peer's calls that run here; 1024 */
	size_t queued_bytes;  /* to one peer, not yet sent, waiting calls
	                       * included; 16 MiB, at least message_bytes */
	size_t total_bytes;   /* for all peers together; 256 MiB */
	uint32_t sessions;    /* at a time; 16384 */
	uint32_t call_timeout_ms;  /* where a call names none; default: none */
	uint32_t dead_peer_ms;     /* silence before a link is lost; 20000, at
	                            * least 100 */
	uint32_t imports;          /* one peer's objects that we hold; 16384 */
	uint32_t refs_per_message; /* 256 */
	uint32_t names;            /* method names one peer may define; 1024 */
	size_t parked_bytes;       /* one peer's calls that wait for a promise
	                            * here; 1 MiB */
	size_t retained_bytes; /* to one peer, sent and not yet acknowledged;
	                        * 8 MiB, at least message_bytes */
	size_t call_window;    /* one peer's calls on their way to us that have
	                        * not begun; over it the peer waits; 8 MiB, at
	                        * least message_bytes */
	/* Encrypted links whose peers have not proved who they are; one more
	 * takes the place of any of them: */
	uint32_t handshakes;            /* 1024 */
	uint32_t handshakes_per_source; /* 64 of one IPv4 address, or of one
	                                 * IPv6 network of 64 bits */
	uint32_t handshake_rate; /* of such a source, each second, but for this
	                          * machine; 100, and 2 seconds' worth at once;
	                          * at most 1000000 */
	uint32_t handshake_budget; /* answered each second, of all together;
	                            * more wait for their turn, and of them
	                            * those whose source has asked for least go
	                            * first; fewer, if they took more than a
	                            * fifth of the time; 1000, at most
	                            * 1000000 */
} waldo_limits;

#endif
