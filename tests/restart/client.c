/* SPDX-License-Identifier: MIT */
#include "tests/restart/restart.h"

#include <waldo.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MAX_OPEN = 512, TICK_MS = 1, AGAIN_MS = 2, PATIENCE_MS = 20000 };

struct client {
	waldo_node *node;
	const char *uri;
	waldo_ref *ledger;
	unsigned generation; /* of `ledger` */
	bool stale;          /* it leads to who goes, or is gone */
	FILE *out;
	uint64_t next; /* attempt */
	uint64_t first_operation;
	uint64_t made, wanted, open; /* operations */
	unsigned rate;
	uint64_t start_ms;
	bool failed;
};

struct operation {
	struct client *client;
	struct attempt attempt;
	unsigned generation;
};

static uint64_t
now_ms(void)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

static void
reconnect(struct client *client)
{
	waldo_ref *ledger = NULL;

	if (waldo_connect(client->node, client->uri, &ledger) == WALDO_OK) {
		waldo_ref_release(client->ledger);
		client->ledger = ledger;
		client->generation++;
		client->stale = false;
	}
}

static waldo_done_cb done;

static void
try(void *user)
{
	struct operation *operation = user;
	struct client *client = operation->client;
	const waldo_options options = {
	    .size = sizeof(options),
	    .flags = operation->attempt.repeatable != 0 ? WALDO_IDEMPOTENT : 0};
	waldo_request *request;

	if (client->stale) {
		reconnect(client);
	}
	operation->attempt.id = client->next++;
	operation->generation = client->generation;
	request = waldo_request_new(client->ledger, "execute", &options);
	waldo_put_uint(waldo_request_get_args(request), operation->attempt.id);
	if (waldo_promise_when(waldo_request_send(request), done, operation) !=
	    WALDO_OK) {
		client->failed = true;
	}
}

static enum outcome
outcome_of(const waldo_failure *failure)
{
	if (failure == NULL) {
		return SUCCEEDED;
	}
	switch (failure->fate) {
	case WALDO_NOT_SENT: return NOT_SENT;
	case WALDO_MAYBE_EXECUTED: return MAYBE_EXECUTED;
	default:
		(void) fprintf(stderr, "refused: %s\n", failure->message);
		return REFUSED;
	}
}

static void
done(waldo_reader *result, const waldo_failure *failure, void *user)
{
	struct operation *operation = user;
	struct client *client = operation->client;
	struct attempt *attempt = &operation->attempt;

	(void) result;
	attempt->outcome = outcome_of(failure);
	if (fwrite(attempt, sizeof(*attempt), 1, client->out) != 1) {
		client->failed = true;
	}
	if (failure != NULL && operation->generation == client->generation) {
		client->stale = true;
	}
	if ((attempt->outcome == NOT_SENT ||
	     (attempt->outcome == MAYBE_EXECUTED &&
	      attempt->repeatable != 0)) &&
	    waldo_node_after(client->node, AGAIN_MS, try, operation, NULL) ==
	        WALDO_OK) {
		return;
	}
	client->open--;
	free(operation);
}

static void
begin(struct client *client)
{
	struct operation *operation = calloc(1, sizeof(*operation));

	if (operation == NULL) {
		client->failed = true;
		return;
	}
	operation->client = client;
	operation->attempt.operation = client->first_operation + client->made;
	operation->attempt.repeatable =
	    operation->attempt.operation % EVERY_REPEATABLE == 0;
	client->made++;
	client->open++;
	try(operation);
}

static void
tick(void *user)
{
	struct client *client = user;
	uint64_t due = (now_ms() - client->start_ms) * client->rate / 1000;

	while (client->made < due && client->made < client->wanted &&
	       client->open < MAX_OPEN && !client->failed) {
		begin(client);
	}
	if (client->made < client->wanted &&
	    waldo_node_after(client->node, TICK_MS, tick, client, NULL) !=
	        WALDO_OK) {
		client->failed = true;
	}
}

/* Until every operation has had its end. */
static void
run(struct client *client)
{
	uint64_t give_up = client->start_ms +
	                   client->wanted * 1000 / client->rate + PATIENCE_MS;

	tick(client);
	while (!client->failed &&
	       (client->made < client->wanted || client->open > 0)) {
		if (waldo_node_step(client->node, 100) != WALDO_OK ||
		    now_ms() > give_up) {
			(void) fprintf(stderr, "%u operations are open still\n",
			               (unsigned) client->open);
			client->failed = true;
		}
	}
}

int
run_client(const char *uri, const char *path, uint64_t number, unsigned rate,
           unsigned seconds)
{
	struct client client = {.uri = uri,
	                        .next = number << 32 | 1,
	                        .first_operation = number << 32,
	                        .wanted = (uint64_t) rate * seconds,
	                        .rate = rate,
	                        .start_ms = now_ms(),
	                        .stale = true};

	client.out = fopen(path, "wb");
	if (client.out == NULL ||
	    waldo_node_new(NULL, &client.node) != WALDO_OK) {
		perror(path);
		return 1;
	}
	run(&client);
	waldo_ref_release(client.ledger);
	waldo_node_free(client.node);
	return fclose(client.out) == 0 && !client.failed ? 0 : 1;
}
