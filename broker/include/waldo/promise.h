/* SPDX-License-Identifier: MIT */
/*
 * waldo/promise.h - an invocation, seen by the caller
 *
 * A promise is settled once, with a result or a failure. It is the caller's
 * to give away (waldo_promise_when) or to release. Releasing it means that
 * nobody wants the result; it does not cancel.
 */
#ifndef WALDO_PROMISE_H
#define WALDO_PROMISE_H

#include <waldo/error.h>
#include <waldo/writer.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct waldo_ref waldo_ref;
typedef struct waldo_promise waldo_promise;
typedef struct waldo_request waldo_request;

/*
 * The outcome of an invocation. Runs once, on the node's thread, never before
 * the function that registered it has returned; may release anything.
 *
 *   result   one value, borrowed; never NULL: reads as failed after a failure
 *   failure  borrowed; NULL if the call succeeded
 */
typedef void waldo_done_cb(waldo_reader *result, const waldo_failure *failure,
                           void *user);

/*
 * Has `cb` run when `promise` is settled, and takes the caller's reference to
 * the promise, also on failure. A promise has one callback.
 *
 *   WALDO_ENOMEM  `promise` is NULL; `cb` will not run
 *   WALDO_EINVAL  it has a callback already, or a call follows it
 *   WALDO_ELOST   the node of `promise` is gone or being freed
 *   otherwise     the failure's code, where there never was a node: the
 *                 reference was NULL
 */
waldo_err waldo_promise_when(waldo_promise *promise, waldo_done_cb *cb,
                             void *user) WALDO_MUST_CHECK;

/* The reference that the result will be: invoke it before it is there.
 * Borrowed from `promise`; broken if the result turns out to be something
 * else, or was handed to a callback or a reader before this was asked for.
 * NULL, which is a broken reference, when memory runs out. */
waldo_ref *waldo_promise_get_ref(waldo_promise *promise);

/*
 * The same for a reference inside the result: `path` is up to 8 steps with a
 * slash between them, "players/0/avatar". A step of digits alone is the index
 * of an item of a list, any other is a key of a map. The empty path is the
 * result itself. Also when a malformed path is asked for, what comes back is
 * a broken reference.
 */
waldo_ref *waldo_promise_get_ref_at(waldo_promise *promise, const char *path);

/*
 * Gives the call up. The promise is settled with WALDO_ECANCELLED in the next
 * turn, unless its outcome came first; its fate is NOT_SENT if the call still
 * waited, here or for the connection. The callee is told: a call that has not
 * begun never runs, a deferred one hears of it (waldo_call_defer()).
 */
void waldo_promise_cancel(waldo_promise *promise);

/* The callback will not run, for whoever dies before the answer comes. The
 * call goes on. */
void waldo_promise_forget(waldo_promise *promise);

/*
 * Runs the node until `promise` is settled. WALDO_OK only if it has a result;
 * else the failure's code, or WALDO_EDEADLINE after `timeout_ms` (-1: no limit
 * of its own), when the call goes on. Other callbacks run meanwhile. For
 * tools, tests and scripts: WALDO_EINVAL inside a callback of the same node,
 * and for a promise that has a callback.
 */
waldo_err waldo_promise_wait(waldo_promise *promise, int timeout_ms)
    WALDO_MUST_CHECK;

/* After waldo_promise_wait(): what a waldo_done_cb gets; live until release.
 * The failure is NULL only if there is a result, else the result reads as
 * failed. */
waldo_reader *waldo_promise_get_result(waldo_promise *promise);
const waldo_failure *waldo_promise_get_failure(const waldo_promise *promise);

waldo_promise *waldo_promise_retain(waldo_promise *promise);
void waldo_promise_release(waldo_promise *promise);

/* ---- requests: arguments of any shape, and options */

enum waldo_request_flags {
	WALDO_ONE_WAY = 1, /* no reply: the promise is settled, with nil, once
	                      * the peer has it (not: has run it) */
	WALDO_IDEMPOTENT = 2,  /* may be repeated after a lost session */
	WALDO_CONFIDENTIAL = 4 /* its arguments are secrets: WALDO_EDENIED,
	                        * and nothing is sent, unless the peer is on
	                        * this machine, or its key was known before it
	                        * was dialled (from the URI, or remembered) and
	                        * is proved */
};

typedef struct waldo_options {
	size_t size;         /* sizeof(waldo_options) */
	uint32_t timeout_ms; /* 0: waldo_limits.call_timeout_ms */
	uint32_t flags;      /* waldo_request_flags; any other fails the call
	                      * with WALDO_EINVAL */
} waldo_options;

/* NULL when memory ran out, which every function accepts. `options` may be
 * NULL. The request retains `target` and copies `method`. */
waldo_request *waldo_request_new(waldo_ref *target, const char *method,
                                 const waldo_options *options);
waldo_writer *waldo_request_get_args(waldo_request *request);

/* Sends and takes `request`; see waldo_ref_invoke() for the promise. What
 * went wrong while it was built (the writer's error) arrives in it too. */
waldo_promise *waldo_request_send(waldo_request *request) WALDO_MUST_CHECK;

/* For a request that is not sent after all. */
void waldo_request_free(waldo_request *request);

#ifdef __cplusplus
}
#endif
#endif
