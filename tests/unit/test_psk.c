/* SPDX-License-Identifier: MIT */
/* A cluster's secret (waldo_node_set_psk): PROTOCOL.md N4, N6. */
#include "tests/unit/dial_fixture.h"

#include <stdio.h>

static const uint8_t secret[32] = {1, 2, 3}, another[32] = {4, 5, 6};

static struct outcome *
reach_by_slot(struct fixture *f, const char *slot)
{
	char uri[512];

	(void) snprintf(uri, sizeof(uri), "%s?psk=%s",
	                uri_of(host_key, "host:1"), slot);
	return reach(f, f->client, uri);
}

static void
who_knows_the_secret_meets_the_cluster(void **state)
{
	struct fixture *f = *state;

	assert_ok(waldo_node_set_psk(f->server, 7, secret, true));
	assert_ok(waldo_node_set_psk(f->client, 7, secret, false));
	assert_integer(reach_by_slot(f, "7"), 2);
}

static void
another_secret_meets_nobody(void **state)
{
	struct fixture *f = *state;

	assert_ok(waldo_node_set_psk(f->server, 7, secret, false));
	assert_ok(waldo_node_set_psk(f->client, 7, another, false));
	assert_int_equal(reach_by_slot(f, "7")->count, 1);
	assert_int_not_equal(f->outcomes[0].code, WALDO_OK);
	assert_int_equal(f->service->calls, 0);
	assert_int_equal(count_sessions(f->server), 0);
}

static void
a_slot_that_the_host_has_not_is_denied(void **state)
{
	struct fixture *f = *state;

	assert_ok(waldo_node_set_psk(f->client, 7, secret, false));
	assert_denied(reach_by_slot(f, "7"), "had proved");
}

/* Nor has a session a part in it in which nobody has shown the secret. */
static void
a_session_without_the_secret_is_not_taken_for_one(void **state)
{
	struct fixture *f = *state;
	waldo_key *key = waldo_key_retain(key_new());
	struct service *service;
	char uri[512];

	f->third = keyed_node(key, false);
	service = serve(f, f->third, "third");
	assert_ok(waldo_node_set_psk(f->third, 7, secret, false));
	assert_ok(
	    waldo_connect(f->third, uri_of(host_key, "host:1"), &f->gate));
	assert_integer(outcome_of(f, waldo_ref_invoke(f->gate, "add", "i", 1)),
	               2);
	/* The one that it has dialled, */
	(void) snprintf(uri, sizeof(uri), "%s?psk=7",
	                uri_of(host_key, "host:1"));
	assert_denied(reach(f, f->third, uri), "had proved");
	assert_int_equal(f->service->calls, 1);
	/* and as its peer has it. */
	assert_ok(waldo_node_set_psk(f->third, 7, NULL, false));
	assert_ok(waldo_node_set_psk(f->server, 7, secret, false));
	(void) snprintf(uri, sizeof(uri), "%s?psk=7", uri_of(key, "third:1"));
	assert_denied(reach(f, f->server, uri), "had proved");
	assert_int_equal(service->calls, 0);
	waldo_key_release(key);
}

static void
a_slot_of_ours_that_is_empty_is_denied_at_once(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ref = NULL;
	char uri[512];

	(void) snprintf(uri, sizeof(uri), "%s?psk=9",
	                uri_of(host_key, "host:1"));
	assert_err(waldo_connect(f->client, uri, &ref), WALDO_EDENIED);
	assert_string_equal(waldo_node_get_message(f->client),
	                    "?psk=9: there is no secret in that slot");
}

static void
where_a_secret_is_required_others_are_refused(void **state)
{
	struct fixture *f = *state;

	assert_ok(waldo_node_set_psk(f->server, 7, secret, true));
	assert_int_not_equal(
	    reach(f, f->client, uri_of(host_key, "host:1"))->code, WALDO_OK);
	assert_int_equal(f->service->calls, 0);
	/* A second slot does not let in those who have neither. */
	assert_ok(waldo_node_set_psk(f->server, 8, secret, false));
	assert_int_not_equal(
	    reach(f, f->client, uri_of(host_key, "host:1"))->code, WALDO_OK);
	assert_int_equal(f->service->calls, 0);
}

/* Takes the secret from `node` when first something comes to the client, or to
 * the server. */
struct taking {
	waldo_node *node;
	bool at_client, done;
};

static size_t
take_secret(bool to_initiator, const void *data, size_t len, void *user)
{
	struct taking *taking = user;

	(void) data;
	if (to_initiator == taking->at_client && !taking->done) {
		taking->done = true;
		assert_ok(waldo_node_set_psk(taking->node, 7, NULL, false));
	}
	return len;
}

static struct outcome *
meet_and_take(struct fixture *f, waldo_node *node, bool at_client)
{
	struct taking taking = {node, at_client, false};
	struct outcome *o;

	assert_ok(waldo_node_set_psk(f->server, 7, secret, true));
	assert_ok(waldo_node_set_psk(f->client, 7, secret, false));
	memory_set_tap(take_secret, &taking);
	o = reach_by_slot(f, "7");
	memory_set_tap(NULL, NULL);
	assert_true(taking.done);
	return o;
}

/* Between messages 2 and 3, which it is needed for. */
static void
a_secret_that_goes_meanwhile_lets_nobody_in(void **state)
{
	struct fixture *f = *state;

	assert_int_not_equal(meet_and_take(f, f->server, true)->code, WALDO_OK);
	assert_int_equal(f->service->calls, 0);
	assert_int_equal(count_sessions(f->server), 0);
}

static void
who_dials_has_the_secret_as_it_was_then(void **state)
{
	struct fixture *f = *state;

	assert_integer(meet_and_take(f, f->client, false), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    dial_test(who_knows_the_secret_meets_the_cluster),
	    dial_test(another_secret_meets_nobody),
	    dial_test(a_slot_that_the_host_has_not_is_denied),
	    dial_test(a_session_without_the_secret_is_not_taken_for_one),
	    dial_test(a_slot_of_ours_that_is_empty_is_denied_at_once),
	    dial_test(where_a_secret_is_required_others_are_refused),
	    dial_test(a_secret_that_goes_meanwhile_lets_nobody_in),
	    dial_test(who_dials_has_the_secret_as_it_was_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
