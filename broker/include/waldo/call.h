/* SPDX-License-Identifier: MIT */
/*
 * waldo/call.h - an invocation, seen by the callee
 *
 * A method is handed a call and answers it exactly once: waldo_call_reply(),
 * waldo_call_fail() or waldo_call_follow(), each of which ends the call. To
 * answer after the method has returned, waldo_call_defer() it. A method
 * that returns with the call neither answered nor deferred fails it with
 * "waldo.NoReply", so that nobody waits for ever.
 */
#ifndef WALDO_CALL_H
#define WALDO_CALL_H

#include <waldo/promise.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct waldo_node waldo_node;
typedef struct waldo_call waldo_call;

/* The arguments; they live until the method returns, deferred or not. */
waldo_reader *waldo_call_get_args(waldo_call *call);

/* True if all arguments were read and fitted. Else fails the call with
 * WALDO_EARGS, saying which one did not fit, and the method returns. */
bool waldo_call_check(waldo_call *call) WALDO_MUST_CHECK;

/* Where a result is built that a format cannot express. */
waldo_writer *waldo_call_get_result(waldo_call *call);

/* Answers with what was put in the result, followed by the values of
 * waldo_putf(): one value; none is nil. If it cannot be encoded or exceeds a
 * limit the caller receives an error that says so. */
void waldo_call_reply(waldo_call *call, const char *format, ...);

/* Answers with an error. `type` is a dotted name that programs compare, the
 * message is for people. */
void waldo_call_fail(waldo_call *call, const char *type, const char *format,
                     ...) WALDO_PRINTF(3, 4);

/* Answers with the library's own error, "waldo.Denied: " and so on. */
void waldo_call_fail_err(waldo_call *call, waldo_err err);

/* Passes a failure on as it came, details included: one that the library
 * lent, for nobody else can make one. */
void waldo_call_fail_with(waldo_call *call, const waldo_failure *failure);

/* Answers with the outcome of `promise`, whenever it is settled, and takes
 * it. If the caller gives up or its deadline passes, the promise is cancelled;
 * a request made with waldo_call_get_time_left_ms() tells its callee of the
 * deadline beforehand. */
void waldo_call_follow(waldo_call *call, waldo_promise *promise);

/* The caller gave up (cancelled, deadline, session lost), or the object was
 * revoked. The call must still be answered, now or later, which only frees
 * it. */
typedef void waldo_cancel_cb(waldo_call *call, void *user);

/* Keeps the call beyond its method; returns it. `cb` may be NULL; it runs at
 * most once, not before the method has returned, not after the answer. */
waldo_call *waldo_call_defer(waldo_call *call, waldo_cancel_cb *cb, void *user);

/* Until the caller's deadline, by our clock; UINT32_MAX if there is none. */
uint32_t waldo_call_get_time_left_ms(const waldo_call *call);

waldo_node *waldo_call_get_node(const waldo_call *call);
const char *waldo_call_get_method(const waldo_call *call);

/* The perspective whose view of the object was invoked (<waldo/facet.h>), for
 * waldo_ref_get_self(); NULL if none. Borrowed, for as long as the call. */
waldo_ref *waldo_call_get_perspective(const waldo_call *call);

/* Who is at the other end, as its link proves it. */
typedef struct waldo_peer {
	const char *address; /* "tcp-insecure:192.0.2.7:51234", "unix:"; "near:"
	                      * for a call from this very node */
	const uint8_t *key;  /* 32 bytes, or NULL */
	int64_t uid, pid;    /* Unix sockets; else -1 */
} waldo_peer;

/* Never NULL; borrowed until your method or callback returns. The address is
 * empty once the session of a deferred call has ended. */
const waldo_peer *waldo_call_get_peer(const waldo_call *call);

/* What names the encrypted link that the call came by: 32 bytes that both ends
 * have and no other link has (the hash of its handshake; channel binding,
 * Noise section 11.2). Who signs it has signed for this link alone. NULL if it
 * came by a link in clear, from this very node, or if its session has ended;
 * borrowed until your method or callback returns. */
const uint8_t *waldo_call_get_binding(const waldo_call *call);

#ifdef __cplusplus
}
#endif
#endif
