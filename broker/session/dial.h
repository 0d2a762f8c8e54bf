/* SPDX-License-Identifier: MIT */
/*
 * broker/session/dial.h - reaching a peer that has to prove its key
 *
 * Several places may lead to the peer, and it may have several keys by now:
 * they are tried a little apart, each on a link of its own, until one of them
 * has proved its key (message 2). That link is the session's; nothing was said
 * on the others that anybody could use (PROTOCOL.md F13).
 */
#ifndef WALDOI_DIAL_H
#define WALDOI_DIAL_H

#include "broker/session/session.h"
#include "broker/uri.h"

/* Before the next place is tried beside those that have not answered. */
#define WALDOI_STAGGER_MS 250

/* Begins to look for the peer that `uri` (of WALDOI_TCP) names, for a session
 * that has no link yet. Fails at once without memory, if the URI names a slot
 * that is empty, or if nothing is known of a host without a key. */
waldo_err waldoi_dial_begin(waldoi_session *session, const waldoi_uri *uri)
    WALDO_MUST_CHECK;

/* The session is over, or the peer has been found and needs no more. NULL is
 * accepted. */
void waldoi_dial_end(struct waldoi_dialling *dialling);

/* The node is going: questions of trust stay with whoever has to answer. */
void waldoi_dial_forget_questions(waldo_node *node);

/* Whether it looks for, or has found, what `uri` names, as who we are now.
 * Where it still looks for a key it looks at the places of `uri`, too. */
bool waldoi_dial_join(struct waldoi_dialling *dialling, const waldoi_uri *uri);

#endif
