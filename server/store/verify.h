/* SPDX-License-Identifier: MIT */
/*
 * server/store/verify.h - threads that compute Argon2id beside the loop
 *
 * At most two, started when they are first needed; at most 32 tasks wait.
 * Everything but the computing itself is the node's thread's.
 */
#ifndef WALDOI_VERIFY_H
#define WALDOI_VERIFY_H

#include <waldo/node.h>

#include <sodium.h>
#include <sys/queue.h>

#define WALDOI_VERIFY_THREADS 2
#define WALDOI_VERIFY_WAITING 32

typedef struct waldoi_verify waldoi_verify;
typedef struct waldoi_verifiers waldoi_verifiers;

/* What one password costs. */
typedef struct waldoi_verify_cost {
	unsigned long long ops;
	size_t memory;
} waldoi_verify_cost;

struct waldoi_verify {
	TAILQ_ENTRY(waldoi_verify) entry;
	const char *password; /* borrowed until `done` */
	/* Empty: there is none; as much is computed as for one that was made
	 * at `cost`, and `good` is false. */
	char verifier[crypto_pwhash_STRBYTES];
	waldoi_verify_cost cost;
	/* Once, from the loop or in waldoi_verifiers_close(). */
	void (*done)(waldoi_verify *task);
	bool good;
};

/* NULL without memory. */
waldoi_verifiers *waldoi_verifiers_new(waldo_node *node);

/* `task` is borrowed until it is done, unless this fails: WALDO_ELIMIT if
 * as many wait already, WALDO_ESYSTEM if there can be no thread. */
waldo_err waldoi_verifiers_submit(waldoi_verifiers *verifiers,
                                  waldoi_verify *task) WALDO_MUST_CHECK;

/* Waits for what the threads are computing; then whatever is not done is, and
 * is not good. NULL is accepted. */
void waldoi_verifiers_close(waldoi_verifiers *verifiers);

#endif
