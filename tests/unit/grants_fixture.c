/* SPDX-License-Identifier: MIT */
#include "tests/unit/grants_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A thing with a name; and what makes things, given the name. */
typedef struct thing {
	int *alive;
	char name[32];
} thing;

static fixture *the;

static void
thing_name(void *self, waldo_call *call)
{
	thing *t = self;

	if (waldo_call_check(call)) {
		waldo_call_reply(call, "s", t->name);
	}
}

static void
thing_hold(void *self, waldo_call *call)
{
	(void) self;
	the->held = waldo_call_defer(call, NULL, NULL);
}

static void
thing_destroy(void *self)
{
	thing *t = self;

	--*t->alive;
	free(t);
}

static const waldo_method thing_methods[] = {
    {"name", thing_name, NULL, 0}, {"hold", thing_hold, NULL, 0}, {0}};
static const waldo_class thing_class = {WALDO_CLASS_SIZES, "Thing",
                                        thing_methods, thing_destroy, NULL};

static void
restore(void *self, waldo_call *call)
{
	fixture *f = self;
	const char *name = waldo_read_str(waldo_call_get_args(call), NULL);
	thing *t;
	waldo_ref *ref = NULL;

	if (!waldo_call_check(call)) {
		return;
	}
	if (strcmp(name, "lost") == 0) {
		waldo_call_fail(call, "test.Lost", "it is lost");
		return;
	}
	t = calloc(1, sizeof(*t));
	t->alive = &f->alive;
	snprintf(t->name, sizeof(t->name), "%s", name);
	if (waldo_object_new(f->node, &thing_class, t, &ref) != WALDO_OK) {
		free(t);
		waldo_call_fail_err(call, WALDO_ENOMEM);
		return;
	}
	f->restored++;
	f->alive++;
	waldo_call_reply(call, "r", ref);
	waldo_ref_release(ref);
}

static const waldo_method factory_methods[] = {{"restore", restore, NULL, 0},
                                               {0}};
static const waldo_class factory_class = {WALDO_CLASS_SIZES, "Factory",
                                          factory_methods, NULL, NULL};

static void
keep_line(waldo_log_level level, const char *line, void *user)
{
	fixture *f = user;

	(void) level;
	snprintf(f->log, sizeof(f->log), "%s", line);
}

/* ---- a node that serves itself */

int
open_node(fixture *f)
{
	waldo_node_options options = {
	    .size = sizeof(options), .log = keep_line, .log_user = f};

	if (waldo_node_new(&options, &f->node) != WALDO_OK ||
	    waldo_listen(f->node, "inproc:grants", NULL) != WALDO_OK ||
	    waldo_grants_open(f->node, f->path, &f->grants) != WALDO_OK ||
	    waldo_set_finder(f->node, waldo_grants_get_finder(f->grants)) !=
	        WALDO_OK ||
	    waldo_object_new(f->node, &factory_class, f, &f->factory) !=
	        WALDO_OK ||
	    waldo_grants_set_factory(f->grants, "thing", f->factory) !=
	        WALDO_OK) {
		return -1;
	}
	return 0;
}

void
close_node(fixture *f)
{
	waldo_ref_release(f->factory);
	f->factory = NULL;
	f->grants = NULL;
	waldo_node_free(f->node);
	f->node = NULL;
}

int
setup(void **state)
{
	fixture *f = calloc(1, sizeof(*f));

	*state = the = f;
	strcpy(f->folder, "/tmp/waldo-grants-XXXXXX");
	if (mkdtemp(f->folder) == NULL) {
		return -1;
	}
	snprintf(f->path, sizeof(f->path), "%s/store", f->folder);
	return open_node(f);
}

int
teardown(void **state)
{
	fixture *f = *state;
	char command[64];
	int alive;

	close_node(f);
	snprintf(command, sizeof(command), "rm -rf %s", f->folder);
	alive = f->alive;
	free(f);
	return system(command) == 0 && alive == 0 ? 0 : -1;
}

waldo_grant_options
options_of(const char *kind)
{
	return (waldo_grant_options){.size = sizeof(waldo_grant_options),
	                             .kind = kind};
}

waldo_grant_match
match_of(const char *swissnum)
{
	return (waldo_grant_match){.size = sizeof(waldo_grant_match),
	                           .swissnum = swissnum};
}

void
grant(fixture *f, const char *name, char swissnum[WALDO_SWISSNUM_TEXT])
{
	waldo_grant_options options = options_of("thing");

	assert_ok(waldo_grant_new(f->grants, &options, swissnum, "s", name));
}

waldo_ref *
fetch(fixture *f, const char *swissnum)
{
	char uri[200];
	waldo_ref *ref = NULL;

	snprintf(uri, sizeof(uri), "waldo+inproc:grants/%s", swissnum);
	assert_ok(waldo_connect(f->node, uri, &ref));
	return ref;
}

/* What `ref` answers to `method`: its text, or why it does not. */
const char *
ask(waldo_ref *ref, const char *method)
{
	static char answer[300];
	waldo_promise *promise = waldo_ref_invoke(ref, method, "");

	if (waldo_promise_wait(promise, 5000) == WALDO_OK) {
		snprintf(
		    answer, sizeof(answer), "%s",
		    waldo_read_str(waldo_promise_get_result(promise), NULL));
	} else {
		const waldo_failure *failure =
		    waldo_promise_get_failure(promise);

		snprintf(answer, sizeof(answer), "%d %d %s: %s",
		         (int) failure->code, (int) failure->fate,
		         failure->type, failure->message);
	}
	waldo_promise_release(promise);
	return answer;
}

const char *
fetch_and_ask(fixture *f, const char *swissnum)
{
	waldo_ref *ref = fetch(f, swissnum);
	const char *answer = ask(ref, "name");

	waldo_ref_release(ref);
	return answer;
}

/* The same, with "NAME" where it is named. */
const char *
failure_of(fixture *f, const char *name)
{
	static char text[400];
	const char *answer = fetch_and_ask(f, name);
	const char *at = strstr(answer, name);

	if (at == NULL) {
		return answer;
	}
	snprintf(text, sizeof(text), "%.*sNAME%s", (int) (at - answer), answer,
	         at + strlen(name));
	return text;
}

waldo_err
find_as(fixture *f, const char *swissnum, const uint8_t *key,
        waldo_type *ret_type)
{
	waldo_ref *finder = waldo_grants_get_finder(f->grants);
	waldo_promise *promise =
	    key == NULL ? waldo_ref_invoke(finder, "find", "sn", swissnum)
	                : waldo_ref_invoke(finder, "find", "sy", swissnum,
	                                   (const void *) key, (size_t) 32);
	waldo_err err = waldo_promise_wait(promise, 5000);

	*ret_type = waldo_read_type(waldo_promise_get_result(promise));
	waldo_promise_release(promise);
	return err;
}

int64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void
step_for(fixture *f, int64_t us)
{
	int64_t until = now_us() + us;

	while (now_us() < until) {
		assert_ok(waldo_node_step(f->node, 5));
	}
}

/* As the command line does. */
int
revoke_elsewhere(const fixture *f, const char *swissnum)
{
	waldo_grant_match match = match_of(swissnum);
	waldo_node *node = NULL;
	waldo_grants *grants = NULL;
	size_t count = 0;
	bool good = waldo_node_new(NULL, &node) == WALDO_OK &&
	            waldo_grants_open(node, f->path, &grants) == WALDO_OK &&
	            waldo_grants_revoke(grants, &match, &count) == WALDO_OK &&
	            count == 1;

	waldo_node_free(node);
	return good ? 0 : 1;
}
