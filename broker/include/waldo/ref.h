/* SPDX-License-Identifier: MIT */
/*
 * waldo/ref.h - references: an object, wherever it lives
 *
 * A waldo_ref is counted here, in this process; how often a peer's table
 * counts it is the session's business. NULL is accepted everywhere and
 * behaves as a broken reference.
 *
 * Threads: like every handle, for the thread of its node only.
 */
#ifndef WALDO_REF_H
#define WALDO_REF_H

#include <waldo/promise.h>
#include <waldo/watch.h>
#include <waldo/writer.h>

#ifdef __cplusplus
extern "C" {
#endif

struct waldo_class;

typedef enum waldo_state {
	WALDO_PENDING = 0, /* not yet known, or calls on it are still on another
	                    * way; may be invoked, in order */
	WALDO_NEAR = 1,    /* an object of this node */
	WALDO_FAR = 2,     /* an object of a peer */
	WALDO_BROKEN = 3   /* for ever; see waldo_ref_get_failure() */
} waldo_state;

/* Returns `ref`, which then needs one more waldo_ref_release(). */
waldo_ref *waldo_ref_retain(waldo_ref *ref);

/* Gives one count back. The last one releases the object: a near object
 * that no peer holds is destroyed before this returns, unless one of its
 * methods is running; then when that returns. Works after the node is gone. */
void waldo_ref_release(waldo_ref *ref);

waldo_state waldo_ref_get_state(const waldo_ref *ref);

/* Why it is broken; NULL if it is not. Lives as long as `ref`. */
const waldo_failure *waldo_ref_get_failure(const waldo_ref *ref);

/* True if both are known to be the same object. A pending reference equals
 * only itself, so the answer may turn from false to true, never back. */
bool waldo_ref_equal(const waldo_ref *a, const waldo_ref *b);

/* The `self` of a near object of exactly this class, or NULL. */
void *waldo_ref_get_self(const waldo_ref *ref, const struct waldo_class *kind);

/* As waldo_call_get_binding(), of the link that a far reference leads through.
 * NULL also as long as it is not open: it is once a call on it was answered.
 * Borrowed until you return to the loop. */
const uint8_t *waldo_ref_get_binding(const waldo_ref *ref);

/* Ends the session that a far reference leads through: everything between the
 * two nodes breaks with WALDO_ELOST, `reason` is told to the peer. Takes
 * effect at once, callbacks run in the next turn. Near: nothing. */
void waldo_ref_end_session(waldo_ref *ref, const char *reason);

/*
 * Tells of each change of state: once when a pending reference becomes near
 * or far, once when it breaks, which is the last. If it is already broken,
 * `cb` runs in the next turn. The watch retains `ref` until it is stopped or
 * has told of the break.
 */
typedef void waldo_ref_cb(waldo_ref *ref, waldo_state state, void *user);
waldo_err waldo_ref_watch(waldo_ref *ref, waldo_ref_cb *cb, void *user,
                          waldo_watch **ret_watch) WALDO_MUST_CHECK;

/*
 * Invokes `method` with the values of waldo_putf(). Whatever goes wrong
 * arrives in the promise, which is NULL only when memory ran out, and NULL
 * is a promise that has failed with WALDO_ENOMEM.
 */
waldo_promise *waldo_ref_invoke(waldo_ref *ref, const char *method,
                                const char *format, ...) WALDO_MUST_CHECK;

/*
 * The same one-way: no reply, no promise. WALDO_ELIMIT when the peer does not
 * keep up (waldo_limits.queued_bytes; see waldo_ref_watch_room()), WALDO_EINVAL
 * when the format or a value is wrong, the code of its failure (WALDO_ELOST,
 * ...) when the reference is broken; nothing was sent then.
 */
waldo_err waldo_ref_notify(waldo_ref *ref, const char *method,
                           const char *format, ...);

/*
 * Has `cb` run once, from the loop, when there is room for calls on `ref`:
 * at most half of queued_bytes wait for its peer, and at most three quarters
 * of total_bytes are used. For whoever was told WALDO_ELIMIT with one of these.
 * The state is that of `ref`; WALDO_BROKEN: there never will be. Stopped and
 * retained as waldo_ref_watch().
 */
waldo_err waldo_ref_watch_room(waldo_ref *ref, waldo_ref_cb *cb, void *user,
                               waldo_watch **ret_watch) WALDO_MUST_CHECK;

/* The next value as a reference, borrowed from `reader`; retain it to keep it.
 * NULL after an error, and nil is one: see waldo_read_skip(). */
waldo_ref *waldo_read_ref(waldo_reader *reader);

/* Puts a reference; the message holds its own count. NULL is put as nil. A
 * pending one may be put: the receiver can invoke it at once. */
void waldo_put_ref(waldo_writer *writer, waldo_ref *ref);

#ifdef __cplusplus
}
#endif
#endif
