/* SPDX-License-Identifier: MIT */
#include <time.h>
#include "demo.h"

static void
clock_now(void *self, waldo_call *call)
{
	struct timespec ts;

	(void) self;
	if (!waldo_call_check(call)) {
		return;
	}
	clock_gettime(CLOCK_REALTIME, &ts);
	waldo_put_time(waldo_call_get_result(call),
	               ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000);
	waldo_call_reply(call, "");
}

static void
clock_cancelled(void *self, waldo_call *call)
{
	const struct demo *demo = self;

	if (waldo_call_check(call)) {
		waldo_call_reply(call, "U", demo->cancelled);
	}
}

static const waldo_method clock_methods[] = {
    {"now", clock_now, "() -> time", WALDO_READONLY},
    {"cancelled", clock_cancelled, "() -> u64", WALDO_READONLY},
    {0},
};

static const waldo_class clock_class = {
    WALDO_CLASS_SIZES, "Clock", clock_methods, NULL, NULL,
};

waldo_err
demo_clock_new(struct demo *demo, waldo_ref **ret_ref)
{
	return waldo_object_new(demo->node, &clock_class, demo, ret_ref);
}
