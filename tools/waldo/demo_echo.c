/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include "demo.h"

#define MAX_SLEEP_MS (24 * 60 * 60 * 1000)

static void
echo_echo(void *self, waldo_call *call)
{
	waldo_reader *args = waldo_call_get_args(call);
	waldo_writer *result = waldo_call_get_result(call);

	(void) self;
	waldo_put_list(result, waldo_read_count(args));
	waldo_put_rest(result, args);
	waldo_call_reply(call, "");
}

/* A call that is answered later. */
struct sleep {
	struct demo *demo;
	waldo_call *call;
	waldo_watch *timer;
};

static void
on_time(void *user)
{
	struct sleep *sleep = user;

	waldo_watch_stop(sleep->timer);
	waldo_call_reply(sleep->call, "");
	free(sleep);
}

static void
on_cancel(waldo_call *call, void *user)
{
	struct sleep *sleep = user;

	sleep->demo->cancelled++;
	waldo_watch_stop(sleep->timer);
	waldo_call_fail_err(call, WALDO_ECANCELLED);
	free(sleep);
}

static void
echo_sleep(void *self, waldo_call *call)
{
	uint32_t ms =
	    (uint32_t) waldo_read_uint(waldo_call_get_args(call), MAX_SLEEP_MS);
	struct sleep *sleep;
	waldo_err err;

	if (!waldo_call_check(call)) {
		return;
	}
	sleep = calloc(1, sizeof(*sleep));
	if (sleep == NULL) {
		waldo_call_fail_err(call, WALDO_ENOMEM);
		return;
	}
	sleep->demo = self;
	err = waldo_node_after(waldo_call_get_node(call), ms, on_time, sleep,
	                       &sleep->timer);
	if (err != WALDO_OK) {
		waldo_call_fail_err(call, err);
		free(sleep);
		return;
	}
	sleep->call = waldo_call_defer(call, on_cancel, sleep);
}

static void
echo_fail(void *self, waldo_call *call)
{
	waldo_reader *args = waldo_call_get_args(call);
	const char *type = waldo_read_str(args, NULL);
	const char *message = waldo_read_str(args, NULL);

	(void) self;
	if (waldo_call_check(call)) {
		waldo_call_fail(call, type, "%s", message);
	}
}

static const waldo_method echo_methods[] = {
    {"echo", echo_echo, "(...) -> list", WALDO_READONLY},
    {"sleep", echo_sleep, "(ms: u32)", WALDO_REPEATABLE},
    {"fail", echo_fail, "(type: string, message: string)", 0},
    {0},
};

static const waldo_class echo_class = {
    WALDO_CLASS_SIZES, "Echo", echo_methods, NULL, NULL,
};

waldo_err
demo_echo_new(struct demo *demo, waldo_ref **ret_ref)
{
	return waldo_object_new(demo->node, &echo_class, demo, ret_ref);
}
