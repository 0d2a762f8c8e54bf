/* SPDX-License-Identifier: MIT */
/* A facet is an object whose calls are passed on, unread. */
#include "broker/facet.h"
#include "broker/object.h"
#include "serial/api.h"

#include <stdlib.h>
#include <string.h>

#define ONE_CALL UINT64_C(1000000) /* what one costs: microseconds of rate */

struct facet {
	waldo_node *node;
	waldo_ref *ref;    /* itself, by which it lives: not counted */
	waldo_ref *target; /* retained */
	waldo_ref *perspective;
	waldo_watch *watch; /* of the target */
	void (*gone)(void *user);
	void *user;
	waldoi_timer expiry;
	uint32_t rate; /* calls a second; 0: any */
	uint32_t burst;
	uint64_t spent; /* of the burst, in units of ONE_CALL */
	uint64_t since; /* `spent` was so then */
	waldoi_job job; /* its end */
	bool leaves;    /* `.logout` is its end */
	bool listed;    /* only `methods` may be called */
	size_t method_count;
	char *methods[]; /* the names stand behind it */
};

/* ---- what it lets through */

static bool
find_method(const struct facet *facet, const char *name, size_t *ret_index)
{
	for (size_t i = 0; i < facet->method_count; i++) {
		if (strcmp(facet->methods[i], name) == 0) {
			*ret_index = i;
			return true;
		}
	}
	return false;
}

static waldoi_failure *
deny(const struct facet *facet, const waldo_call *call)
{
	const char *name = call->method->text;
	size_t index;

	/* What else the library has of its own (the flush does not come here)
	 * its callee knows, but for the end of somebody else's facet. */
	if (!facet->listed ||
	    (name[0] == '.' && strcmp(name, WALDOI_LOGOUT) != 0) ||
	    find_method(facet, name, &index)) {
		return NULL;
	}
	return waldoi_failure_new(WALDO_EDENIED, WALDO_NOT_SENT,
	                          "the facet does not let '%s' through", name);
}

/* A bucket that runs dry in one second for each `rate` calls in it. */
static waldoi_failure *
charge(struct facet *facet)
{
	uint64_t now = waldoi_node_now(facet->node);
	uint64_t passed = now - facet->since;

	if (facet->rate == 0) {
		return NULL;
	}
	facet->since = now;
	/* The quotient first, for the product may be more than fits. */
	facet->spent = passed > facet->spent / facet->rate
	                   ? 0
	                   : facet->spent - passed * facet->rate;
	if (facet->spent + ONE_CALL > facet->burst * ONE_CALL) {
		return waldoi_failure_new(
		    WALDO_ELIMIT, WALDO_NOT_SENT,
		    "calls_per_second: the facet lets %u calls a second "
		    "through, %u at once",
		    facet->rate, facet->burst);
	}
	facet->spent += ONE_CALL;
	return NULL;
}

static waldoi_failure *
refuse(struct facet *facet, const waldo_call *call)
{
	waldoi_failure *failure = deny(facet, call);

	if (failure == NULL && waldo_call_get_time_left_ms(call) == 0) {
		failure = waldoi_failure_new(WALDO_EDEADLINE, WALDO_NOT_SENT,
		                             "the caller's deadline has "
		                             "passed");
	}
	return failure == NULL ? charge(facet) : failure;
}

/* ---- .describe */

struct told {
	const char *name, *signature;
	uint64_t flags;
};

static struct told
read_method(waldo_reader *r)
{
	struct told told = {NULL, NULL, 0};

	for (size_t left = waldo_read_map(r); left > 0; left--) {
		const char *key = waldo_read_str(r, NULL);

		if (strcmp(key, "name") == 0) {
			told.name = waldo_read_str(r, NULL);
		} else if (strcmp(key, "signature") == 0 &&
		           waldo_read_type(r) == WALDO_TYPE_STR) {
			told.signature = waldo_read_str(r, NULL);
		} else if (strcmp(key, "flags") == 0) {
			told.flags = waldo_read_uint(r, UINT64_MAX);
		} else {
			waldo_read_skip(r);
		}
	}
	return told;
}

/* In the order of the facet's own list, which bounds them too. */
static void
read_methods(const struct facet *facet, waldo_reader *r, struct told *tolds)
{
	size_t index;

	for (size_t left = waldo_read_list(r); left > 0; left--) {
		struct told told = read_method(r);

		if (told.name != NULL &&
		    find_method(facet, told.name, &index)) {
			tolds[index] = told;
		}
	}
}

static void
put_methods(const struct facet *facet, waldo_writer *w,
            const struct told *tolds)
{
	size_t count = 0;

	for (size_t i = 0; i < facet->method_count; i++) {
		count += tolds[i].name != NULL;
	}
	waldo_put_list(w, count);
	for (size_t i = 0; i < facet->method_count; i++) {
		if (tolds[i].name != NULL) {
			waldo_putf(w, "{sssssU}", "name", tolds[i].name,
			           "signature", tolds[i].signature, "flags",
			           tolds[i].flags);
		}
	}
}

static void
describe(const struct facet *facet, waldo_call *call, waldo_reader *r,
         struct told *tolds)
{
	waldo_writer *w = waldo_call_get_result(call);
	const char *name = "";

	for (size_t left = waldo_read_map(r); left > 0; left--) {
		const char *key = waldo_read_str(r, NULL);

		if (strcmp(key, "class") == 0) {
			name = waldo_read_str(r, NULL);
		} else if (strcmp(key, "methods") == 0) {
			read_methods(facet, r, tolds);
		} else {
			waldo_read_skip(r);
		}
	}
	if (waldo_read_end(r) != WALDO_OK) {
		waldo_call_fail(call, "waldo.Invalid",
		                "the target's description: %s",
		                waldo_read_message(r));
		return;
	}
	waldo_put_map(w, 2);
	waldo_put_str(w, "class");
	waldo_put_str(w, name);
	waldo_put_str(w, "methods");
	put_methods(facet, w, tolds);
	waldo_call_reply(call, "");
}

/* The target has described itself; leaves out what is not let through. */
static void
filter_description(waldo_call *call, waldoi_message *result)
{
	waldoi_object *object = waldoi_object_of(call->target);
	struct facet *facet = object->self;
	struct told *tolds;

	if (object->ref.state == WALDO_BROKEN) {
		waldoi_call_fail(call,
		                 waldoi_failure_retain(object->ref.failure));
		return;
	}
	tolds = calloc(facet->method_count + 1, sizeof(*tolds));
	if (tolds == NULL) {
		waldo_call_fail_err(call, WALDO_ENOMEM);
		return;
	}
	waldoi_reader_init(&call->reader, result->body, result->len, false,
	                   (void *const *) result->refs, result->ref_count);
	describe(facet, call, &call->reader, tolds);
	free(tolds);
}

/* ---- passing on */

static void
set_perspective(const struct facet *facet, waldo_call *call)
{
	waldo_ref *old = call->perspective;

	if (facet->perspective != NULL) {
		call->perspective = waldo_ref_retain(facet->perspective);
		waldo_ref_release(old);
	}
}

const waldo_peer *
waldoi_facet_get_peer(const waldo_call *call)
{
	while (call->promise != NULL && call->promise->follower != NULL &&
	       call->promise->follower->passed_on) {
		call = call->promise->follower;
	}
	return waldo_call_get_peer(call);
}

/* Its answer is on its way before those of the calls that this ends. */
static void
leave(struct facet *facet, waldo_call *call)
{
	waldoi_failure *left =
	    waldoi_failure_new(WALDO_EREVOKED, WALDO_NOT_SENT, "logged out");

	waldo_call_reply(call, "");
	waldoi_object_revoke(waldoi_object_of(facet->ref), left);
	waldoi_failure_release(left);
}

static void
pass(void *self, waldo_call *call)
{
	struct facet *facet = self;
	waldoi_failure *failure = refuse(facet, call);

	if (failure == NULL && facet->leaves &&
	    strcmp(call->method->text, WALDOI_LOGOUT) == 0) {
		leave(facet, call);
		return;
	}
	if (failure != NULL) {
		waldoi_call_fail(call, failure);
		return;
	}
	set_perspective(facet, call);
	if (facet->listed && strcmp(call->method->text, ".describe") == 0) {
		call->filter = filter_description;
	}
	waldoi_ref_forward(facet->target, call);
}

/* ---- its end */

static void
expire(waldoi_timer *timer)
{
	struct facet *facet = waldoi_container_of(timer, struct facet, expiry);
	waldoi_failure *expired = waldoi_failure_new(
	    WALDO_EREVOKED, WALDO_NOT_SENT, "the facet has expired");

	waldoi_object_revoke(waldoi_object_of(facet->ref), expired);
	waldoi_failure_release(expired);
}

/* What is under way ends with the target, and knows better how. */
static void
target_changed(waldo_ref *target, waldo_state state, void *user)
{
	struct facet *facet = user;

	if (state == WALDO_BROKEN) {
		waldoi_object_break(waldoi_object_of(facet->ref),
		                    waldoi_ref_follow(target)->failure);
	}
}

static void
let_go(waldoi_job *job)
{
	struct facet *facet = waldoi_container_of(job, struct facet, job);

	waldo_watch_stop(facet->watch);
	waldo_ref_release(facet->target);
	waldo_ref_release(facet->perspective);
	free(facet);
}

/* One after the other, since peers may have a chain of facets grow. */
static void
destroy(void *self)
{
	struct facet *facet = self;
	waldo_node *node = facet->node;
	waldoi_job *job;

	waldoi_timer_stop(&node->timers, &facet->expiry);
	if (facet->gone != NULL) {
		facet->gone(facet->user);
	}
	waldoi_runqueue_add(&node->facets, &facet->job, let_go);
	if (node->letting_go) {
		return;
	}
	node->letting_go = true;
	while ((job = waldoi_runqueue_pop(&node->facets)) != NULL) {
		job->run(job);
	}
	node->letting_go = false;
}

/* ---- making */

static const waldo_class facet_class = {
    WALDO_CLASS_SIZES, "facet", NULL, destroy, NULL,
};

void
waldoi_facet_let_leave(const waldo_ref *ref)
{
	struct facet *facet = waldo_ref_get_self(ref, &facet_class);

	if (facet != NULL) {
		facet->leaves = true;
	}
}

static waldo_err
check(waldo_node *node, waldo_ref *target, const waldo_facet_options *options)
{
	if (target == NULL) {
		return waldoi_node_fail(NULL, WALDO_EINVAL,
		                        "facet: the target is NULL");
	}
	if (node == NULL) {
		return waldoi_node_fail(NULL, WALDO_ELOST,
		                        "facet: the target's node was freed");
	}
	if (options->size < sizeof(*options)) {
		return waldoi_node_fail(
		    node, WALDO_EINVAL,
		    "waldo_facet_options.size is %zu, not %zu", options->size,
		    sizeof(*options));
	}
	if (options->burst != 0 && options->calls_per_second == 0) {
		return waldoi_node_fail(node, WALDO_EINVAL,
		                        "facet: a burst of %u without "
		                        "calls_per_second",
		                        options->burst);
	}
	if (options->perspective != NULL &&
	    options->perspective->node != node) {
		return waldoi_node_fail(node, WALDO_EINVAL,
		                        "facet: the perspective belongs to "
		                        "another node");
	}
	return WALDO_OK;
}

/* Counts the names and their bytes, NUL included. */
static waldo_err
check_methods(waldo_node *node, const char *const *methods, size_t *ret_count,
              size_t *ret_bytes)
{
	*ret_count = *ret_bytes = 0;
	for (; methods != NULL && *methods != NULL; methods++) {
		size_t len = strlen(*methods);

		if (**methods == '.' ||
		    !waldoi_method_is_valid(*methods, len)) {
			return waldoi_node_fail(node, WALDO_EINVAL,
			                        "facet: '%.40s' is not a name "
			                        "of a method",
			                        *methods);
		}
		++*ret_count;
		*ret_bytes += len + 1;
	}
	return WALDO_OK;
}

static struct facet *
facet_alloc(const char *const *methods, size_t count, size_t bytes)
{
	struct facet *facet =
	    calloc(1, sizeof(*facet) + count * sizeof(*facet->methods) + bytes);
	char *to;

	if (facet == NULL) {
		return NULL;
	}
	facet->listed = methods != NULL;
	facet->method_count = count;
	to = (char *) &facet->methods[count];
	for (size_t i = 0; i < count; i++) {
		facet->methods[i] = strcpy(to, methods[i]);
		to += strlen(to) + 1;
	}
	return facet;
}

static struct facet *
facet_new(waldo_ref *target, const waldo_facet_options *options, size_t count,
          size_t bytes)
{
	struct facet *facet = facet_alloc(options->methods, count, bytes);

	if (facet != NULL) {
		facet->node = target->node;
		facet->target = waldo_ref_retain(target);
		facet->perspective = waldo_ref_retain(options->perspective);
		facet->rate = options->calls_per_second;
		facet->burst = options->burst != 0 ? options->burst
		                                   : options->calls_per_second;
	}
	return facet;
}

/* Makes it an object. Takes `facet`. */
static waldo_err
give_life(struct facet *facet, const waldo_facet_options *options,
          waldo_ref **ret_facet)
{
	waldo_node *node = facet->node;
	waldo_ref *end = waldoi_ref_follow(facet->target);
	waldo_err err =
	    waldo_object_new(node, &facet_class, facet, &facet->ref);
	waldo_ref *ref = facet->ref;

	if (err != WALDO_OK) {
		destroy(facet);
		return err;
	}
	waldoi_object_of(ref)->pass = pass;
	if (options->lifetime_ms != 0) {
		waldoi_node_arm(node, &facet->expiry,
		                waldoi_node_clock(node) +
		                    options->lifetime_ms * UINT64_C(1000),
		                expire);
	}
	if (end->state == WALDO_BROKEN) {
		waldoi_object_break(waldoi_object_of(ref), end->failure);
		*ret_facet = ref;
		return WALDO_OK;
	}
	err = waldo_ref_watch(facet->target, target_changed, facet,
	                      &facet->watch);
	if (err != WALDO_OK) {
		waldo_ref_release(ref);
		return err;
	}
	facet->gone = options->gone;
	facet->user = options->user;
	*ret_facet = ref;
	return WALDO_OK;
}

WALDO_API waldo_err
waldo_facet_new(waldo_ref *target, const waldo_facet_options *options,
                waldo_ref **ret_facet)
{
	static const waldo_facet_options none = {.size = sizeof(none)};
	waldo_node *node = target == NULL ? NULL : target->node;
	size_t count, bytes;
	struct facet *facet;
	waldo_err err;

	if (ret_facet == NULL) {
		return WALDO_EINVAL;
	}
	options = options == NULL ? &none : options;
	err = check(node, target, options);
	if (err == WALDO_OK) {
		err = check_methods(node, options->methods, &count, &bytes);
	}
	if (err != WALDO_OK) {
		return err;
	}
	facet = facet_new(target, options, count, bytes);
	if (facet == NULL) {
		return waldoi_node_fail(node, WALDO_ENOMEM, "out of memory");
	}
	return give_life(facet, options, ret_facet);
}
