/* SPDX-License-Identifier: MIT */
/*
 * restart/restart.h - a server that is replaced under load, and what became of
 * every call
 *
 * One program in three roles. The driver holds the socket that all servers
 * listen on, replaces them one after the other, and at the end compares what
 * the clients were told with the servers' own ledger.
 */
#ifndef WALDO_TEST_RESTART_H
#define WALDO_TEST_RESTART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CLIENTS = 4,
	RESTARTS = 20,
	LISTENING_FD = 3,
	EVERY_DEFERRED = 8,  /* which attempts are answered later */
	DEFERRED_MS = 20,    /* so much */
	EVERY_REPEATABLE = 4 /* which operations may run twice */
};

/* A line of the ledger, written before the call is answered. */
struct executed {
	uint64_t attempt;
	uint64_t server;
};

enum outcome { SUCCEEDED, NOT_SENT, MAYBE_EXECUTED, REFUSED };

/* What a client was told of one attempt at an operation. */
struct attempt {
	uint64_t id; /* of all attempts of all clients */
	uint64_t operation;
	uint32_t outcome;
	uint32_t repeatable;
};

int run_server(const char *directory, uint64_t number);

/* `rate` operations a second, as often as is needed, for `seconds`. */
int run_client(const char *uri, const char *path, uint64_t number,
               unsigned rate, unsigned seconds);

/* Files that the roles leave in `directory`. */
void ledger_path(char path[256], const char *directory);
void key_path(char path[256], const char *directory);
void client_path(char path[256], const char *directory, uint64_t number);

struct report {
	size_t operations, attempts, executed;
	size_t outcomes[REFUSED + 1];
	size_t servers; /* that executed something */
};

/* Prints what is not as it must be; false if there is any. */
bool check_files(const char *directory, struct report *ret_report);

#endif
