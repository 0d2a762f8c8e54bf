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

/* An IPv4 address; of one of IPv6 a hash of its first half, where IPv4 has no
 * addresses; 0: not from a network. */
typedef uint32_t waldoi_source;

/* Of the canonical text of an address. */
waldoi_source waldoi_source_of(const char *address);

/* So many each second, and at most `burst_us` worth at once, but one. */
typedef struct waldoi_pace {
	uint64_t spent_until; /* microseconds; each one moves it on */
} waldoi_pace;

/* Takes one. False: they are used up, until *ret_again. */
bool waldoi_pace_take(waldoi_pace *pace, uint32_t per_second, uint64_t burst_us,
                      uint64_t now, uint64_t *ret_again);

/* The last one has taken so long, which may be more than was reckoned with. */
void waldoi_pace_charge(waldoi_pace *pace, uint32_t per_second, uint64_t took);

/* Handshakes of one source, or now and then of a few. */
typedef struct waldoi_rate {
	waldoi_pace pace;
	waldoi_source source; /* the last one */
	uint32_t here;        /* links of all of them, the caller's count */
} waldoi_rate;

#define WALDOI_RATES 1024

/* Takes one handshake out of what `source` may have in `rates`, WALDOI_RATES of
 * them: `per_second`, and two seconds' worth at once. False: it has had them.
 * What is not from a network, and this machine, has as many as it likes, but
 * they are counted. A source that meets another in the table starts anew. */
bool waldoi_rate_take(waldoi_rate *rates, waldoi_source source,
                      uint32_t per_second, uint64_t now);

/* Where it has its place in the table. */
waldoi_rate *waldoi_rate_of(waldoi_rate *rates, waldoi_source source);

#endif
