/* SPDX-License-Identifier: MIT */
/* Nodes, listeners and names. */
#include "torture/misuse/misuse.h"

/* ---- NULL */

MISUSE(waldo_node_free, null)
{
	(void) w;
	waldo_node_free(NULL);
}

MISUSE(waldo_node_get_message, null)
{
	(void) w;
	assert_non_null(waldo_node_get_message(NULL));
}

MISUSE(waldo_node_run, null)
{
	(void) w;
	assert_err(waldo_node_run(NULL), WALDO_EINVAL);
}

MISUSE(waldo_node_step, null)
{
	(void) w;
	assert_err(waldo_node_step(NULL, 0), WALDO_EINVAL);
}

MISUSE(waldo_node_flush, null)
{
	(void) w;
	waldo_node_flush(NULL);
}

MISUSE(waldo_node_stop, null)
{
	(void) w;
	waldo_node_stop(NULL, 0);
}

MISUSE(waldo_node_is_running, null)
{
	(void) w;
	assert_false(waldo_node_is_running(NULL));
}

MISUSE(waldo_node_get_fd, null)
{
	(void) w;
	assert_int_equal(waldo_node_get_fd(NULL), -1);
}

MISUSE(waldo_node_post, null)
{
	int done = 0;

	assert_err(waldo_node_post(NULL, count_task, &done), WALDO_EINVAL);
	assert_err(waldo_node_post(w->client, NULL, NULL), WALDO_EINVAL);
	pump();
	assert_int_equal(done, 0);
}

MISUSE(waldo_node_after, null)
{
	waldo_watch *watch = NULL;
	int done = 0;

	assert_err(waldo_node_after(NULL, 0, count_task, &done, &watch),
	           WALDO_EINVAL);
	assert_err(waldo_node_after(w->client, 0, NULL, NULL, &watch),
	           WALDO_EINVAL);
	assert_null(watch);
}

MISUSE(waldo_connect, null)
{
	waldo_ref *ref = NULL;

	assert_err(waldo_connect(NULL, w->uri, &ref), WALDO_EINVAL);
	assert_err(waldo_connect(w->client, NULL, &ref), WALDO_EINVAL);
	assert_err(waldo_connect(w->client, w->uri, NULL), WALDO_EINVAL);
	assert_null(ref);
}

MISUSE(waldo_listen, null)
{
	waldo_listener *listener = NULL;

	assert_err(waldo_listen(NULL, "inproc:x", &listener), WALDO_EINVAL);
	assert_err(waldo_listen(w->server, NULL, &listener), WALDO_EINVAL);
	assert_null(listener);
}

MISUSE(waldo_listener_get_uri, null)
{
	(void) w;
	assert_string_equal(waldo_listener_get_uri(NULL), "");
}

MISUSE(waldo_listener_close, null)
{
	(void) w;
	waldo_listener_close(NULL);
}

MISUSE(waldo_publish, null)
{
	assert_err(waldo_publish(NULL, "x", w->service), WALDO_EINVAL);
	assert_err(waldo_publish(w->server, NULL, w->service), WALDO_EINVAL);
	assert_err(waldo_publish(w->server, "x", NULL), WALDO_EINVAL);
}

MISUSE(waldo_unpublish, null)
{
	waldo_unpublish(NULL, "gate");
	waldo_unpublish(w->server, NULL);
	assert_ok(outcome_of(waldo_ref_invoke(w->gate, ".ping", "")));
}

MISUSE(waldo_node_fail, null)
{
	assert_err(waldo_node_fail(NULL, WALDO_EDENIED, "%d", 7),
	           WALDO_EDENIED);
	assert_string_equal(waldo_node_get_message(NULL), "7");
	assert_err(waldo_node_fail(w->server, WALDO_EDENIED, NULL),
	           WALDO_EDENIED);
}

MISUSE(waldo_node_log, null)
{
	waldo_node_log(NULL, WALDO_LOG_ERROR, "%d", 7);
	waldo_node_log(w->server, WALDO_LOG_ERROR, NULL);
	waldo_node_log(w->server, (waldo_log_level) 99, "of no level");
}

MISUSE(waldo_set_finder, null)
{
	assert_err(waldo_set_finder(NULL, w->service), WALDO_EINVAL);
	assert_ok(waldo_set_finder(w->server, NULL)); /* none */
}

static void
count_line(const char *line, void *user)
{
	*(int *) user += line[0] != '\0';
}

MISUSE(waldo_node_dump, null)
{
	int lines = 0;

	waldo_node_dump(NULL, count_line, &lines);
	waldo_node_dump(w->server, NULL, NULL);
	assert_int_equal(lines, 0);
}

static void
dump_both(void *user)
{
	struct world *w = user;
	static int lines;

	waldo_node_dump(w->client, count_line, &lines);
	waldo_node_dump(w->server, count_line, &lines);
}

MISUSE(waldo_node_dump, in_a_callback)
{
	int lines = 0;

	in_callback(w, dump_both, w);
	waldo_node_dump(w->server, count_line, &lines);
	assert_true(lines > 1);
}

/* ---- options */

static void
expect_no_node(const waldo_node_options *options, const char *name)
{
	waldo_node *node = NULL;

	assert_err(waldo_node_new(options, &node), WALDO_EINVAL);
	assert_null(node);
	assert_non_null(strstr(waldo_node_get_message(NULL), name));
}

MISUSE(waldo_node_new, options_of_a_wrong_size)
{
	waldo_node_options options = {.size = 0};

	(void) w;
	expect_no_node(&options, "size");
	options.size = 1;
	expect_no_node(&options, "size");
}

MISUSE(waldo_node_new, limits_out_of_range)
{
	waldo_limits limits = {.size = 4};
	waldo_node_options options = {.size = sizeof(options),
	                              .limits = &limits};

	(void) w;
	expect_no_node(&options, "size");
	limits = (waldo_limits){.size = sizeof(limits), .message_bytes = 1};
	expect_no_node(&options, "message_bytes");
	limits =
	    (waldo_limits){.size = sizeof(limits), .message_bytes = SIZE_MAX};
	expect_no_node(&options, "message_bytes");
	limits = (waldo_limits){.size = sizeof(limits), .depth = 65};
	expect_no_node(&options, "depth");
	limits = (waldo_limits){.size = sizeof(limits), .queued_bytes = 1};
	expect_no_node(&options, "queued_bytes");
	limits = (waldo_limits){.size = sizeof(limits), .retained_bytes = 1};
	expect_no_node(&options, "retained_bytes");
	limits = (waldo_limits){.size = sizeof(limits), .dead_peer_ms = 1};
	expect_no_node(&options, "dead_peer_ms");
}

/* ---- in a callback of its own */

static waldo_err step_error, run_error;

static void
step_and_run(void *user)
{
	struct world *w = user;

	step_error = waldo_node_step(w->client, 0);
	run_error = waldo_node_run(w->client);
}

MISUSE(waldo_node_step, in_a_callback)
{
	in_callback(w, step_and_run, w);
	assert_err(step_error, WALDO_EINVAL);
	assert_err(run_error, WALDO_EINVAL);
}

MISUSE(waldo_node_run, in_a_callback)
{
	in_callback(w, step_and_run, w);
	assert_err(run_error, WALDO_EINVAL);
}

static void
flush_and_stop(void *user)
{
	struct world *w = user;

	waldo_node_flush(w->client);
	waldo_node_stop(w->client, 10);
	waldo_node_stop(w->client, 0);
	waldo_node_flush(w->client);
}

MISUSE(waldo_node_flush, in_a_callback)
{
	assert_ok(waldo_ref_notify(w->gate, "echo", "i", MAX_OUTCOMES - 1));
	in_callback(w, flush_and_stop, w);
	assert_false(waldo_node_is_running(w->client));
}

/* ---- stopped */

MISUSE(waldo_node_stop, again_and_again)
{
	waldo_node_stop(w->server, UINT32_MAX);
	waldo_node_stop(w->server, 0);
	waldo_node_stop(w->server, UINT32_MAX);
	pump();
	assert_false(waldo_node_is_running(w->server));
	waldo_node_stop(w->server, 0);
	pump();
	assert_false(waldo_node_is_running(w->server));
	assert_ok(waldo_node_run(w->server)); /* returns at once */
}

MISUSE(waldo_listen, on_a_node_that_stops)
{
	waldo_listener *listener = NULL;

	waldo_node_stop(w->server, 0);
	pump();
	assert_err(waldo_listen(w->server, "inproc:late", &listener),
	           WALDO_EINVAL);
	assert_null(listener);
}

MISUSE(waldo_connect, on_a_node_that_stops)
{
	waldo_ref *ref = NULL;

	waldo_node_stop(w->client, 0);
	pump();
	if (waldo_connect(w->client, w->uri, &ref) == WALDO_OK) {
		assert_true(outcome_of(waldo_ref_invoke(ref, "names", "")) !=
		            WALDO_OK);
		assert_int_equal(probe_fate, WALDO_NOT_SENT);
	}
	waldo_ref_release(ref);
}

/* ---- freed */

static waldo_err posted_error;

static void
post_more(void *user)
{
	struct world *w = user;
	static int done;

	posted_error = waldo_node_post(w->client, count_task, &done);
}

MISUSE(waldo_node_post, while_the_node_is_freed)
{
	assert_ok(waldo_node_post(w->client, post_more, w));
	waldo_node_free(w->client);
	w->client = NULL;
}

MISUSE(waldo_node_after, the_node_is_freed_first)
{
	int done = 0;

	assert_ok(waldo_node_after(w->client, 0, count_task, &done, NULL));
	assert_ok(
	    waldo_node_after(w->client, UINT32_MAX, count_task, &done, NULL));
	free_node(&w->client);
	assert_int_equal(done, 0);
}

/* ---- addresses and names */

static void
expect_bad_uri(struct world *w, const char *uri, waldo_err want)
{
	waldo_ref *ref = w->gate;

	assert_err(waldo_connect(w->client, uri, &ref), want);
	assert_ptr_equal(ref, w->gate);
	assert_string_not_equal(waldo_node_get_message(w->client), "");
}

MISUSE(waldo_connect, what_is_no_uri)
{
	static char long_uri[70000];

	memset(long_uri, 'a', sizeof(long_uri) - 1);
	memcpy(long_uri, "waldo+inproc:", 13);
	expect_bad_uri(w, "", WALDO_EADDRESS);
	expect_bad_uri(w, "waldo", WALDO_EADDRESS);
	expect_bad_uri(w, "waldo+inproc:", WALDO_EADDRESS);
	expect_bad_uri(w, "inproc:misuse", WALDO_EADDRESS);
	expect_bad_uri(w, "http://localhost/", WALDO_EADDRESS);
	expect_bad_uri(w, "waldo+inproc:\xff/x", WALDO_EADDRESS);
	expect_bad_uri(w, "waldo+inproc:x/\x01", WALDO_EADDRESS);
	expect_bad_uri(w, "waldo+tcp-insecure://localhost:0/x", WALDO_EADDRESS);
	expect_bad_uri(w, "waldo+tcp-insecure://localhost:65536/x",
	               WALDO_EADDRESS);
	expect_bad_uri(w, "waldo://key@host:1/x", WALDO_EADDRESS);
	expect_bad_uri(w, "waldo://@host:1/x", WALDO_EDENIED);
	expect_bad_uri(w, long_uri, WALDO_EADDRESS);
}

MISUSE(waldo_listen, on_what_is_no_address)
{
	static const char *const bad[] = {
	    "",
	    "unix:",
	    "inproc:",
	    "fd:-1",
	    "fd:x",
	    "tcp:",
	    "inproc:a b",
	    "waldo+inproc:x",
	    "inproc:\xff",
	    "unix:\n",
	    "tcp-insecure:host",
	};
	waldo_listener *listener = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_err(waldo_listen(w->server, bad[i], &listener),
		           WALDO_EADDRESS);
		assert_null(listener);
	}
}

MISUSE(waldo_listen, where_another_does)
{
	waldo_listener *listener = NULL;

	assert_err(waldo_listen(w->client, "inproc:misuse", &listener),
	           WALDO_ESYSTEM);
	assert_null(listener);
}

MISUSE(waldo_listener_close, while_a_link_is_there)
{
	waldo_listener *listener;

	assert_ok(waldo_listen(w->server, "inproc:second", &listener));
	assert_string_equal(waldo_listener_get_uri(listener),
	                    "waldo+inproc:second");
	waldo_listener_close(listener);
	assert_ok(outcome_of(waldo_ref_invoke(w->gate, ".ping", "")));
}

MISUSE(waldo_listener_close, on_a_node_that_has_stopped)
{
	waldo_listener *listener, *other;

	assert_ok(waldo_listen(w->server, "inproc:second", &listener));
	assert_ok(waldo_listen(w->server, "inproc:third", &other));
	waldo_node_stop(w->server, 0);
	waldo_listener_close(other);
	pump();
	assert_string_equal(waldo_listener_get_uri(listener),
	                    "waldo+inproc:second");
	waldo_listener_close(listener);
}

MISUSE(waldo_publish, under_a_bad_name)
{
	char name[130];

	memset(name, 'x', sizeof(name));
	name[129] = '\0';
	assert_err(waldo_publish(w->server, "", w->service), WALDO_EINVAL);
	assert_err(waldo_publish(w->server, "a/b", w->service), WALDO_EINVAL);
	assert_err(waldo_publish(w->server, "a b", w->service), WALDO_EINVAL);
	assert_err(waldo_publish(w->server, "\xc3\xa4", w->service),
	           WALDO_EINVAL);
	assert_err(waldo_publish(w->server, name, w->service), WALDO_EINVAL);
	name[128] = '\0';
	assert_ok(waldo_publish(w->server, name, w->service));
}

MISUSE(waldo_publish, twice)
{
	assert_err(waldo_publish(w->server, "gate", w->service), WALDO_EINVAL);
	waldo_unpublish(w->server, "gate");
	assert_ok(waldo_publish(w->server, "gate", w->service));
}

MISUSE(waldo_publish, what_is_another_nodes)
{
	assert_err(waldo_publish(w->server, "other", w->gate), WALDO_EINVAL);
}

MISUSE(waldo_unpublish, what_is_not_there)
{
	waldo_unpublish(w->server, "nothing");
	waldo_unpublish(w->server, "gate");
	waldo_unpublish(w->server, "gate");
	waldo_unpublish(w->client, "gate"); /* which publishes nothing */
}

MISUSE(waldo_set_finder, of_another_node)
{
	assert_err(waldo_set_finder(w->server, w->gate), WALDO_EINVAL);
}

MISUSE(waldo_node_get_message, of_a_long_text)
{
	static char long_name[10000];

	memset(long_name, 'x', sizeof(long_name) - 1);
	assert_err(waldo_publish(w->server, long_name, w->service),
	           WALDO_EINVAL);
	assert_true(strlen(waldo_node_get_message(w->server)) < 1000);
}

const struct row node_rows[] = {
    ROW(waldo_node_new, options_of_a_wrong_size),
    ROW(waldo_node_new, limits_out_of_range),
    ROW(waldo_node_free, null),
    ROW(waldo_node_get_message, null),
    ROW(waldo_node_get_message, of_a_long_text),
    ROW(waldo_node_run, null),
    ROW(waldo_node_run, in_a_callback),
    ROW(waldo_node_step, null),
    ROW(waldo_node_step, in_a_callback),
    ROW(waldo_node_flush, null),
    ROW(waldo_node_flush, in_a_callback),
    ROW(waldo_node_stop, null),
    ROW(waldo_node_stop, again_and_again),
    ROW(waldo_node_is_running, null),
    ROW(waldo_node_dump, null),
    ROW(waldo_node_dump, in_a_callback),
    ROW(waldo_node_get_fd, null),
    ROW(waldo_node_post, null),
    ROW(waldo_node_post, while_the_node_is_freed),
    ROW(waldo_node_after, null),
    ROW(waldo_node_after, the_node_is_freed_first),
    ROW(waldo_connect, null),
    ROW(waldo_connect, what_is_no_uri),
    ROW(waldo_connect, on_a_node_that_stops),
    ROW(waldo_listen, null),
    ROW(waldo_listen, on_what_is_no_address),
    ROW(waldo_listen, where_another_does),
    ROW(waldo_listen, on_a_node_that_stops),
    ROW(waldo_listener_get_uri, null),
    ROW(waldo_listener_close, null),
    ROW(waldo_listener_close, while_a_link_is_there),
    ROW(waldo_listener_close, on_a_node_that_has_stopped),
    ROW(waldo_publish, null),
    ROW(waldo_publish, under_a_bad_name),
    ROW(waldo_publish, twice),
    ROW(waldo_publish, what_is_another_nodes),
    ROW(waldo_unpublish, null),
    ROW(waldo_unpublish, what_is_not_there),
    ROW(waldo_node_fail, null),
    ROW(waldo_node_log, null),
    ROW(waldo_set_finder, null),
    ROW(waldo_set_finder, of_another_node),
};
END_ROWS(node);
