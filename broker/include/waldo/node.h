/* SPDX-License-Identifier: MIT */
/*
 * waldo/node.h - one thread's presence on the network
 *
 * Threads: a node and everything made with it belong to the thread that steps
 * it. Exceptions: waldo_node_post() from any thread, waldo_node_stop() also
 * from a signal handler. A node does not survive fork().
 *
 * Callbacks run only inside waldo_node_step(), waldo_node_run(),
 * waldo_promise_wait() and waldo_node_free(), or when the caller's own
 * event_base dispatches. Methods and `destroy` are callbacks too, but that
 * `destroy` also runs in whichever function gives the last reference back, and
 * in waldo_object_revoke().
 */
#ifndef WALDO_NODE_H
#define WALDO_NODE_H

#include <waldo/call.h>
#include <waldo/key.h>
#include <waldo/limits.h>
#include <waldo/watch.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;

typedef enum waldo_log_level {
	WALDO_LOG_ERROR = 0,
	WALDO_LOG_WARN = 1,
	WALDO_LOG_INFO = 2,
	WALDO_LOG_DEBUG = 3
} waldo_log_level;

/*
 * A host whose key nobody knows yet. Until it is answered, which may be later
 * than the callback, nothing but the handshake has been sent to it. A key that
 * is not the one that is remembered is no question but WALDO_EDENIED, with the
 * fingerprints of both.
 */
typedef struct waldo_trust waldo_trust;
typedef void waldo_trust_cb(waldo_trust *question, void *user);

/* "host:port", and its key (32 bytes); borrowed until it is answered. */
const char *waldo_trust_get_host(const waldo_trust *question);
const uint8_t *waldo_trust_get_key(const waldo_trust *question);
/* Exactly one of them, once; also if the dial has been given up meanwhile.
 * Accepted keys are remembered. */
void waldo_trust_accept(waldo_trust *question);
void waldo_trust_refuse(waldo_trust *question);

typedef struct waldo_node_options {
	size_t size;                /* sizeof(waldo_node_options) */
	struct event_base *base;    /* borrowed; NULL: the node makes its own */
	const waldo_limits *limits; /* copied; NULL: defaults */
	/* For those who dial us, until waldo_call_raise_limits(); what is
	 * zero is as in `limits`. Copied; NULL: no difference is made. */
	const waldo_limits *strangers;
	/* Who we are; retained. NULL: a fresh key for each session that we
	 * dial, and one for the node's life when it first listens encrypted. */
	waldo_key *key;
	/* The file that remembers the keys of hosts: of those that a URI names
	 * without a key, and what hosts have announced of their next ones.
	 * Copied; made when there is something to remember. NULL: nothing is
	 * remembered, and a URI without a key fails with WALDO_EDENIED. */
	const char *known_hosts;
	/* Asked once for each host that is not known yet. NULL: nobody is
	 * trusted at first sight. */
	waldo_trust_cb *trust;
	void *trust_user;
	/* One line, without its end; borrowed. NULL: nothing is logged. */
	void (*log)(waldo_log_level level, const char *line, void *user);
	void *log_user;
} waldo_node_options;

/*
 * `options` may be NULL. If the environment has WALDO_TRACE=1, each frame
 * that the node sends or receives is printed on stderr, decoded, in one line.
 *
 *   WALDO_EINVAL   a size or a limit is out of range
 *   WALDO_ESYSTEM  the system refused a descriptor
 */
waldo_err waldo_node_new(const waldo_node_options *options,
                         waldo_node **ret_node) WALDO_MUST_CHECK;

/* Ends all sessions, settles every promise (callbacks run), cancels every
 * deferred call, destroys every object. References and promises that are
 * still held are broken and may be released later; deferred calls must still
 * be answered, which frees them. Not in a callback of the node. NULL is
 * accepted. */
void waldo_node_free(waldo_node *node);

/* Answers to `key` (retained), too: a client's URI may name either. All keys
 * but the first are announced to clients, which remember them
 * (waldo_node_options.known_hosts) and go on when the first is gone: add the
 * next key, wait until clients have called, then start with it alone. At most
 * 8 keys. WALDO_EINVAL: it has it already, or 8, or two whose hint is equal. */
waldo_err waldo_node_add_key(waldo_node *node, waldo_key *key) WALDO_MUST_CHECK;

/* The secret of a cluster, 32 bytes, in one of the slots 1 to 255; copied, and
 * wiped when it is replaced. NULL: none any more. Nodes that have the same one
 * in the same slot can meet by URIs with "?psk=SLOT". With `required` our
 * listeners accept no other clients over encrypted links from then on, whatever
 * later calls say; two slots at a time let a cluster change its secret. */
waldo_err waldo_node_set_psk(waldo_node *node, unsigned slot,
                             const uint8_t secret[32], bool required)
    WALDO_MUST_CHECK;

/* What the last function that failed at once on this node has to say, naming
 * what and where; never NULL, valid until the next call. With NULL: why the
 * last waldo_node_new() or waldo_key_load() of this thread failed. */
const char *waldo_node_get_message(const waldo_node *node);

/* For libraries on top of this one. The first says what
 * waldo_node_get_message() tells, and returns `err`; the second logs a line, in
 * which others' texts must be escaped already. */
waldo_err waldo_node_fail(waldo_node *node, waldo_err err, const char *format,
                          ...) WALDO_PRINTF(3, 4);
void waldo_node_log(waldo_node *node, waldo_log_level level, const char *format,
                    ...) WALDO_PRINTF(3, 4);

/* Runs until waldo_node_stop(). WALDO_EINVAL inside a callback. */
waldo_err waldo_node_run(waldo_node *node);

/* One turn: waits at most `timeout_ms` (0: not at all; -1: for ever) for
 * something to do, and does it; what there is to send leaves first and last.
 * Also what to do when waldo_node_get_fd() is readable. WALDO_EINVAL inside a
 * callback. */
waldo_err waldo_node_step(waldo_node *node, int timeout_ms);

/* Sends what is queued, now. Seldom needed: what is queued in a callback
 * leaves at the end of the turn, and what is queued outside one makes
 * waldo_node_get_fd() readable (a step sends it). */
void waldo_node_flush(waldo_node *node);

/* Stops listening and tells every peer (GOAWAY); lets the calls that peers
 * have open here finish for `grace_ms`, ends all sessions in good order, then
 * makes waldo_node_run() return. Calls of peers that come later never run, and
 * their callers learn that (WALDO_ELOST, NOT_SENT). A second call shortens the
 * grace, never lengthens it. */
void waldo_node_stop(waldo_node *node, uint32_t grace_ms);

/* False once a stop has run to its end; for loops of waldo_node_step(). */
bool waldo_node_is_running(const waldo_node *node);

/* Readable when there is something to do, timers included; for GLib, Qt, ...
 * Belongs to the node. -1 where the system has no epoll, and for a node on
 * the caller's event_base, which is dispatched instead. */
int waldo_node_get_fd(waldo_node *node);

typedef void waldo_task_cb(void *user);

/* Has `cb` run on the node's thread. Any thread. Tasks that have not run when
 * the node is freed run in waldo_node_free(). */
waldo_err waldo_node_post(waldo_node *node, waldo_task_cb *cb, void *user)
    WALDO_MUST_CHECK;

/* Has `cb` run once, `delay_ms` from now; not at all if the node is freed
 * first. `ret_watch` may be NULL. */
waldo_err waldo_node_after(waldo_node *node, uint32_t delay_ms,
                           waldo_task_cb *cb, void *user,
                           waldo_watch **ret_watch) WALDO_MUST_CHECK;

/* Tells who holds what, for people: each session with its peer and its
 * limits, what it exports and imports and how often, the calls that are open
 * either way and for how long, what waits and how many bytes. `line` is called
 * for each line (borrowed, without its end), which begins with two spaces for
 * each level. Any time on the node's thread, in callbacks too. */
void waldo_node_dump(const waldo_node *node,
                     void (*line)(const char *line, void *user), void *user);

#ifdef __cplusplus
}
#endif
#endif
