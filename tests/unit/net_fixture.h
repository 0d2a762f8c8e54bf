/* SPDX-License-Identifier: MIT */
/* A server and a client node of one thread, on real sockets. */
#ifndef WALDO_TEST_NET_FIXTURE_H
#define WALDO_TEST_NET_FIXTURE_H

#include "tests/waldo_test.h"

#include <waldo/client.h>
#include <waldo/object.h>
#include <waldo/server.h>

#define PATIENCE_MS 5000

typedef struct net_fixture {
	waldo_node *server, *client;
	char directory[64]; /* for socket files */
	char address[128];  /* room for a test's own */
	int logged;         /* lines of the server's log */
	char log[256];      /* the last one */

	/* What the callee of "peer" saw. */
	char peer_address[128];
	int64_t peer_uid, peer_pid;
} net_fixture;

int net_setup(void **state);
int net_teardown(void **state);

uint64_t net_now_ms(void);

/* Listens at `address` and returns a reference to its "echo". */
waldo_ref *net_connect(net_fixture *f, const char *address);

/* Invokes a method of one string argument, steps both nodes until there is an
 * outcome, and returns its code. */
waldo_err net_call(net_fixture *f, waldo_ref *ref, const char *method);

/* The failure of a call on what stands at `uri`, as "code: message". */
const char *net_failure(net_fixture *f, const char *uri);

/* Steps both nodes until *claim, or until patience ends. */
bool net_until(net_fixture *f, const bool *claim);

/* A socket, connected with the listener of `uri`. */
int net_raw_connect(const char *uri);

/* A TCP socket with a queue of `backlog` that accepts nothing (the kernel
 * does), and its URI. */
int net_silent_listener(int backlog, char uri[64]);

/* Steps the server until `fd` is at its end; the time it took, or -1. */
int64_t net_wait_for_end(net_fixture *f, int fd);

/* unix: and a path in the fixture's folder. Borrowed until the next call. */
const char *net_unix_address(net_fixture *f, const char *name);

/* Calls the service at `address`, where the server then listens. */
void net_expect_echo(net_fixture *f, const char *address);

#endif
