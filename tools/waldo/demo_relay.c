/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include "demo.h"

struct relay {
	waldo_ref *kept; /* NULL: nothing */
};

/* What is left of the caller's time is the callee's. */
static uint32_t
time_left(const waldo_call *call)
{
	uint32_t ms = waldo_call_get_time_left_ms(call);

	if (ms == UINT32_MAX) {
		return 0;
	}
	return ms > 0 ? ms : 1;
}

static void
relay_call(void *self, waldo_call *call)
{
	waldo_reader *args = waldo_call_get_args(call);
	waldo_ref *target = waldo_read_ref(args);
	const char *method = waldo_read_str(args, NULL);
	waldo_options options = {
	    .size = sizeof(options),
	    .timeout_ms = time_left(call),
	};
	waldo_request *request;

	(void) self;
	if (waldo_read_error(args) != WALDO_OK && !waldo_call_check(call)) {
		return;
	}
	request = waldo_request_new(target, method, &options);
	waldo_put_rest(waldo_request_get_args(request), args);
	waldo_call_follow(call, waldo_request_send(request));
}

static void
relay_keep(void *self, waldo_call *call)
{
	struct relay *relay = self;
	waldo_ref *target = waldo_read_ref(waldo_call_get_args(call));

	if (!waldo_call_check(call)) {
		return;
	}
	waldo_ref_retain(target);
	waldo_ref_release(relay->kept);
	relay->kept = target;
	waldo_call_reply(call, "");
}

static void
relay_kept(void *self, waldo_call *call)
{
	const struct relay *relay = self;

	if (waldo_call_check(call)) {
		waldo_call_reply(call, "r", relay->kept);
	}
}

static void
relay_destroy(void *self)
{
	struct relay *relay = self;

	waldo_ref_release(relay->kept);
	free(relay);
}

static const waldo_method relay_methods[] = {
    {"call", relay_call, "(target: ref, method: string, ...) -> any", 0},
    {"keep", relay_keep, "(target: ref)", WALDO_REPEATABLE},
    {"kept", relay_kept, "() -> ref?", WALDO_READONLY},
    {0},
};

static const waldo_class relay_class = {
    WALDO_CLASS_SIZES, "Relay", relay_methods, relay_destroy, NULL,
};

waldo_err
demo_relay_new(struct demo *demo, waldo_ref **ret_ref)
{
	struct relay *relay = calloc(1, sizeof(*relay));
	waldo_err err = WALDO_ENOMEM;

	if (relay != NULL) {
		err =
		    waldo_object_new(demo->node, &relay_class, relay, ret_ref);
	}
	if (err != WALDO_OK) {
		free(relay);
	}
	return err;
}
