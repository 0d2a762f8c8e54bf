/* SPDX-License-Identifier: MIT */
/*
 * server/store/throttle.h - who has guessed too often
 *
 * A node has one, for swissnums and logins alike: a key that guesses both has
 * no more guesses than another.
 *
 * Misses are counted for each key and for all together. A key that has missed
 * too often is not looked at until it has waited; while all together miss too
 * often, which takes many keys, one miss is too often, so that those who do not
 * guess go on as before.
 *
 * Times are microseconds that never go back.
 */
#ifndef WALDOI_THROTTLE_H
#define WALDOI_THROTTLE_H

#include <waldo/node.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define WALDOI_THROTTLE_KEYS 256 /* that are remembered; power of two */

typedef struct waldoi_throttle {
	LIST_ENTRY(waldoi_throttle) entry;
	waldo_node *node;
	unsigned users;
	int64_t miss;      /* what one costs: a second */
	int64_t all_until; /* when the misses of all will be forgiven */
	struct waldoi_guesser {
		uint8_t key[32];
		int64_t until; /* when its misses will be forgiven */
		bool told;     /* that it is not looked at */
	} guessers[WALDOI_THROTTLE_KEYS];
} waldoi_throttle;

/* The node's, made for its first user. NULL: no memory. */
waldoi_throttle *waldoi_throttle_of(waldo_node *node);

/* NULL is accepted. */
void waldoi_throttle_release(waldoi_throttle *throttle);

/* Whether `key` (32 bytes; NULL: those who have none, together) may try.
 * The log tells of those who may not. */
bool waldoi_throttle_admits(waldoi_throttle *throttle, const uint8_t *key,
                            int64_t now);

/* It has missed. */
void waldoi_throttle_miss(waldoi_throttle *throttle, const uint8_t *key,
                          int64_t now);

#endif
