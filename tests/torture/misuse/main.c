/* SPDX-License-Identifier: MIT */
#include "torture/misuse/misuse.h"

#include <stdlib.h>

/* ---- helpers */

char probe_message[512];
waldo_fate probe_fate;

waldo_err
outcome_of(waldo_promise *promise)
{
	waldo_err err = waldo_promise_wait(promise, 1000);
	const waldo_failure *failure = waldo_promise_get_failure(promise);

	(void) snprintf(probe_message, sizeof(probe_message), "%s",
	                failure == NULL ? "" : failure->message);
	probe_fate = failure == NULL ? WALDO_EXECUTED : failure->fate;
	assert_int_equal(failure == NULL, err == WALDO_OK);
	waldo_promise_release(promise);
	return err;
}

static void (*probe_method)(waldo_call *call);

static void
run_probe(void *self, waldo_call *call)
{
	(void) self;
	probe_method(call);
}

static const waldo_class probe_class = {
    WALDO_CLASS_SIZES, "Probe", NULL, NULL, run_probe,
};

waldo_err
probe(struct world *w, void (*method)(waldo_call *call))
{
	probe_method = method;
	return outcome_of(waldo_ref_invoke(w->hand, "probe", "i", 7));
}

waldo_err
probe_near(struct world *w, void (*method)(waldo_call *call))
{
	waldo_ref *near;
	waldo_err err;

	probe_method = method;
	assert_ok(waldo_object_new(w->client, &probe_class, NULL, &near));
	err = outcome_of(waldo_ref_invoke(near, "probe", "i", 7));
	waldo_ref_release(near);
	return err;
}

void
in_callback(struct world *w, waldo_task_cb *cb, void *user)
{
	assert_ok(waldo_node_post(w->client, cb, user));
	pump();
}

void
free_node(waldo_node **node)
{
	waldo_node *gone = *node;

	*node = NULL;
	waldo_node_free(gone);
}

waldo_request *
new_echo(struct world *w)
{
	waldo_request *request = waldo_request_new(w->gate, "echo", NULL);

	waldo_put_int(waldo_request_get_args(request), MAX_OUTCOMES - 1);
	return request;
}

void
count_done(waldo_reader *result, const waldo_failure *failure, void *user)
{
	(void) result;
	(void) failure;
	++*(int *) user;
}

void
count_task(void *user)
{
	++*(int *) user;
}

void
count_state(waldo_ref *ref, waldo_state state, void *user)
{
	(void) ref;
	(void) state;
	++*(int *) user;
}

/* ---- each row in a world of its own, which must be left as it was */

static const struct {
	const struct row *rows;
	const size_t *count;
} tables[] = {
    {value_rows, &value_row_count},     {call_rows, &call_row_count},
    {promise_rows, &promise_row_count}, {ref_rows, &ref_row_count},
    {node_rows, &node_row_count},       {key_rows, &key_row_count},
    {portal_rows, &portal_row_count},
};

static struct world world;

static void
connect_probe(struct world *w)
{
	waldo_ref *near;
	char uri[600];

	assert_ok(waldo_object_new(w->server, &probe_class, NULL, &near));
	assert_ok(waldo_publish(w->server, "probe", near));
	waldo_ref_release(near);
	(void) snprintf(uri, sizeof(uri), "%s/probe", w->uri);
	assert_ok(waldo_connect(w->client, uri, &w->hand));
}

static int
setup(void **state)
{
	(void) state;
	world_open(&world, "inproc:misuse");
	connect_probe(&world);
	pump();
	return world.gate != NULL ? 0 : -1;
}

/* Also if the test gave up half-way. */
static int
teardown(void **state)
{
	(void) state;
	world_close(&world);
	return 0;
}

static void
run_row(void **state)
{
	const struct row *row = *state;
	const char *bad;

	row->test(&world);
	world_settle();
	bad = world_release(&world);
	world_close(&world);
	if (bad == NULL) {
		bad = world_check_closed(&world);
	}
	world = (struct world){0};
	if (bad != NULL) {
		fail_msg("%s", bad);
	}
}

static bool
has_row(const char *function)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		for (size_t j = 0; j < *tables[i].count; j++) {
			if (strcmp(tables[i].rows[j].function, function) == 0) {
				return true;
			}
		}
	}
	return false;
}

static const char *symbols;

static void
every_public_function_is_misused(void **state)
{
	FILE *file = fopen(symbols, "r");
	char line[128], missing[1024] = "";

	(void) state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (!has_row(line)) {
			size_t len = strlen(missing);

			(void) snprintf(missing + len, sizeof(missing) - len,
			                " %s", line);
		}
	}
	(void) fclose(file);
	if (missing[0] != '\0') {
		fail_msg("no row for:%s", missing);
	}
}

/* test_misuse SYMBOLS [FILTER]: tests/meta/symbols.txt. */
int
main(int argc, char **argv)
{
	static struct CMUnitTest tests[512];
	static char names[512][128];
	size_t count = 0;

	if (argc < 2) {
		(void) fprintf(stderr, "Usage: %s SYMBOLS [FILTER]\n", argv[0]);
		return 2;
	}
	symbols = argv[1];
	if (argc > 2) {
		cmocka_set_test_filter(argv[2]);
	}
	tests[count++] = (struct CMUnitTest) cmocka_unit_test(
	    every_public_function_is_misused);
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		for (size_t j = 0; j < *tables[i].count; j++) {
			const struct row *row = &tables[i].rows[j];

			(void) snprintf(names[count], sizeof(names[count]),
			                "%s: %s", row->function, row->misuse);
			tests[count] = (struct CMUnitTest){
			    .name = names[count],
			    .test_func = run_row,
			    .setup_func = setup,
			    .teardown_func = teardown,
			    .initial_state = (void *) (uintptr_t) row,
			};
			count++;
		}
	}
	return _cmocka_run_group_tests("misuse", tests, count, NULL, NULL);
}
