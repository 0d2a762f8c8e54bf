/* SPDX-License-Identifier: MIT */
#include "tests/restart/restart.h"

#include <waldo.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define GRACE_MS 10000

static waldo_node *node;
static uint64_t server_number;
static int ledger_fd;

static void
answer_later(void *user)
{
	waldo_call_reply(user, "");
}

/* execute(attempt): at most once for each. */
static void
execute(void *self, waldo_call *call)
{
	struct executed line = {
	    waldo_read_uint(waldo_call_get_args(call), UINT64_MAX),
	    server_number};

	(void) self;
	if (!waldo_call_check(call)) {
		return;
	}
	if (write(ledger_fd, &line, sizeof(line)) != sizeof(line)) {
		waldo_call_fail(call, "test.Ledger", "it cannot be written");
	} else if (line.attempt % EVERY_DEFERRED == 0) {
		call = waldo_call_defer(call, NULL, NULL);
		if (waldo_node_after(node, DEFERRED_MS, answer_later, call,
		                     NULL) != WALDO_OK) {
			waldo_call_reply(call, "");
		}
	} else {
		waldo_call_reply(call, "");
	}
}

static const waldo_method methods[] = {{"execute", execute, NULL, 0},
                                       {NULL, NULL, NULL, 0}};
static const waldo_class ledger_class = {WALDO_CLASS_SIZES, "Ledger", methods,
                                         NULL, NULL};

static void
stop(int signal_number)
{
	(void) signal_number;
	waldo_node_stop(node, GRACE_MS);
}

static waldo_err
serve(waldo_key *key)
{
	const struct sigaction action = {.sa_handler = stop};
	waldo_ref *ref = NULL;
	char address[16];
	sigset_t early;
	const waldo_node_options options = {.size = sizeof(options),
	                                    .key = key};
	waldo_err err = waldo_node_new(&options, &node);

	if (err != WALDO_OK) {
		return err;
	}
	(void) sigaction(SIGTERM, &action, NULL);
	sigemptyset(&early);
	sigaddset(&early, SIGTERM);
	(void) sigprocmask(SIG_UNBLOCK, &early, NULL);
	(void) snprintf(address, sizeof(address), "fd:%d", LISTENING_FD);
	if ((err = waldo_object_new(node, &ledger_class, NULL, &ref)) ==
	        WALDO_OK &&
	    (err = waldo_publish(node, "ledger", ref)) == WALDO_OK &&
	    (err = waldo_listen(node, address, NULL)) == WALDO_OK) {
		err = waldo_node_run(node);
	}
	waldo_ref_release(ref);
	return err;
}

int
run_server(const char *directory, uint64_t number)
{
	const struct sigaction deaf = {.sa_handler = SIG_IGN};
	char path[256];
	waldo_key *key = NULL;
	waldo_err err;

	server_number = number;
	key_path(path, directory);
	err = waldo_key_load(path, &key);
	ledger_path(path, directory);
	ledger_fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
	if (ledger_fd < 0) {
		err = WALDO_ESYSTEM;
	}
	if (err == WALDO_OK) {
		err = serve(key);
	}
	if (err != WALDO_OK) {
		(void) fprintf(stderr, "server %u: %s\n", (unsigned) number,
		               waldo_strerror(err));
	}
	(void) sigaction(SIGTERM, &deaf, NULL);
	waldo_node_free(node);
	waldo_key_release(key);
	return err == WALDO_OK ? 0 : 1;
}
