/* SPDX-License-Identifier: MIT */
/* waldo/client.h - reaching published objects */
#ifndef WALDO_CLIENT_H
#define WALDO_CLIENT_H

#include <waldo/node.h>
#include <waldo/ref.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Returns a pending reference at once, to be invoked at once; whether it
 * comes to something is told by waldo_ref_watch() and by each call.
 *
 *	waldo://KEY@HOST:PORT[,HOST:PORT...]/NAME
 *	waldo+unix:///run/x/NAME                the name follows the last slash
 *	waldo+tcp-insecure://HOST:PORT/NAME
 *	waldo+inproc:NODE/NAME
 *
 * KEY is the peer's (<waldo/key.h>): nobody else is spoken to, and nobody reads
 * along. "waldo://@HOST:PORT/NAME" takes the key that is remembered for the
 * host (waldo_node_options.known_hosts). "?psk=SLOT" behind the name proves
 * that both have the cluster's secret (waldo_node_set_psk()). All hosts of a URI
 * are dialled, a little apart; the first that proves its key is spoken to.
 *
 * NAME is a published name or a swissnum (<waldo/grant.h>). Without "/NAME"
 * (unix: with nothing behind the last slash) the reference is to the peer's
 * bootstrap object, which answers to fetch(name) and names(). References that
 * one node connects to one key, or at one address in clear, share a session,
 * which ends when nothing is held or under way through it.
 *
 *   WALDO_EADDRESS  `uri` is malformed; waldo_node_get_message() says where
 *   WALDO_EDENIED   a URI without a key, and nothing is remembered here; or a
 *                   slot that is empty
 */
waldo_err waldo_connect(waldo_node *node, const char *uri, waldo_ref **ret_ref)
    WALDO_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
