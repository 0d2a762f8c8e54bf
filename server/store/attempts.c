/* SPDX-License-Identifier: MIT */
#include "server/store/attempts.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LISTS     1024 /* power of two */
#define MOST      60   /* seconds that an attempt waits */
#define FORGOTTEN 600  /* seconds after the last failure */

typedef struct record {
	LIST_ENTRY(record) entry;
	TAILQ_ENTRY(record) age;
	waldoi_attempts_key key;
	uint32_t failures;
	int64_t last;
} record;

struct waldoi_attempts {
	int64_t second;
	size_t count;
	uint8_t secret[crypto_generichash_KEYBYTES];
	TAILQ_HEAD(records, record) by_age; /* the oldest first */
	LIST_HEAD(, record) lists[LISTS];
};

waldoi_attempts *
waldoi_attempts_new(int64_t second)
{
	waldoi_attempts *attempts = calloc(1, sizeof(*attempts));

	if (attempts != NULL) {
		attempts->second = second;
		TAILQ_INIT(&attempts->by_age);
		/* So that nobody can fill one of the lists. */
		randombytes_buf(attempts->secret, sizeof(attempts->secret));
	}
	return attempts;
}

static void
drop(waldoi_attempts *attempts, record *r)
{
	LIST_REMOVE(r, entry);
	TAILQ_REMOVE(&attempts->by_age, r, age);
	attempts->count--;
	free(r);
}

void
waldoi_attempts_free(waldoi_attempts *attempts)
{
	record *r;

	while (attempts != NULL &&
	       (r = TAILQ_FIRST(&attempts->by_age)) != NULL) {
		drop(attempts, r);
	}
	free(attempts);
}

/* ---- keys */

static void
make_key(const waldoi_attempts *attempts, char kind, const void *data,
         size_t len, waldoi_attempts_key *ret_key)
{
	crypto_generichash_state state;

	(void) crypto_generichash_init(&state, attempts->secret,
	                               sizeof(attempts->secret),
	                               sizeof(ret_key->bytes));
	(void) crypto_generichash_update(&state, (const uint8_t *) &kind, 1);
	(void) crypto_generichash_update(&state, data, len);
	(void) crypto_generichash_final(&state, ret_key->bytes,
	                                sizeof(ret_key->bytes));
}

void
waldoi_attempts_of_account(const waldoi_attempts *attempts, const char *name,
                           waldoi_attempts_key *ret_key)
{
	make_key(attempts, 'a', name, strlen(name), ret_key);
}

/* "[2001:db8::1]:4747" or "192.0.2.7:4747"; 0 if it is neither. */
static size_t
read_host(const char *text, uint8_t bytes[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	char host[64];
	bool is_six = *text == '[';
	size_t len = strcspn(text + is_six, is_six ? "]%" : ":");

	if (len >= sizeof(host)) {
		return 0;
	}
	memcpy(host, text + is_six, len);
	host[len] = '\0';
	if (!is_six) {
		return inet_pton(AF_INET, host, bytes) == 1 ? 4 : 0;
	}
	if (inet_pton(AF_INET6, host, bytes) != 1) {
		return 0;
	}
	if (memcmp(bytes, mapped, sizeof(mapped)) == 0) {
		memmove(bytes, bytes + sizeof(mapped), 4);
		return 4;
	}
	return 8;
}

void
waldoi_attempts_of_peer(const waldoi_attempts *attempts, const waldo_peer *peer,
                        waldoi_attempts_key *ret_key)
{
	const char *colon = strchr(peer->address, ':');
	uint8_t host[16];
	size_t len = strncmp(peer->address, "tcp", 3) == 0 && colon != NULL
	                 ? read_host(colon + 1, host)
	                 : 0;
	char text[160];

	if (len > 0) {
		make_key(attempts, 'h', host, len, ret_key);
		return;
	}
	(void) snprintf(text, sizeof(text), "%lld %s", (long long) peer->uid,
	                peer->address);
	make_key(attempts, 'p', text, strlen(text), ret_key);
}

/* ---- counting */

static record *
find(waldoi_attempts *attempts, const waldoi_attempts_key *key)
{
	size_t list = (key->bytes[0] | (size_t) key->bytes[1] << 8) % LISTS;
	record *r;

	LIST_FOREACH(r, &attempts->lists[list], entry) {
		if (memcmp(&r->key, key, sizeof(*key)) == 0) {
			return r;
		}
	}
	return NULL;
}

static record *
add(waldoi_attempts *attempts, const waldoi_attempts_key *key)
{
	size_t list = (key->bytes[0] | (size_t) key->bytes[1] << 8) % LISTS;
	record *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		return NULL;
	}
	if (attempts->count >= WALDOI_ATTEMPTS) {
		drop(attempts, TAILQ_FIRST(&attempts->by_age));
	}
	r->key = *key;
	LIST_INSERT_HEAD(&attempts->lists[list], r, entry);
	TAILQ_INSERT_TAIL(&attempts->by_age, r, age);
	attempts->count++;
	return r;
}

int64_t
waldoi_attempts_wait(waldoi_attempts *attempts, const waldoi_attempts_key *key,
                     int64_t now)
{
	record *r = find(attempts, key);
	uint32_t doublings;

	if (r == NULL) {
		return 0;
	}
	if (now - r->last > FORGOTTEN * attempts->second) {
		drop(attempts, r);
		return 0;
	}
	if (r->failures < WALDOI_ATTEMPTS_FREE) {
		return 0;
	}
	doublings = r->failures - WALDOI_ATTEMPTS_FREE;
	return attempts->second * (doublings < 6 ? 1 << doublings : MOST);
}

void
waldoi_attempts_fail(waldoi_attempts *attempts, const waldoi_attempts_key *key,
                     int64_t now)
{
	record *r = find(attempts, key);

	if (r == NULL) {
		r = add(attempts, key);
	} else {
		TAILQ_REMOVE(&attempts->by_age, r, age);
		TAILQ_INSERT_TAIL(&attempts->by_age, r, age);
	}
	if (r != NULL) {
		r->failures += r->failures < UINT32_MAX;
		r->last = now;
	}
}

void
waldoi_attempts_forget(waldoi_attempts *attempts,
                       const waldoi_attempts_key *key)
{
	record *r = find(attempts, key);

	if (r != NULL) {
		drop(attempts, r);
	}
}
