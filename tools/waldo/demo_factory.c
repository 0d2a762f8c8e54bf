/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include "demo.h"

/* What make() returns: a name tag. */
struct tag {
	struct demo *demo;
	char *text;
};

static void
tag_label(void *self, waldo_call *call)
{
	const struct tag *tag = self;

	if (waldo_call_check(call)) {
		waldo_call_reply(call, "s", tag->text);
	}
}

static void
tag_rename(void *self, waldo_call *call)
{
	struct tag *tag = self;
	const char *text = waldo_read_str(waldo_call_get_args(call), NULL);
	char *copy;

	if (!waldo_call_check(call)) {
		return;
	}
	copy = strdup(text);
	if (copy == NULL) {
		waldo_call_fail_err(call, WALDO_ENOMEM);
		return;
	}
	free(tag->text);
	tag->text = copy;
	waldo_call_reply(call, "");
}

static void tag_same(void *self, waldo_call *call);

static void
tag_destroy(void *self)
{
	struct tag *tag = self;

	tag->demo->labels--;
	free(tag->text);
	free(tag);
}

static const waldo_method tag_methods[] = {
    {"label", tag_label, "() -> string", WALDO_READONLY},
    {"rename", tag_rename, "(label: string)", WALDO_REPEATABLE},
    {"same", tag_same, "(other: ref) -> bool", WALDO_READONLY},
    {0},
};

static const waldo_class tag_class = {
    WALDO_CLASS_SIZES, "Label", tag_methods, tag_destroy, NULL,
};

/* An object comes home as itself, whatever way its reference took. */
static void
tag_same(void *self, waldo_call *call)
{
	const waldo_ref *other = waldo_read_ref(waldo_call_get_args(call));

	if (waldo_call_check(call)) {
		waldo_call_reply(call, "b",
		                 waldo_ref_get_self(other, &tag_class) == self);
	}
}

static waldo_err
tag_new(struct demo *demo, const char *text, waldo_ref **ret_ref)
{
	struct tag *tag = calloc(1, sizeof(*tag));
	waldo_err err = WALDO_ENOMEM;

	if (tag == NULL) {
		return err;
	}
	tag->demo = demo;
	tag->text = strdup(text);
	if (tag->text != NULL) {
		err = waldo_object_new(demo->node, &tag_class, tag, ret_ref);
	}
	if (err != WALDO_OK) {
		free(tag->text);
		free(tag);
		return err;
	}
	demo->labels++;
	return WALDO_OK;
}

static void
factory_make(void *self, waldo_call *call)
{
	const char *text = waldo_read_str(waldo_call_get_args(call), NULL);
	waldo_ref *ref = NULL;
	waldo_err err;

	if (!waldo_call_check(call)) {
		return;
	}
	err = tag_new(self, text, &ref);
	if (err != WALDO_OK) {
		waldo_call_fail_err(call, err);
		return;
	}
	waldo_call_reply(call, "r", ref);
	waldo_ref_release(ref);
}

static void
factory_count(void *self, waldo_call *call)
{
	const struct demo *demo = self;

	if (waldo_call_check(call)) {
		waldo_call_reply(call, "U", demo->labels);
	}
}

static const waldo_method factory_methods[] = {
    {"make", factory_make, "(label: string) -> ref Label", 0},
    {"count", factory_count, "() -> u64", WALDO_READONLY},
    {0},
};

static const waldo_class factory_class = {
    WALDO_CLASS_SIZES, "Factory", factory_methods, NULL, NULL,
};

waldo_err
demo_factory_new(struct demo *demo, waldo_ref **ret_ref)
{
	return waldo_object_new(demo->node, &factory_class, demo, ret_ref);
}
