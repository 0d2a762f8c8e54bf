/* SPDX-License-Identifier: MIT */
#include "server/store/throttle.h"

#include <string.h>

#define SECOND INT64_C(1000000)

/* What a miss costs, and how many may be had on credit. */
#define MISS       SECOND /* one a second */
#define MISSES     16
#define ALL_MISS   (SECOND / 64)
#define ALL_MISSES 256

static const uint8_t nobody[32];

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

bool
waldoi_throttle_admits(waldoi_throttle *throttle, const uint8_t *key,
                       int64_t now, bool *ret_first)
{
	struct waldoi_guesser *guesser;
	int64_t misses = MISSES;

	key = key == NULL ? nobody : key;
	guesser = place_of(throttle, key);
	*ret_first = false;
	if (memcmp(guesser->key, key, sizeof(guesser->key)) != 0) {
		return true;
	}
	if (owed(throttle->all_until, now) > (ALL_MISSES - 1) * ALL_MISS) {
		misses = 1;
	}
	if (owed(guesser->until, now) <= (misses - 1) * MISS) {
		guesser->told = false;
		return true;
	}
	*ret_first = !guesser->told;
	guesser->told = true;
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
	guesser->until = now + owed(guesser->until, now) + MISS;
	throttle->all_until = now + owed(throttle->all_until, now) + ALL_MISS;
}
