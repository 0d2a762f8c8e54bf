/* SPDX-License-Identifier: MIT */
#include "broker/call.h"
#include "broker/pending.h"
#include "serial/api.h"

#include <stdlib.h>
#include <string.h>

/* What NULL behaves as, since NULL is what there was no memory for. Not const:
 * the user may pass it on, as any other (waldoi_failure_of). */
static waldoi_failure no_promise = {
    .pub = {WALDO_ENOMEM, WALDO_NOT_SENT, false, "waldo.NoMemory",
            "out of memory", 0},
    .count = WALDOI_IMMORTAL,
};

static waldoi_failure not_settled = {
    .pub = {WALDO_EINVAL, WALDO_MAYBE_EXECUTED, false, "waldo.Invalid",
            "the promise is not settled yet", 0},
    .count = WALDOI_IMMORTAL,
};

/* All that is looked at before it is set. */
static void
init(waldo_promise *promise, waldo_node *node)
{
	promise->node = node;
	promise->count = 1;
	promise->settled = WALDOI_OPEN;
	promise->has_callback = false;
	promise->read = false;
	promise->telling = false;
	promise->kept = false;
	promise->flush = false;
	promise->flushes = 0;
	promise->done = NULL;
	promise->source = NULL;
	promise->session = NULL;
	promise->id = 0;
	promise->on = NULL;
	promise->request = NULL;
	promise->call = NULL;
	promise->follower = NULL;
	promise->pendings = NULL;
	promise->failure = NULL;
	promise->job.queue = NULL;
	waldoi_timer_init(&promise->timer);
	waldoi_message_init(&promise->value);
}

waldo_promise *
waldoi_promise_new(waldo_node *node)
{
	waldo_promise *promise = node == NULL
	                             ? malloc(sizeof(*promise))
	                             : waldoi_pool_take(&node->promise_pool);

	if (promise == NULL) {
		return NULL;
	}
	init(promise, node);
	if (node != NULL) {
		promise->since = waldoi_node_now(node);
		LIST_INSERT_HEAD(&node->promises, promise, entry);
		node->promise_count++;
	}
	return promise;
}

WALDO_API waldo_promise *
waldo_promise_retain(waldo_promise *promise)
{
	if (promise != NULL) {
		promise->count++;
	}
	return promise;
}

/* Whoever would settle it holds a count, so it is settled: nobody asks for its
 * result any more. */
static void
free_promise(waldo_promise *promise)
{
	waldo_node *node = promise->node;

	if (promise->pendings != NULL) {
		waldoi_pendings_free(&promise->pendings);
	}
	waldoi_message_fini(&promise->value);
	if (promise->failure != NULL) {
		waldoi_failure_release(promise->failure);
	}
	if (promise->on != NULL) {
		waldo_ref_release(promise->on);
	}
	if (node == NULL) {
		free(promise);
		return;
	}
	if (promise->job.queue != NULL) {
		waldoi_runqueue_remove(&promise->job);
	}
	if (waldoi_timer_is_armed(&promise->timer)) {
		waldoi_timer_stop(&node->timers, &promise->timer);
	}
	LIST_REMOVE(promise, entry);
	node->promise_count--;
	waldoi_pool_give(&node->promise_pool, promise);
}

static inline void
release(waldo_promise *promise)
{
	if (--promise->count == 0) {
		free_promise(promise);
	}
}

WALDO_API void
waldo_promise_release(waldo_promise *promise)
{
	if (promise != NULL) {
		release(promise);
	}
}

/* ---- settling */

static void
init_reader(waldo_promise *promise, waldo_reader *reader, waldoi_message *value)
{
	const waldoi_failure *failure = promise->failure;
	char why[WALDOI_CHECK_MESSAGE];
	waldo_err err;

	if (failure != NULL) {
		waldoi_reader_init_failed(reader, failure->pub.code,
		                          failure->pub.message);
	} else if (value->unchecked != 0 &&
	           !waldoi_message_check(value, &err, why)) {
		waldoi_reader_init_failed(reader, err, why);
	} else if (value->body == NULL) {
		waldoi_reader_init_failed(reader, WALDO_EINVAL,
		                          "the result was given to the call "
		                          "that followed it");
	} else {
		waldoi_reader_init(reader, value->body, value->len, false,
		                   (void *const *) value->refs,
		                   value->ref_count);
	}
}

/* The last that it does: the callback, and the count that came with it.
 * `others` are the counts of who settles it. */
static inline void
tell(waldo_promise *promise, waldoi_message *value, uint32_t others)
{
	waldo_node *node = promise->node;
	waldo_done_cb *done = promise->done;
	const waldoi_failure *failure = promise->failure;

	promise->settled = WALDOI_SETTLED;
	if (done != NULL) {
		promise->done = NULL;
		/* One at a time, so they share a reader that is at hand. */
		init_reader(promise, &node->telling, value);
		promise->read = promise->telling = true;
		node->callbacks++;
		done(&node->telling, failure == NULL ? NULL : &failure->pub,
		     promise->user);
		node->callbacks--;
		promise->telling = false;
		if (promise->count > 1 + others) {
			/* Somebody may ask for it again. */
			waldoi_reader_init_gone(
			    &promise->reader, WALDO_EINVAL,
			    "the result was given to the callback");
		}
	}
	waldoi_message_fini(value);
	release(promise);
}

static void
tell_later(waldoi_job *job)
{
	waldo_promise *promise = waldoi_container_of(job, waldo_promise, job);

	tell(promise, &promise->value, 0);
}

/* Keeps what came until somebody asks. */
static void
store(waldo_promise *promise, waldoi_message *value)
{
	promise->settled = WALDOI_SETTLED;
	if (value == NULL) {
		return;
	}
	if (!waldoi_message_own(value)) {
		promise->failure = waldoi_failure_new(
		    WALDO_ENOMEM, WALDO_EXECUTED, "out of memory");
		waldoi_message_fini(value);
		return;
	}
	waldoi_message_move(&promise->value, value);
}

/* The outcome belongs to the call that follows. */
static void
hand_over(waldoi_job *job)
{
	waldo_promise *promise = waldoi_container_of(job, waldo_promise, job);

	waldo_promise_retain(promise); /* the call lets go of it */
	if (promise->follower != NULL) {
		waldoi_call_answer_with(promise->follower, &promise->value,
		                        promise->failure);
	}
	waldo_promise_release(promise);
}

void
waldoi_promise_settle(waldo_promise *promise, waldoi_message *value,
                      waldoi_failure *failure, bool now)
{
	if (promise->settled != WALDOI_OPEN) {
		if (value != NULL) {
			waldoi_message_fini(value);
		}
		waldoi_failure_release(failure);
		return;
	}
	promise->settled = WALDOI_SETTLING;
	promise->source = NULL;
	promise->failure = failure;
	if (waldoi_timer_is_armed(&promise->timer)) {
		waldoi_timer_stop(&promise->node->timers, &promise->timer);
	}
	if (promise->pendings != NULL) {
		waldoi_pendings_settle(&promise->pendings, value, failure);
	}
	if (promise->follower != NULL) {
		/* From the queue: a chain of followers is not recursed into. */
		store(promise, value);
		waldoi_node_queue(promise->node, &promise->job, hand_over);
	} else if (!promise->has_callback && promise->count > 1) {
		store(promise, value);
	} else if (!promise->has_callback) {
		/* Only who settles it still has it: nobody will ask. */
		promise->settled = WALDOI_SETTLED;
		if (value != NULL) {
			waldoi_message_fini(value);
		}
	} else if (now) {
		waldoi_message none;

		waldoi_message_init(&none);
		tell(promise, value == NULL ? &none : value, 1);
	} else {
		store(promise, value);
		promise->settled = WALDOI_SETTLING;
		waldoi_node_queue(promise->node, &promise->job, tell_later);
	}
}

void
waldoi_promise_settle_nil(waldo_promise *promise, bool now)
{
	uint8_t nil[] = {0xc0};
	waldoi_message value;

	waldoi_message_init(&value);
	value.body = nil;
	value.len = sizeof(nil);
	waldoi_promise_settle(promise, &value, NULL, now);
}

waldo_promise *
waldoi_promise_new_failed(waldo_node *node, waldoi_failure *failure)
{
	waldo_promise *promise = waldoi_promise_new(node);

	if (promise == NULL) {
		waldoi_failure_release(failure);
		return NULL;
	}
	promise->settled = WALDOI_SETTLED;
	promise->failure = failure;
	return promise;
}

void
waldoi_promise_orphan(waldo_promise *promise, waldoi_failure *gone)
{
	waldo_node *node = promise->node;

	waldoi_runqueue_remove(&promise->job);
	waldoi_timer_stop(&node->timers, &promise->timer);
	LIST_REMOVE(promise, entry);
	node->promise_count--;
	promise->node = NULL;
	promise->source = NULL;
	if (promise->failure == NULL && promise->value.body == NULL) {
		promise->failure = waldoi_failure_retain(gone);
	}
	promise->settled = WALDOI_SETTLED;
}

WALDO_API waldo_err
waldo_promise_when(waldo_promise *promise, waldo_done_cb *cb, void *user)
{
	waldo_err err = WALDO_OK;

	if (promise == NULL) {
		return WALDO_ENOMEM;
	}
	if (cb == NULL || promise->has_callback || promise->follower != NULL) {
		err = WALDO_EINVAL;
	} else if (promise->node == NULL) {
		/* No loop will ever run it. */
		err = promise->failure == NULL ? WALDO_ELOST
		                               : promise->failure->pub.code;
	}
	if (err != WALDO_OK) {
		waldo_promise_release(promise);
		return err;
	}
	promise->has_callback = true;
	promise->done = cb;
	promise->user = user;
	if (promise->settled == WALDOI_SETTLED) {
		promise->settled = WALDOI_SETTLING;
		waldoi_node_queue(promise->node, &promise->job, tell_later);
	}
	return WALDO_OK;
}

/* ---- giving up */

static void
give_up(waldo_promise *promise, waldo_err code, bool now, const char *format,
        ...)
{
	waldoi_failure *failure;
	waldo_fate fate;
	va_list args;
	const waldoi_promise_source *source = promise->source;

	if (promise->settled != WALDOI_OPEN || source == NULL) {
		return; /* settled, or about to be */
	}
	waldo_promise_retain(promise);
	promise->source = NULL;
	fate = source->give_up(promise);
	va_start(args, format);
	failure = waldoi_failure_newv(code, fate, format, args);
	va_end(args);
	waldoi_promise_settle(promise, NULL, failure, now);
	waldo_promise_release(promise);
}

void
waldoi_promise_give_up(waldo_promise *promise, waldo_err code,
                       const char *message)
{
	give_up(promise, code, false, "%s", message);
}

WALDO_API void
waldo_promise_cancel(waldo_promise *promise)
{
	if (promise != NULL) {
		give_up(promise, WALDO_ECANCELLED, false,
		        "the call was cancelled");
	}
}

static void
too_late(waldoi_timer *timer)
{
	waldo_promise *promise =
	    waldoi_container_of(timer, waldo_promise, timer);

	give_up(promise, WALDO_EDEADLINE, true, "no answer within %u ms",
	        promise->timeout_ms);
}

void
waldoi_promise_set_deadline(waldo_promise *promise,
                            const waldo_request *request)
{
	if (request->deadline != WALDOI_NEVER) {
		promise->timeout_ms = request->timeout_ms;
		waldoi_node_arm(promise->node, &promise->timer,
		                request->deadline, too_late);
	}
}

WALDO_API void
waldo_promise_forget(waldo_promise *promise)
{
	if (promise != NULL) {
		promise->done = NULL;
	}
}

/* ---- what it will be */

/* Places that were asked for after the fact. A payload that was read is not
 * what it was (serial/reader.h). */
static void
settle_late(waldo_promise *promise)
{
	char why[WALDOI_CHECK_MESSAGE];
	waldoi_message gone;
	bool there;
	waldo_err err;

	waldoi_message_init(&gone);
	there =
	    !promise->read && waldoi_message_check(&promise->value, &err, why);
	waldoi_pendings_settle(&promise->pendings,
	                       promise->failure != NULL ? NULL
	                       : there                  ? &promise->value
	                                                : &gone,
	                       promise->failure);
}

static waldo_ref *
get_place(waldo_promise *promise, const waldoi_path *path)
{
	waldoi_failure *failure;
	waldo_ref *ref;

	if (promise->node == NULL) {
		return NULL;
	}
	ref = waldoi_pendings_get(&promise->pendings, promise->node, path,
	                          promise);
	if (ref != NULL && path->malformed) {
		failure = waldoi_path_failure();
		waldoi_ref_break(ref, failure);
		waldoi_failure_release(failure);
	} else if (ref != NULL && promise->settled != WALDOI_OPEN) {
		settle_late(promise);
	}
	return ref;
}

WALDO_API waldo_ref *
waldo_promise_get_ref_at(waldo_promise *promise, const char *text)
{
	waldoi_path path;

	if (promise == NULL || text == NULL) {
		return NULL;
	}
	waldoi_path_parse(text, &path);
	return get_place(promise, &path);
}

WALDO_API waldo_ref *
waldo_promise_get_ref(waldo_promise *promise)
{
	const waldoi_path path = {0};

	return promise == NULL ? NULL : get_place(promise, &path);
}

/* ---- waiting */

WALDO_API waldo_err
waldo_promise_wait(waldo_promise *promise, int timeout_ms)
{
	waldo_node *node;
	uint64_t end = WALDOI_NEVER;

	if (promise == NULL) {
		return WALDO_ENOMEM;
	}
	node = promise->node;
	if (node == NULL) {
		return promise->failure == NULL ? WALDO_OK
		                                : promise->failure->pub.code;
	}
	if (node->callbacks > 0 || promise->has_callback) {
		return WALDO_EINVAL;
	}
	if (timeout_ms >= 0) {
		end = node->driver->now(node->driver_data) +
		      (uint64_t) timeout_ms * 1000;
	}
	while (promise->settled != WALDOI_SETTLED) {
		uint64_t now = node->driver->now(node->driver_data);
		waldo_err err;
		int left = -1;

		if (end != WALDOI_NEVER) {
			if (now >= end) {
				return WALDO_EDEADLINE;
			}
			left = (int) ((end - now + 999) / 1000);
		}
		err = node->driver->step(node->driver_data, left);
		if (err != WALDO_OK) {
			return err;
		}
	}
	return promise->failure == NULL ? WALDO_OK : promise->failure->pub.code;
}

WALDO_API waldo_reader *
waldo_promise_get_result(waldo_promise *promise)
{
	if (promise == NULL) {
		return NULL;
	}
	if (promise->read) {
		return promise->telling ? &promise->node->telling
		                        : &promise->reader;
	}
	if (promise->settled != WALDOI_SETTLED || promise->has_callback ||
	    promise->follower != NULL) {
		waldoi_reader_init_failed(&promise->reader, WALDO_EINVAL,
		                          "the promise has no result yet");
		return &promise->reader;
	}
	init_reader(promise, &promise->reader, &promise->value);
	promise->read = true;
	return &promise->reader;
}

WALDO_API const waldo_failure *
waldo_promise_get_failure(const waldo_promise *promise)
{
	if (promise == NULL) {
		return &no_promise.pub;
	}
	if (promise->failure != NULL) {
		return &promise->failure->pub;
	}
	return promise->settled == WALDOI_SETTLED ? NULL : &not_settled.pub;
}
