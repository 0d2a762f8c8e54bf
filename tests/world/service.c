/* SPDX-License-Identifier: MIT */
#include "world/world.h"

#include <string.h>

/* Each call names its outcome, so that one that ran is told from one that did
 * not. */
static struct service *
enter(void *self, waldo_call *call)
{
	struct service *service = self;
	int64_t number =
	    waldo_read_int(waldo_call_get_args(call), 0, MAX_OUTCOMES - 1);

	if (waldo_read_error(waldo_call_get_args(call)) == WALDO_OK) {
		service->w->outcomes[number].runs++;
	}
	world_interrupt(service->w, service->node);
	return service;
}

/* echo(number, values...): a list of the values. */
static void
echo(void *self, waldo_call *call)
{
	waldo_reader *args = waldo_call_get_args(call);
	waldo_writer *result = waldo_call_get_result(call);

	(void) enter(self, call);
	waldo_put_list(result, waldo_read_count(args));
	waldo_put_rest(result, args);
	waldo_call_reply(call, "");
}

static void
make(void *self, waldo_call *call)
{
	struct service *service = enter(self, call);
	waldo_ref *ref = service_new(service->w, service->node);

	if (ref == NULL) {
		waldo_call_fail_err(call, WALDO_ENOMEM);
	} else {
		waldo_call_reply(call, "r", ref);
	}
	waldo_ref_release(ref);
}

/* many(number, count): so many new objects, in a list. */
static void
many(void *self, waldo_call *call)
{
	struct service *service = enter(self, call);
	waldo_writer *result = waldo_call_get_result(call);
	int64_t count = waldo_read_int(waldo_call_get_args(call), 0, 32);

	waldo_put_list(result, (size_t) count);
	for (int64_t i = 0; i < count; i++) {
		waldo_ref *ref = service_new(service->w, service->node);

		waldo_put_ref(result, ref);
		waldo_ref_release(ref);
	}
	waldo_call_reply(call, "");
}

static void
note_cancel(waldo_call *call, void *user)
{
	struct service *service = user;

	(void) call;
	service->cancelled++;
	world_interrupt(service->w, service->node);
}

static void
hold(void *self, waldo_call *call)
{
	struct service *service = enter(self, call);
	struct world *w = service->w;

	w->held[w->held_count++] = waldo_call_defer(call, note_cancel, service);
}

/* The reference that a call of its own will return: a promise. */
static void
promise(void *self, waldo_call *call)
{
	struct world *w = enter(self, call)->w;
	waldo_promise *later =
	    waldo_ref_invoke(w->service, "hold", "i", MAX_OUTCOMES - 1);

	waldo_call_reply(call, "r", waldo_promise_get_ref(later));
	waldo_promise_release(later);
}

static void
fail(void *self, waldo_call *call)
{
	(void) enter(self, call);
	waldo_call_fail(call, "test.Failed", "%s", "as was asked for");
}

static void
keep(void *self, waldo_call *call)
{
	struct world *w = enter(self, call)->w;
	waldo_ref *old = w->kept;

	w->kept = waldo_ref_retain(waldo_read_ref(waldo_call_get_args(call)));
	waldo_ref_release(old);
	waldo_call_reply(call, "");
}

static void
kept(void *self, waldo_call *call)
{
	waldo_call_reply(call, "r", enter(self, call)->w->kept);
}

/* call(number, ref, other): what ref.echo(other) answers. */
static void
call_back(void *self, waldo_call *call)
{
	waldo_reader *args = waldo_call_get_args(call);
	int64_t other;
	waldo_ref *ref;

	(void) enter(self, call);
	ref = waldo_read_ref(args);
	other = waldo_read_int(args, 0, MAX_OUTCOMES);
	if (waldo_call_check(call)) {
		waldo_call_follow(call,
		                  waldo_ref_invoke(ref, "echo", "I", other));
	}
}

static void
raise_limits(void *self, waldo_call *call)
{
	const waldo_limits limits = {
	    .size = sizeof(limits),
	    .open_calls = 2048,
	    .call_window = 256 * 1024,
	};
	waldo_err err;

	(void) enter(self, call);
	err = waldo_call_raise_limits(call, &limits);
	if (err == WALDO_OK) {
		waldo_call_reply(call, "");
	} else {
		waldo_call_fail_err(call, err);
	}
}

static void
give_big(void *self, waldo_call *call)
{
	struct service *service = enter(self, call);

	lend(service->w, waldo_call_get_result(call), BIG);
	waldo_call_reply(call, "");
}

static void
take_big(void *self, waldo_call *call)
{
	size_t len;
	const uint8_t *data;

	(void) enter(self, call);
	data = waldo_read_bytes(waldo_call_get_args(call), &len);
	if (!waldo_call_check(call)) {
		return;
	}
	if (len == BIG && data[0] == 0 && data[BIG - 1] == 0) {
		waldo_call_reply(call, "");
	} else {
		waldo_call_fail_err(call, WALDO_EARGS);
	}
}

static void
any_other(void *self, waldo_call *call)
{
	(void) enter(self, call);
	waldo_call_reply(call, "s", waldo_call_get_method(call));
}

static void
destroy(void *self)
{
	struct service *service = self;

	service->destroyed++;
	world_interrupt(service->w, service->node);
}

static const waldo_method methods[] = {
    {"echo", echo, "(number: i64, ...)", 0},
    {"make", make, NULL, 0},
    {"many", many, NULL, 0},
    {"hold", hold, NULL, 0},
    {"promise", promise, NULL, 0},
    {"fail", fail, NULL, 0},
    {"keep", keep, NULL, 0},
    {"kept", kept, NULL, 0},
    {"call", call_back, NULL, 0},
    {"raise", raise_limits, NULL, 0},
    {"give_big", give_big, NULL, 0},
    {"take_big", take_big, NULL, 0},
    {0},
};

static const waldo_class service_class = {
    WALDO_CLASS_SIZES, "Service", methods, destroy, any_other,
};

waldo_ref *
service_new(struct world *w, waldo_node *node)
{
	struct service *service = &w->services[w->service_count];
	waldo_ref *ref = NULL;

	service->w = w;
	service->node = node;
	if (waldo_object_new(node, &service_class, service, &ref) != WALDO_OK) {
		return NULL;
	}
	service->made = true;
	w->service_count++;
	return ref;
}

void
answer_held_with(struct world *w, waldo_ref *ref)
{
	size_t count = w->held_count;
	waldo_call *held[MAX_HELD];

	/* A reply may run callbacks, which may answer too. */
	memcpy(held, w->held, sizeof(held));
	w->held_count = 0;
	for (size_t i = 0; i < count; i++) {
		waldo_call_reply(held[i], "r", ref);
	}
}

void
answer_held(struct world *w)
{
	answer_held_with(w, w->service);
}
