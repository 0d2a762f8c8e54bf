/* SPDX-License-Identifier: MIT */
/* Names, addresses, and what is said when they lead nowhere. */
#include "tests/conformance/fixture.h"

#include <stdio.h>

static waldo_ref *
connect_to(struct fixture *f, const char *name)
{
	char uri[700];
	waldo_ref *ref = NULL;

	(void) snprintf(uri, sizeof(uri), "%s/%s", f->uri, name);
	assert_ok(waldo_connect(f->client, uri, &ref));
	return ref;
}

static void
a_name_that_is_not_published_fails_its_calls(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ref = connect_to(f, "missing");
	struct outcome *o = outcome_of(f, waldo_ref_invoke(ref, "add", "i", 1));

	assert_int_equal(o->count, 1);
	assert_err(o->code, WALDO_ENAME);
	assert_string_equal(o->kind, "waldo.NoName");
	assert_non_null(strstr(o->message, "missing"));
	until(f, waldo_ref_get_state(ref) == WALDO_BROKEN);
	assert_err(waldo_ref_get_failure(ref)->code, WALDO_ENAME);
	waldo_ref_release(ref);
}

static void
a_published_name_leads_to_its_object(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ref = connect_to(f, "gate");
	struct outcome *o = outcome_of(f, waldo_ref_invoke(ref, "add", "i", 1));

	assert_integer(o, 2);
	assert_true(waldo_ref_equal(ref, f->gate));
	waldo_ref_release(ref);
}

static void
a_name_is_published_once(void **state)
{
	struct fixture *f = *state;

	assert_err(waldo_publish(f->server, "gate", f->service_ref),
	           WALDO_EINVAL);
	assert_non_null(strstr(waldo_node_get_message(f->server), "gate"));
	waldo_unpublish(f->server, "gate");
	assert_ok(waldo_publish(f->server, "gate", f->service_ref));
}

static void
a_name_has_the_characters_of_a_path_segment(void **state)
{
	struct fixture *f = *state;
	char name[130];
	static const char *const bad[] = {"",    "a/b", "a b",      "a?b",
	                                  "a#b", "a%b", "\xc3\xa9", "a\n"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_err(waldo_publish(f->server, bad[i], f->service_ref),
		           WALDO_EINVAL);
	}
	memset(name, 'n', 129);
	name[129] = '\0';
	assert_err(waldo_publish(f->server, name, f->service_ref),
	           WALDO_EINVAL);
	name[128] = '\0';
	assert_ok(waldo_publish(f->server, name, f->service_ref));
	assert_ok(waldo_publish(f->server, "azAZ09-._~!$&'()*+,;=:@",
	                        f->service_ref));
}

static void
every_character_of_a_name_can_be_connected_to(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ref;

	assert_ok(waldo_publish(f->server, "azAZ09-._~!$&'()*+,;=:@",
	                        f->service_ref));
	ref = connect_to(f, "azAZ09-._~!$&'()*+,;=:@");
	assert_integer(outcome_of(f, waldo_ref_invoke(ref, "add", "i", 1)), 2);
	waldo_ref_release(ref);
}

static void
a_name_that_was_taken_back_stays_with_those_who_hold_it(void **state)
{
	struct fixture *f = *state;
	waldo_ref *late;
	struct outcome *o;

	barrier(f);
	waldo_unpublish(f->server, "gate");
	waldo_unpublish(f->server, "gate");
	assert_integer(outcome_of(f, waldo_ref_invoke(f->gate, "add", "i", 1)),
	               2);
	late = connect_to(f, "gate");
	o = outcome_of(f, waldo_ref_invoke(late, "add", "i", 1));
	assert_err(o->code, WALDO_ENAME);
	waldo_ref_release(late);
}

static void
the_bootstrap_object_lists_and_fetches(void **state)
{
	struct fixture *f = *state;
	waldo_ref *root = connect_to(f, "");
	struct outcome *names =
	    watch_outcome(f, waldo_ref_invoke(root, "names", ""));
	struct outcome *gate =
	    watch_outcome(f, waldo_ref_invoke(root, "fetch", "s", "gate"));
	struct outcome *none =
	    watch_outcome(f, waldo_ref_invoke(root, "fetch", "s", "none"));

	until(f, names->count + gate->count + none->count == 3);
	assert_int_equal(names->type, WALDO_TYPE_LIST);
	assert_int_equal(names->count_in, 1);
	assert_true(waldo_ref_equal(gate->ref, f->gate));
	assert_failed(none, WALDO_ENAME, WALDO_EXECUTED);
	waldo_ref_release(root);
}

static waldo_type key_type; /* of what the finder was told last */

static void
finder_find(void *self, waldo_call *call)
{
	struct fixture *f = self;
	waldo_reader *args = waldo_call_get_args(call);
	const char *name = waldo_read_str(args, NULL);

	key_type = waldo_read_type(args);
	waldo_read_skip(args);
	if (waldo_call_check(call)) {
		waldo_call_reply(call, "r",
		                 strcmp(name, "found") == 0 ? f->service_ref
		                                            : NULL);
	}
}

static const waldo_method finder_methods[] = {{"find", finder_find, NULL, 0},
                                              {NULL, NULL, NULL, 0}};
static const waldo_class finder_class = {WALDO_CLASS_SIZES, "Finder",
                                         finder_methods, NULL, NULL};

static void
a_finder_is_asked_for_other_names(void **state)
{
	struct fixture *f = *state;
	waldo_ref *finder, *found, *lost;

	struct outcome *none, *not_found;

	lost = connect_to(f, "lost");
	none = outcome_of(f, waldo_ref_invoke(lost, "add", "i", 1));
	waldo_ref_release(lost);

	assert_ok(waldo_object_new(f->server, &finder_class, f, &finder));
	assert_ok(waldo_set_finder(f->server, finder));
	found = connect_to(f, "found");
	lost = connect_to(f, "lost");
	assert_integer(outcome_of(f, waldo_ref_invoke(found, "add", "i", 1)),
	               2);
	assert_int_equal(key_type, f->service->has_key ? WALDO_TYPE_BYTES
	                                               : WALDO_TYPE_NIL);
	not_found = outcome_of(f, waldo_ref_invoke(lost, "add", "i", 1));
	assert_err(not_found->code, WALDO_ENAME);
	assert_string_equal(not_found->message, none->message);
	waldo_ref_release(lost);

	/* One that is gone is none. */
	waldo_object_revoke(finder);
	waldo_ref_release(finder);
	lost = connect_to(f, "lost");
	not_found = outcome_of(f, waldo_ref_invoke(lost, "add", "i", 1));
	assert_err(not_found->code, WALDO_ENAME);
	assert_ok(waldo_set_finder(f->server, NULL));
	waldo_ref_release(found);
	waldo_ref_release(lost);
}

static void
where_nobody_listens_every_call_fails_unsent(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ref = NULL;
	struct outcome *o[10];
	char uri[700];

	(void) snprintf(uri, sizeof(uri), "%s/gate", f->uri);
	barrier(f);
	waldo_ref_end_session(f->gate, "again");
	waldo_listener_close(f->listener);
	node_free(&f->server);
	assert_ok(waldo_connect(f->client, uri, &ref));
	for (int i = 0; i < 10; i++) {
		o[i] = watch_outcome(f, waldo_ref_invoke(ref, "add", "i", i));
	}
	until(f, o[9]->count > 0);
	for (int i = 0; i < 10; i++) {
		assert_failed(o[i], WALDO_ECONNECT, WALDO_NOT_SENT);
		assert_non_null(strstr(o[i]->message, "cannot connect to "));
	}
	assert_int_equal(waldo_ref_get_state(ref), WALDO_BROKEN);
	assert_err(waldo_ref_notify(ref, "add", "i", 1), WALDO_ECONNECT);
	waldo_ref_release(ref);
}

static void
malformed_addresses_are_refused_with_a_reason(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ref = NULL;
	static const char *const uris[] = {
	    "",
	    "nonsense",
	    "http://localhost/x",
	    "waldo+tcp-insecure://localhost:x/echo",
	    "waldo+tcp-insecure://localhost/echo",
	    "waldo+inproc:/x",
	    "waldo+unix:///tmp/x/a b",
	    "waldo+tcp-insecure://localhost:4747/a?b",
	};

	for (size_t i = 0; i < sizeof(uris) / sizeof(*uris); i++) {
		assert_err(waldo_connect(f->client, uris[i], &ref),
		           WALDO_EADDRESS);
		assert_string_not_equal(waldo_node_get_message(f->client), "");
	}
	assert_null(ref);
	assert_err(waldo_listen(f->server, "nonsense", NULL), WALDO_EADDRESS);
	assert_err(waldo_listen(f->server, "tcp-insecure:localhost", NULL),
	           WALDO_EADDRESS);
}

/* A9: this node remembers nobody, and does not take anybody. */
static void
who_has_no_key_and_is_not_remembered_is_not_dialled(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ref = NULL;

	assert_err(waldo_connect(f->client, "waldo://@localhost:1/x", &ref),
	           WALDO_EDENIED);
	assert_null(ref);
	assert_string_not_equal(waldo_node_get_message(f->client), "");
}

/* P24: in clear nothing proves who the peer is, so there is no key. */
static void
only_an_encrypted_link_has_a_key(void **state)
{
	struct fixture *f = *state;

	f->service->has_key = !wire->is_secure;
	assert_integer(outcome_of(f, waldo_ref_invoke(f->gate, "add", "i", 1)),
	               2);
	assert_int_equal(f->service->has_key, wire->is_secure);
}

/* N12: what one end signs for this link the other can check. */
static void
both_ends_have_the_same_binding(void **state)
{
	struct fixture *f = *state;
	const uint8_t *ours;

	f->service->has_binding = !wire->is_secure;
	assert_integer(outcome_of(f, waldo_ref_invoke(f->gate, "add", "i", 1)),
	               2);
	ours = waldo_ref_get_binding(f->gate);
	assert_int_equal(f->service->has_binding, wire->is_secure);
	assert_int_equal(ours != NULL, wire->is_secure);
	if (ours != NULL) {
		assert_memory_equal(ours, f->service->binding, 32);
	}
}

/* TCP in clear proves nothing, on the loopback neither. */
static void
what_is_confidential_is_not_told_in_clear(void **state)
{
	static const char clear[] = "waldo+tcp-insecure:";
	const waldo_options options = {.size = sizeof(options),
	                               .flags = WALDO_CONFIDENTIAL};
	struct fixture *f = *state;
	waldo_request *request = waldo_request_new(f->gate, "add", &options);
	struct outcome *o;

	waldo_putf(waldo_request_get_args(request), "i", 1);
	o = outcome_of(f, waldo_request_send(request));
	if (strncmp(f->uri, clear, sizeof(clear) - 1) != 0) {
		assert_integer(o, 2);
		return;
	}
	assert_failed(o, WALDO_EDENIED, WALDO_NOT_SENT);
	assert_non_null(strstr(o->message, "is reached in clear"));
	assert_int_equal(f->service->calls, 0);
}

static void
a_closed_listener_leaves_its_links_alone(void **state)
{
	struct fixture *f = *state;

	barrier(f);
	waldo_listener_close(f->listener);
	assert_integer(outcome_of(f, waldo_ref_invoke(f->gate, "add", "i", 1)),
	               2);
}

const struct CMUnitTest naming_tests[] = {
    waldo_test(a_name_that_is_not_published_fails_its_calls),
    waldo_test(a_published_name_leads_to_its_object),
    waldo_test(a_name_is_published_once),
    waldo_test(a_name_has_the_characters_of_a_path_segment),
    waldo_test(every_character_of_a_name_can_be_connected_to),
    waldo_test(a_name_that_was_taken_back_stays_with_those_who_hold_it),
    waldo_test(the_bootstrap_object_lists_and_fetches),
    waldo_test(a_finder_is_asked_for_other_names),
    waldo_test(where_nobody_listens_every_call_fails_unsent),
    waldo_test(malformed_addresses_are_refused_with_a_reason),
    waldo_test(who_has_no_key_and_is_not_remembered_is_not_dialled),
    waldo_test(only_an_encrypted_link_has_a_key),
    waldo_test(both_ends_have_the_same_binding),
    waldo_test(what_is_confidential_is_not_told_in_clear),
    waldo_test(a_closed_listener_leaves_its_links_alone),
};
END_SUITE(naming);
