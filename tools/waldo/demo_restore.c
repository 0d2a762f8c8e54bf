/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include "demo.h"

/* Names come from whoever writes the store; still, memory is not endless. */
#define MAX_COUNTERS 1024

struct named {
	LIST_ENTRY(named) entry;
	waldo_ref *counter;
	char name[];
};

struct restorer {
	struct demo *demo;
	size_t count;
	LIST_HEAD(, named) counters;
};

static waldo_err
add_counter(struct restorer *restorer, const char *name, waldo_ref **ret_ref)
{
	size_t len = strlen(name);
	struct named *named = malloc(sizeof(*named) + len + 1);
	waldo_err err;

	if (named == NULL) {
		return WALDO_ENOMEM;
	}
	err = demo_counter_new(restorer->demo, &named->counter);
	if (err != WALDO_OK) {
		free(named);
		return err;
	}
	memcpy(named->name, name, len + 1);
	LIST_INSERT_HEAD(&restorer->counters, named, entry);
	restorer->count++;
	*ret_ref = named->counter;
	return WALDO_OK;
}

static void
restore(void *self, waldo_call *call)
{
	struct restorer *restorer = self;
	const char *name = waldo_read_str(waldo_call_get_args(call), NULL);
	waldo_ref *counter = NULL;
	struct named *named;
	waldo_err err = WALDO_OK;

	if (!waldo_call_check(call)) {
		return;
	}
	LIST_FOREACH(named, &restorer->counters, entry) {
		if (strcmp(named->name, name) == 0) {
			counter = named->counter;
		}
	}
	if (counter == NULL && restorer->count >= MAX_COUNTERS) {
		waldo_call_fail(call, "demo.Full", "%d counters at most",
		                MAX_COUNTERS);
		return;
	}
	if (counter == NULL) {
		err = add_counter(restorer, name, &counter);
	}
	if (err == WALDO_OK) {
		waldo_call_reply(call, "r", counter);
	} else {
		waldo_call_fail_err(call, err);
	}
}

static void
destroy(void *self)
{
	struct restorer *restorer = self;
	struct named *named;

	while ((named = LIST_FIRST(&restorer->counters)) != NULL) {
		LIST_REMOVE(named, entry);
		waldo_ref_release(named->counter);
		free(named);
	}
	free(restorer);
}

static const waldo_method methods[] = {
    {"restore", restore, "(name: string) -> ref Counter", 0},
    {0},
};

static const waldo_class restorer_class = {
    WALDO_CLASS_SIZES, "Restorer", methods, destroy, NULL,
};

waldo_err
demo_restore_new(struct demo *demo, waldo_ref **ret_ref)
{
	struct restorer *restorer = calloc(1, sizeof(*restorer));
	waldo_err err = WALDO_ENOMEM;

	if (restorer != NULL) {
		restorer->demo = demo;
		LIST_INIT(&restorer->counters);
		err = waldo_object_new(demo->node, &restorer_class, restorer,
		                       ret_ref);
	}
	if (err != WALDO_OK) {
		free(restorer);
	}
	return err;
}
