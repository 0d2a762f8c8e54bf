/* SPDX-License-Identifier: MIT */
/* waldo/server.h - publishing objects */
#ifndef WALDO_SERVER_H
#define WALDO_SERVER_H

#include <waldo/node.h>
#include <waldo/ref.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct waldo_listener waldo_listener;

/*
 * Accepts links at `address`, any number of addresses for a node:
 *
 *	tcp:0.0.0.0:4747            encrypted; port 0: one that is free
 *	tcp:[::1]:4747
 *	unix:/run/x                 a Unix socket; a stale file is replaced
 *	tcp-insecure:127.0.0.1:0    clear text, for measuring and debugging
 *	inproc:x                    nodes of this process
 *	fd:3                        a listening socket that was inherited
 *	                            (systemd's socket activation); taken; one
 *	                            of TCP is encrypted
 *
 * `ret_listener` may be NULL. The listener lives until it is closed or the
 * node is freed; a node that stops accepts no more by itself.
 *
 *   WALDO_EADDRESS  malformed, or no such host
 *   WALDO_ESYSTEM   the system refused (in use, no permission, ...)
 */
waldo_err waldo_listen(waldo_node *node, const char *address,
                       waldo_listener **ret_listener) WALDO_MUST_CHECK;

/* What a client connects to, less the slash and the name; with the port that
 * was bound. Borrowed. */
const char *waldo_listener_get_uri(const waldo_listener *listener);

/* Accepts no more, and frees the listener; links that are there stay. NULL is
 * accepted. */
void waldo_listener_close(waldo_listener *listener);

/* Retains `object` under `name` until it is unpublished or the node is freed.
 * WALDO_EINVAL if the name is taken, or is not 1 to 128 of the characters that
 * may stand in a segment of a URI path unescaped (RFC 3986 section 3.3:
 * letters, digits, -._~!$&'()*+,;=:@). */
waldo_err waldo_publish(waldo_node *node, const char *name, waldo_ref *object)
    WALDO_MUST_CHECK;

/* Those who hold the object keep it; a name that is not there is ignored. */
void waldo_unpublish(waldo_node *node, const char *name);

/* An object whose `find(name, key)` is called for names that are not published
 * and answers with a reference, now or later, or with nil if there is none;
 * `key` is the client's as its link proves it (bytes), nil if it does not. Who
 * can call it can claim any key: keep it to yourself. NULL: none. */
waldo_err waldo_set_finder(waldo_node *node, waldo_ref *finder)
    WALDO_MUST_CHECK;

/*
 * Raises what the peer that made `call` may use of us, for its session: to
 * `limits`, or (NULL) to those of the node. For those who are not strangers any
 * more (waldo_node_options.strangers), when they have proved it. Values that
 * are zero or not above the present ones stay; of the fields only those are
 * looked at that a peer is told of: message_bytes, depth, exports, imports,
 * open_calls, call_window, refs_per_message, names; and parked_bytes.
 *
 *   WALDO_EINVAL  the call did not come from a peer, or a value is out of range
 *   WALDO_ELOST   its session has ended
 */
waldo_err waldo_call_raise_limits(waldo_call *call, const waldo_limits *limits)
    WALDO_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
