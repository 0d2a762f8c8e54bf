/* SPDX-License-Identifier: MIT */
#include "tests/conformance/fixture.h"

#include <stdlib.h>

static struct service *
enter(void *self, waldo_call *call)
{
	struct service *service = self;
	const uint8_t *binding;

	service->calls++;
	service->is_near =
	    strcmp(waldo_call_get_peer(call)->address, "near:") == 0;
	service->has_key = waldo_call_get_peer(call)->key != NULL;
	if (service->has_key) {
		memcpy(service->key, waldo_call_get_peer(call)->key,
		       sizeof(service->key));
	}
	binding = waldo_call_get_binding(call);
	service->has_binding = binding != NULL;
	if (binding != NULL) {
		memcpy(service->binding, binding, sizeof(service->binding));
	}
	service->perspective = waldo_call_get_perspective(call);
	return service;
}

static void
service_echo(void *self, waldo_call *call)
{
	(void) enter(self, call);
	waldo_put_rest(waldo_call_get_result(call), waldo_call_get_args(call));
	waldo_call_reply(call, "");
}

static void
service_list(void *self, waldo_call *call)
{
	waldo_reader *args = waldo_call_get_args(call);
	waldo_writer *result = waldo_call_get_result(call);
	int64_t count = waldo_read_int(args, 0, 1000);

	(void) enter(self, call);
	waldo_put_list(result, (size_t) count);
	waldo_put_rest(result, args);
	waldo_call_reply(call, "");
}

static void
service_add(void *self, waldo_call *call)
{
	int64_t n = waldo_read_int(waldo_call_get_args(call), -1000, 1000);

	if (!waldo_call_check(call)) {
		return;
	}
	(void) enter(self, call);
	waldo_call_reply(call, "I", n + 1);
}

static void
service_order(void *self, waldo_call *call)
{
	int64_t n =
	    waldo_read_int(waldo_call_get_args(call), INT64_MIN, INT64_MAX);
	struct service *service = enter(self, call);

	if (!waldo_call_check(call)) {
		return;
	}
	if (service->order_count < MAX_ORDER) {
		service->order[service->order_count++] = n;
	}
	waldo_call_reply(call, "I", n);
}

/* mark(n, ...): the same, whatever else comes along. */
static void
service_mark(void *self, waldo_call *call)
{
	int64_t n =
	    waldo_read_int(waldo_call_get_args(call), INT64_MIN, INT64_MAX);
	struct service *service = enter(self, call);

	if (service->order_count < MAX_ORDER) {
		service->order[service->order_count++] = n;
	}
	waldo_call_reply(call, "I", n);
}

static void
held_cancelled(waldo_call *call, void *user)
{
	struct service *service = user;

	(void) call;
	service->cancelled++;
	service->f->sequence++;
}

static void
service_hold(void *self, waldo_call *call)
{
	struct service *service = enter(self, call);

	if (service->held_count == MAX_HELD) {
		waldo_call_fail(call, "test.Full", "too many are held");
		return;
	}
	service->time_left = waldo_call_get_time_left_ms(call);
	service->held[service->held_count++] =
	    waldo_call_defer(call, held_cancelled, service);
}

static void
service_fail(void *self, waldo_call *call)
{
	waldo_reader *args = waldo_call_get_args(call);
	const char *type = waldo_read_str(args, NULL);
	const char *message = waldo_read_str(args, NULL);

	(void) enter(self, call);
	if (waldo_call_check(call)) {
		waldo_call_fail(call, type, "%s", message);
	}
}

static void
service_fail_err(void *self, waldo_call *call)
{
	int64_t err = waldo_read_int(waldo_call_get_args(call), 1, 16);

	(void) enter(self, call);
	waldo_call_fail_err(call, (waldo_err) err);
}

static void
service_keep(void *self, waldo_call *call)
{
	waldo_ref *ref = waldo_read_ref(waldo_call_get_args(call));
	struct service *service = enter(self, call);

	waldo_ref_retain(ref);
	waldo_ref_release(service->kept);
	service->kept = ref;
	waldo_call_reply(call, "");
}

static void
service_kept(void *self, waldo_call *call)
{
	waldo_call_reply(call, "r", enter(self, call)->kept);
}

static void
service_let_go(void *self, waldo_call *call)
{
	struct service *service = enter(self, call);

	waldo_ref_release(service->kept);
	service->kept = NULL;
	waldo_call_reply(call, "");
}

/* Keeps every reference that comes. */
static void
service_store(void *self, waldo_call *call)
{
	waldo_ref *ref = waldo_read_ref(waldo_call_get_args(call));
	struct service *service = enter(self, call);

	if (!waldo_call_check(call)) {
		return;
	}
	if (service->stored_count == MAX_HELD) {
		waldo_call_fail(call, "test.Full", "too many are stored");
		return;
	}
	service->stored[service->stored_count++] = waldo_ref_retain(ref);
	waldo_call_reply(call, "");
}

/* A new service, that nobody but the caller will hold. */
static void
service_make(void *self, waldo_call *call)
{
	struct service *service = enter(self, call);
	waldo_ref *ref = NULL;

	(void) service_new(service->f, service->node, &ref);
	waldo_call_reply(call, "r", ref);
	waldo_ref_release(ref);
}

/* One of each thing that a path can lead to. */
static void
service_tree(void *self, waldo_call *call)
{
	struct service *service = enter(self, call);
	waldo_ref *a = NULL, *b = NULL;

	(void) service_new(service->f, service->node, &a);
	(void) service_new(service->f, service->node, &b);
	waldo_call_reply(call, "{s[rr]sis{sr}}", "things", a, b, "n", 42,
	                 "deep", "self", service->target);
	waldo_ref_release(a);
	waldo_ref_release(b);
}

static void
service_silent(void *self, waldo_call *call)
{
	(void) enter(self, call);
}

/* call(ref, method): what ref.method() says. */
static void
service_call(void *self, waldo_call *call)
{
	waldo_reader *args = waldo_call_get_args(call);
	waldo_ref *ref = waldo_read_ref(args);
	const char *method = waldo_read_str(args, NULL);

	(void) enter(self, call);
	if (waldo_call_check(call)) {
		waldo_call_follow(call, waldo_ref_invoke(ref, method, "i", 7));
	}
}

struct passing {
	waldo_call *call;
};

static void
pass_on(waldo_reader *result, const waldo_failure *failure, void *user)
{
	struct passing *passing = user;

	(void) result;
	if (failure != NULL) {
		waldo_call_fail_with(passing->call, failure);
	} else {
		waldo_call_reply(passing->call, "");
	}
	free(passing);
}

/* pass(ref): the failure of ref.fail("a.B", "c"), by hand. */
static void
service_pass(void *self, waldo_call *call)
{
	waldo_ref *ref = waldo_read_ref(waldo_call_get_args(call));
	struct passing *passing = malloc(sizeof(*passing));

	(void) enter(self, call);
	if (passing == NULL) {
		waldo_call_fail_err(call, WALDO_ENOMEM);
		return;
	}
	passing->call = waldo_call_defer(call, NULL, NULL);
	if (waldo_promise_when(waldo_ref_invoke(ref, "fail", "ss", "a.B", "c"),
	                       pass_on, passing) != WALDO_OK) {
		waldo_call_fail_err(passing->call, WALDO_ENOMEM);
		free(passing);
	}
}

static void
service_big(void *self, waldo_call *call)
{
	int64_t size =
	    waldo_read_int(waldo_call_get_args(call), 0, 64 * 1024 * 1024);
	void *data = calloc(1, (size_t) size + 1);

	(void) enter(self, call);
	waldo_call_reply(call, "y", data, (size_t) size);
	free(data);
}

/* Two results, which is one too many. */
static void
service_two(void *self, waldo_call *call)
{
	struct service *service = enter(self, call);

	waldo_call_reply(call, "sb", waldo_call_get_method(call),
	                 waldo_call_get_node(call) == service->node);
}

static void
service_whoami(void *self, waldo_call *call)
{
	(void) enter(self, call);
	waldo_call_reply(call, "s", waldo_call_get_method(call));
}

/* Its peer is no stranger any more. */
static void
service_login(void *self, waldo_call *call)
{
	waldo_err err = waldo_call_raise_limits(call, NULL);

	(void) enter(self, call);
	if (err != WALDO_OK) {
		waldo_call_fail_err(call, err);
	} else {
		waldo_call_reply(call, "");
	}
}

static void
service_destroy(void *self)
{
	struct service *service = self;

	service->destroyed++;
	service->destroyed_at = ++service->f->sequence;
	service->target = NULL;
}

static const waldo_method service_methods[] = {
    {"echo", service_echo, "(value: any) -> any", WALDO_READONLY},
    {"list", service_list, NULL, 0},
    {"add", service_add, "(n: i64)", WALDO_REPEATABLE},
    {"order", service_order, "(n: i64) -> i64", 0},
    {"mark", service_mark, NULL, 0},
    {"hold", service_hold, NULL, 0},
    {"fail", service_fail, "(type: string, message: string)", 0},
    {"fail_err", service_fail_err, NULL, 0},
    {"keep", service_keep, NULL, 0},
    {"kept", service_kept, NULL, 0},
    {"let_go", service_let_go, NULL, 0},
    {"store", service_store, NULL, 0},
    {"make", service_make, NULL, 0},
    {"tree", service_tree, NULL, 0},
    {"silent", service_silent, NULL, 0},
    {"call", service_call, NULL, 0},
    {"pass", service_pass, NULL, 0},
    {"big", service_big, NULL, 0},
    {"two", service_two, NULL, 0},
    {"whoami", service_whoami, NULL, 0},
    {"login", service_login, NULL, 0},
    {NULL, NULL, NULL, 0},
};

const waldo_class service_class = {WALDO_CLASS_SIZES, "Service",
                                   service_methods, service_destroy, NULL};

struct service *
service_new(struct fixture *f, waldo_node *node, waldo_ref **ret_ref)
{
	struct service *service;

	if (f->service_count == MAX_SERVICES) {
		return NULL;
	}
	service = &f->services[f->service_count];
	service->f = f;
	service->node = node;
	if (waldo_object_new(node, &service_class, service, &service->target) !=
	    WALDO_OK) {
		return NULL;
	}
	service->made = true;
	f->service_count++;
	*ret_ref = service->target;
	return service;
}

static waldo_call *
take_held(struct service *service)
{
	waldo_call *call = service->held[0];

	service->held_count--;
	memmove(service->held, service->held + 1,
	        service->held_count * sizeof(service->held[0]));
	return call;
}

void
service_answer(struct service *service, int value)
{
	assert_true(service->held_count > 0);
	waldo_call_reply(take_held(service), "i", value);
}

void
service_answer_ref(struct service *service, waldo_ref *ref)
{
	assert_true(service->held_count > 0);
	waldo_call_reply(take_held(service), "r", ref);
}
