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
 *	waldo+unix:///run/x/NAME                the name follows the last slash
 *	waldo+tcp-insecure://HOST:PORT/NAME
 *	waldo+inproc:NODE/NAME
 *
 * Without "/NAME" (unix: with nothing behind the last slash) it refers to the
 * peer's bootstrap object, which answers to fetch(name) and names().
 * References that one node connects at one address share a session, which
 * ends when nothing is held or under way through it.
 *
 *   WALDO_EADDRESS  `uri` is malformed; waldo_node_get_message() says where
 *   WALDO_EDENIED   `uri` needs the encrypted channel, which this version
 *                   has not
 */
waldo_err waldo_connect(waldo_node *node, const char *uri, waldo_ref **ret_ref)
    WALDO_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
