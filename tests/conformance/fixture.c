/* SPDX-License-Identifier: MIT */
#include "tests/conformance/fixture.h"

#include <stdio.h>
#include <stdlib.h>

const transport *wire;

waldo_node *
node_new(const waldo_limits *limits)
{
	waldo_node_options options = {.size = sizeof(options)};
	waldo_node *node = NULL;

	if (limits != NULL) {
		options.limits = limits;
	}
	assert_ok(wire->node_new(&options, &node));
	return node;
}

void
node_free(waldo_node **node)
{
	waldo_node_free(*node);
	*node = NULL;
}

void
fixture_open(struct fixture *f, const waldo_limits *server,
             const waldo_limits *client)
{
	f->server = node_new(server);
	f->client = wire->is_near ? f->server : node_new(client);
	fixture_join(f);
}

void
fixture_join(struct fixture *f)
{
	char uri[600];

	f->service = service_new(f, f->server, &f->service_ref);
	assert_non_null(f->service);
	assert_ok(waldo_listen(f->server, wire->address(), &f->listener));
	(void) snprintf(f->uri, sizeof(f->uri), "%s",
	                waldo_listener_get_uri(f->listener));
	assert_ok(waldo_publish(f->server, "gate", f->service_ref));
	if (wire->is_near) {
		f->gate = waldo_ref_retain(f->service_ref);
		return;
	}
	(void) snprintf(uri, sizeof(uri), "%s/gate", f->uri);
	assert_ok(waldo_connect(f->client, uri, &f->gate));
}

int
setup_nothing(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return *state == NULL ? -1 : 0;
}

int
setup(void **state)
{
	if (setup_nothing(state) != 0) {
		return -1;
	}
	fixture_open(*state, NULL, NULL);
	return 0;
}

static void
service_fini(struct service *service)
{
	for (size_t i = 0; i < service->held_count; i++) {
		waldo_call_reply(service->held[i], "");
	}
	for (size_t i = 0; i < service->stored_count; i++) {
		waldo_ref_release(service->stored[i]);
	}
	service->held_count = service->stored_count = 0;
	waldo_ref_release(service->kept);
	service->kept = NULL;
}

/* After the nodes are gone every object is, each once (promise 5). */
static int
check_services(const struct fixture *f)
{
	for (size_t i = 0; i < f->service_count; i++) {
		const struct service *service = &f->services[i];

		if (service->made && service->destroyed != 1) {
			print_error("object %zu was destroyed %d times\n", i,
			            service->destroyed);
			return -1;
		}
	}
	return 0;
}

static int
check_outcomes(const struct fixture *f)
{
	for (size_t i = 0; i < f->outcome_count; i++) {
		if (f->outcomes[i].count > 1) {
			print_error("outcome %zu came %d times\n", i,
			            f->outcomes[i].count);
			return -1;
		}
	}
	return 0;
}

int
teardown(void **state)
{
	struct fixture *f = *state;
	int status;

	waldo_ref_release(f->gate);
	waldo_ref_release(f->service_ref);
	if (f->client != f->server) {
		waldo_node_free(f->client);
	}
	waldo_node_free(f->server);
	waldo_node_free(f->third);
	/* Held calls and references outlive their node. */
	for (size_t i = 0; i < f->service_count; i++) {
		service_fini(&f->services[i]);
	}
	for (size_t i = 0; i < f->outcome_count; i++) {
		waldo_ref_release(f->outcomes[i].ref);
		free(f->outcomes[i].text);
	}
	status = check_services(f) != 0 || check_outcomes(f) != 0 ? -1 : 0;
	free(f);
	return status;
}

/* ---- outcomes */

struct outcome *
outcome_new(struct fixture *f)
{
	struct outcome *outcome = &f->outcomes[f->outcome_count];

	assert_true(f->outcome_count < MAX_OUTCOMES);
	f->outcome_count++;
	outcome->f = f;
	return outcome;
}

static void
note_bytes(struct outcome *outcome, const void *data, size_t len)
{
	outcome->text = malloc(len + 1);
	if (outcome->text != NULL && data != NULL) {
		memcpy(outcome->text, data, len);
		outcome->text[len] = '\0';
		outcome->len = len;
	}
}

static void
note_int(struct outcome *outcome, waldo_reader *result)
{
	/* An integer above INT64_MAX is one too: it is told by a range that
	 * only the unsigned reader has. */
	if (waldo_read_type(result) == WALDO_TYPE_INT) {
		outcome->integer = waldo_read_int(result, INT64_MIN, INT64_MAX);
	}
}

static void
note_result(struct outcome *outcome, waldo_reader *result)
{
	size_t len = 0;
	const void *data;

	outcome->type = waldo_read_type(result);
	switch (outcome->type) {
	case WALDO_TYPE_INT: note_int(outcome, result); break;
	case WALDO_TYPE_UINT:
		outcome->integer =
		    (int64_t) waldo_read_uint(result, UINT64_MAX);
		break;
	case WALDO_TYPE_BOOL: outcome->integer = waldo_read_bool(result); break;
	case WALDO_TYPE_DOUBLE:
		outcome->number = waldo_read_double(result);
		break;
	case WALDO_TYPE_STR:
		data = waldo_read_str(result, &len);
		note_bytes(outcome, data, len);
		break;
	case WALDO_TYPE_BYTES:
		data = waldo_read_bytes(result, &len);
		note_bytes(outcome, data, len);
		break;
	case WALDO_TYPE_TIME: outcome->integer = waldo_read_time(result); break;
	case WALDO_TYPE_REF:
		outcome->ref = waldo_ref_retain(waldo_read_ref(result));
		break;
	case WALDO_TYPE_LIST:
		outcome->count_in = waldo_read_list(result);
		return;
	case WALDO_TYPE_MAP: outcome->count_in = waldo_read_map(result); return;
	case WALDO_TYPE_NIL:
	case WALDO_TYPE_END: waldo_read_skip(result); break;
	}
	outcome->end = waldo_read_end(result);
}

void
note_outcome(waldo_reader *result, const waldo_failure *failure, void *user)
{
	struct outcome *outcome = user;

	outcome->sequence = ++outcome->f->sequence;
	if (outcome->count++ > 0) {
		return;
	}
	if (failure == NULL) {
		note_result(outcome, result);
		return;
	}
	outcome->code = failure->code;
	outcome->fate = failure->fate;
	outcome->remote = failure->remote;
	outcome->end = waldo_read_error(result);
	(void) snprintf(outcome->kind, sizeof(outcome->kind), "%s",
	                failure->type);
	(void) snprintf(outcome->message, sizeof(outcome->message), "%s",
	                failure->message);
}

struct outcome *
watch_outcome(struct fixture *f, waldo_promise *promise)
{
	struct outcome *outcome = outcome_new(f);

	assert_non_null(promise);
	assert_ok(waldo_promise_when(promise, note_outcome, outcome));
	return outcome;
}

struct outcome *
outcome_of(struct fixture *f, waldo_promise *promise)
{
	struct outcome *outcome = watch_outcome(f, promise);

	until(f, outcome->count > 0);
	return outcome;
}

void
pump(struct fixture *f)
{
	waldo_node *nodes[MAX_NODES] = {f->server, f->client, f->third};

	if (f->client == f->server) {
		nodes[1] = NULL;
	}
	wire->pump(nodes, MAX_NODES);
}

void
barrier(struct fixture *f)
{
	/* The second one comes behind what the first one set off. */
	for (int i = 0; i < 3; i++) {
		(void) outcome_of(f, waldo_ref_invoke(f->gate, ".ping", ""));
	}
}
