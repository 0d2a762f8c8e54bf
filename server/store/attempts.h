/* SPDX-License-Identifier: MIT */
/*
 * server/store/attempts.h - who has failed to log in, and how often
 *
 * Failures are counted by what they have in common, an account or a source. The
 * first five cost nothing; from then on each makes the next attempt wait twice
 * as long, up to a minute. What has not failed for a while is forgotten, and so
 * is what has not failed for longest when there are too many.
 *
 * Times are microseconds that never go back.
 */
#ifndef WALDOI_ATTEMPTS_H
#define WALDOI_ATTEMPTS_H

#include <waldo/call.h>

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define WALDOI_ATTEMPTS      4096 /* that are remembered */
#define WALDOI_ATTEMPTS_FREE 5
#define WALDOI_ATTEMPTS_KEY  16

typedef struct waldoi_attempts waldoi_attempts;

/* What failures are counted by. */
typedef struct waldoi_attempts_key {
	uint8_t bytes[WALDOI_ATTEMPTS_KEY];
} waldoi_attempts_key;

/* `second` is how long the first that waits does; a minute is 60 of them. NULL
 * without memory. */
waldoi_attempts *waldoi_attempts_new(int64_t second);
void waldoi_attempts_free(waldoi_attempts *attempts);

void waldoi_attempts_of_account(const waldoi_attempts *attempts,
                                const char *name, waldoi_attempts_key *ret_key);
/* The host of an IPv4 address, the /64 of an IPv6 one, the user of a Unix
 * socket: what one guesser has many of counts as one. */
void waldoi_attempts_of_peer(const waldoi_attempts *attempts,
                             const waldo_peer *peer,
                             waldoi_attempts_key *ret_key);

/* How long an attempt that comes now has to wait. */
int64_t waldoi_attempts_wait(waldoi_attempts *attempts,
                             const waldoi_attempts_key *key, int64_t now);
void waldoi_attempts_fail(waldoi_attempts *attempts,
                          const waldoi_attempts_key *key, int64_t now);
void waldoi_attempts_forget(waldoi_attempts *attempts,
                            const waldoi_attempts_key *key);

#endif
