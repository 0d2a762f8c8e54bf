/* SPDX-License-Identifier: MIT */
#include "server/store/throttle.h"

#include <waldo/key.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* How many misses may be had on credit, and how many of all cost as much as one
 * of one key. */
#define MISSES     16
#define ALL_MISSES 256
#define ALL        64

static const uint8_t nobody[32];

/* ---- one for each node */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(, waldoi_throttle) all = LIST_HEAD_INITIALIZER(all);

static waldoi_throttle *
find(const waldo_node *node)
{
	waldoi_throttle *throttle;

	LIST_FOREACH(throttle, &all, entry) {
		if (throttle->node == node) {
			return throttle;
		}
	}
	return NULL;
}

waldoi_throttle *
waldoi_throttle_of(waldo_node *node)
{
	waldoi_throttle *throttle;

	(void) pthread_mutex_lock(&lock);
	throttle = find(node);
	if (throttle == NULL) {
		throttle = calloc(1, sizeof(*throttle));
		if (throttle != NULL) {
			throttle->node = node;
			throttle->miss = 1000000;
			LIST_INSERT_HEAD(&all, throttle, entry);
		}
	}
	if (throttle != NULL) {
		throttle->users++;
	}
	(void) pthread_mutex_unlock(&lock);
	return throttle;
}

void
waldoi_throttle_release(waldoi_throttle *throttle)
{
	if (throttle == NULL) {
		return;
	}
	(void) pthread_mutex_lock(&lock);
	if (--throttle->users == 0) {
		LIST_REMOVE(throttle, entry);
		free(throttle);
	}
	(void) pthread_mutex_unlock(&lock);
}

/* ---- counting */

/* Keys that share a place push each other out: whoever makes keys to be
 * forgotten could have come with new keys as well. */
static struct waldoi_guesser *
place_of(waldoi_throttle *throttle, const uint8_t *key)
{
	return &throttle->guessers[key[0] & (WALDOI_THROTTLE_KEYS - 1)];
}

static int64_t
owed(int64_t until, int64_t now)
{
	return until > now ? until - now : 0;
}

static void
tell(const waldoi_throttle *throttle, const uint8_t *key)
{
	char print[WALDO_KEY_PRINT] = "none";

	if (key != nobody) {
		waldo_key_fingerprint(key, print);
	}
	waldo_node_log(throttle->node, WALDO_LOG_WARN,
	               "grants: too many wrong swissnums or logins from key "
	               "%s; it has to wait",
	               print);
}

bool
waldoi_throttle_admits(waldoi_throttle *throttle, const uint8_t *key,
                       int64_t now)
{
	struct waldoi_guesser *guesser;
	int64_t misses = MISSES;

	key = key == NULL ? nobody : key;
	guesser = place_of(throttle, key);
	if (memcmp(guesser->key, key, sizeof(guesser->key)) != 0) {
		return true;
	}
	if (owed(throttle->all_until, now) >
	    (ALL_MISSES - 1) * throttle->miss / ALL) {
		misses = 1;
	}
	if (owed(guesser->until, now) <= (misses - 1) * throttle->miss) {
		guesser->told = false;
		return true;
	}
	if (!guesser->told) {
		guesser->told = true;
		tell(throttle, key);
	}
	return false;
}

void
waldoi_throttle_miss(waldoi_throttle *throttle, const uint8_t *key, int64_t now)
{
	struct waldoi_guesser *guesser;

	key = key == NULL ? nobody : key;
	guesser = place_of(throttle, key);
	if (memcmp(guesser->key, key, sizeof(guesser->key)) != 0) {
		memcpy(guesser->key, key, sizeof(guesser->key));
		guesser->until = 0;
		guesser->told = false;
	}
	guesser->until = now + owed(guesser->until, now) + throttle->miss;
	throttle->all_until =
	    now + owed(throttle->all_until, now) + throttle->miss / ALL;
}
