/* SPDX-License-Identifier: MIT */
/* Who dials may use less, until the program knows him: each limit, before and
 * after (PROTOCOL.md P41). */
#include "tests/conformance/too_much.h"

#include <stdio.h>

static const waldo_limits little = {
    .size = sizeof(little),
    .message_bytes = 65536,
    .depth = 16,
    .imports = 64,
    .open_calls = 16,
    .refs_per_message = 16,
    .names = 64,
    .parked_bytes = 8192,
};

static int
setup_wary(void **state)
{
	const waldo_node_options options = {.size = sizeof(options),
	                                    .strangers = &little};
	struct fixture *f;

	if (setup_nothing(state) != 0) {
		return -1;
	}
	f = *state;
	assert_ok(wire->node_new(&options, &f->server));
	f->client = node_new(NULL);
	fixture_join(f);
	barrier(f);
	return 0;
}

static void
log_in(struct fixture *f)
{
	assert_ok(outcome_of(f, waldo_ref_invoke(f->gate, "login", ""))->code);
}

static void
messages_may_be_larger(void **state)
{
	struct fixture *f = *state;
	struct outcome *o = send_bytes(f, 70000);

	assert_limit(o, WALDO_NOT_SENT,
	             "message_bytes: a message of 70021 bytes, the peer "
	             "takes at most 65536");
	log_in(f);
	assert_integer(send_bytes(f, 70000), 1);
	assert_integer(send_bytes(f, 4000000), 1);
}

static void
more_calls_may_be_open(void **state)
{
	struct fixture *f = *state;
	struct outcome *o[20];

	for (int i = 0; i < 17; i++) {
		o[i] = watch_outcome(f, waldo_ref_invoke(f->gate, "hold", ""));
	}
	until(f, o[16]->count > 0 && f->service->held_count == 16);
	assert_limit(o[16], WALDO_NOT_SENT,
	             "open_calls: the peer runs at most 16 calls of "
	             "ours at a time");
	service_answer(f->service, 1);
	until(f, o[0]->count == 1);
	log_in(f);
	for (int i = 16; i < 20; i++) {
		o[i] = watch_outcome(f, waldo_ref_invoke(f->gate, "hold", ""));
	}
	until(f, f->service->held_count == 19);
	assert_int_equal(o[19]->count, 0);
}

static void
more_objects_may_be_given(void **state)
{
	struct fixture *f = *state;
	struct outcome *o = give_objects(f, 65);

	assert_limit(o, WALDO_NOT_SENT,
	             "imports: the peer holds 64 objects of ours, at most "
	             "64 are allowed");
	log_in(f);
	assert_ok(give_objects(f, 10)->code);
	assert_int_equal(f->service->stored_count, 74);
}

static void
messages_may_have_more_references(void **state)
{
	struct fixture *f = *state;
	struct outcome *o = send_refs(f, 17);

	assert_limit(o, WALDO_NOT_SENT,
	             "refs_per_message: a message with 17 references, the "
	             "peer takes at most 16");
	log_in(f);
	assert_ok(send_refs(f, 17)->code);
	assert_ok(send_refs(f, 256)->code);
}

static void
values_may_be_deeper(void **state)
{
	struct fixture *f = *state;
	struct outcome *o = send_deep(f, 17);

	assert_limit(o, WALDO_NOT_SENT,
	             "depth: arguments of 17 levels, the peer takes at most "
	             "16");
	log_in(f);
	assert_ok(send_deep(f, 17)->code);
}

static struct outcome *
park_bytes(struct fixture *f, waldo_promise *held)
{
	static char data[10000];

	return watch_outcome(f,
	                     waldo_ref_invoke(waldo_promise_get_ref(held),
	                                      "echo", "y", data, sizeof(data)));
}

/* Of a limit that the peer is not told of. */
static void
more_calls_may_be_parked(void **state)
{
	struct fixture *f = *state;
	waldo_promise *held = waldo_ref_invoke(f->gate, "hold", "");
	struct outcome *o = park_bytes(f, held);

	until(f, o->count > 0);
	assert_failed(o, WALDO_ELIMIT, WALDO_EXECUTED);
	assert_non_null(strstr(o->message, "at most 8192 may"));
	log_in(f);
	o = park_bytes(f, held);
	until(f, f->service->held_count == 1);
	service_answer_ref(f->service, f->service_ref);
	until(f, o->count > 0);
	assert_ok(o->code);
	waldo_promise_release(held);
}

static void
only_who_has_logged_in_may_use_more(void **state)
{
	struct fixture *f = *state;
	waldo_ref *gate = f->gate;
	waldo_ref *ref = NULL;
	char uri[600];

	log_in(f);
	f->third = node_new(NULL);
	(void) snprintf(uri, sizeof(uri), "%s/gate", f->uri);
	assert_ok(waldo_connect(f->third, uri, &ref));
	f->gate = ref;
	barrier(f);
	assert_err(send_bytes(f, 70000)->code, WALDO_ELIMIT);
	f->gate = gate;
	assert_integer(send_bytes(f, 70000), 1);
	waldo_ref_release(ref);
}

/* Whom we dialled is no stranger. */
static void
whom_the_node_dialled_is_no_stranger(void **state)
{
	struct fixture *f = *state;
	static char data[70000];
	waldo_listener *listener = NULL;
	char uri[600];
	waldo_ref *bootstrap = NULL, *mine = NULL, *back = NULL;
	struct outcome *o;

	f->third = node_new(NULL);
	(void) service_new(f, f->third, &back);
	assert_ok(waldo_listen(f->third, wire->address(), &listener));
	assert_ok(waldo_publish(f->third, "back", back));
	(void) snprintf(uri, sizeof(uri), "%s/",
	                waldo_listener_get_uri(listener));
	assert_ok(waldo_connect(f->server, uri, &bootstrap));
	(void) service_new(f, f->server, &mine);
	o = outcome_of(f, waldo_ref_invoke(bootstrap, "fetch", "s", "back"));
	(void) outcome_of(f, waldo_ref_invoke(o->ref, "keep", "r", mine));
	o = outcome_of(f, waldo_ref_invoke(f->services[1].kept, "mark", "iy", 1,
	                                   data, sizeof(data)));
	assert_integer(o, 1);
	waldo_ref_release(mine);
	waldo_ref_release(back);
	waldo_ref_release(bootstrap);
}

#define wary_test(name)                                                        \
	cmocka_unit_test_setup_teardown(name, setup_wary, teardown)

const struct CMUnitTest strangers_tests[] = {
    wary_test(messages_may_be_larger),
    wary_test(more_calls_may_be_open),
    wary_test(more_objects_may_be_given),
    wary_test(messages_may_have_more_references),
    wary_test(values_may_be_deeper),
    wary_test(more_calls_may_be_parked),
    wary_test(only_who_has_logged_in_may_use_more),
    wary_test(whom_the_node_dialled_is_no_stranger),
};
END_SUITE(strangers);
