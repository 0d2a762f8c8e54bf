/* SPDX-License-Identifier: MIT */
#include "demo.h"

const char *const demo_names[] = {"echo",  "counter", "factory",
                                  "clock", "relay",   NULL};

/* In the order of demo_names. */
static waldo_err (*const makers[])(struct demo *demo, waldo_ref **ret_ref) = {
    demo_echo_new,  demo_counter_new, demo_factory_new,
    demo_clock_new, demo_relay_new,
};

waldo_err
demo_publish(struct demo *demo)
{
	waldo_err err = WALDO_OK;
	size_t i;

	for (i = 0; demo_names[i] != NULL && err == WALDO_OK; i++) {
		waldo_ref *ref = NULL;

		err = makers[i](demo, &ref);
		if (err == WALDO_OK) {
			err = waldo_publish(demo->node, demo_names[i], ref);
		}
		waldo_ref_release(ref);
	}
	return err;
}
