/* SPDX-License-Identifier: MIT */
/*
 * broker/source.h - where links come from, and how often
 *
 * Whoever has an IPv6 address has the other 2^64 of its network, too.
 */
#ifndef WALDOI_SOURCE_H
#define WALDOI_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

/* Comparable with memcmp(). */
typedef struct waldoi_source {
	uint8_t family; /* 4, 6, or 0: not from a network */
	uint8_t prefix[8];
} waldoi_source;

/* Of the canonical text of an address. */
waldoi_source waldoi_source_of(const char *address);

/* Handshakes of one source for which there is time. */
typedef struct waldoi_rate {
	waldoi_source source;
	uint64_t spent_until; /* microseconds; a handshake moves it on */
} waldoi_rate;

#define WALDOI_RATES 256

/* Takes one handshake out of what `source` may have in `rates`, WALDOI_RATES of
 * them: `per_second`, and two seconds' worth at once. False: it has had them.
 * What is not from a network, and this machine, has as many as it likes. A
 * source that meets another in the table starts anew. */
bool waldoi_rate_take(waldoi_rate *rates, const waldoi_source *source,
                      uint32_t per_second, uint64_t now);

#endif
