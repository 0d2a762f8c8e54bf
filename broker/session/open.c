/* SPDX-License-Identifier: MIT */
/* How a session begins: dialled, or welcomed. */
#include "broker/session/dial.h"
#include "broker/session/session.h"
#include "serial/api.h"

#include <stdlib.h>
#include <string.h>

/* ---- how the channel reaches its session */

/* Asked before bytes are read. What they need comes into the cache meanwhile:
 * where there are many sessions it is not there. */
static bool
wants_input(const waldoi_session *session)
{
	waldoi_prefetch(session, sizeof(*session));
	waldoi_prefetch(session->caller, sizeof(*session->caller));
	waldoi_prefetch(session->out.tail, sizeof(*session->out.tail));
	waldoi_prefetch(session->names_in.names, 1);
	return !session->more_input;
}

/* Who is there is known now, if the channel can tell. */
static void
opened(waldoi_session *session)
{
	waldoi_link *link = session->link;

	if (link != NULL) {
		link->peer.key = waldoi_channel_get_key(&link->channel);
	}
	waldoi_session_touch(session);
}

static void
broken(waldoi_session *session, waldo_err err, const char *what)
{
	waldoi_session_end(
	    session, -1,
	    waldoi_failure_new(err, WALDO_NOT_SENT, "%s: %s",
	                       waldoi_session_get_peer(session)->address,
	                       what));
}

static const waldoi_channel_user channel_user = {
    .space = waldoi_session_space,
    .received = waldoi_session_received,
    .input = waldoi_session_input,
    .wants_input = wants_input,
    .output = waldoi_session_output,
    .sent = waldoi_session_sent,
    .lost = waldoi_session_lost,
    .opened = opened,
    .refused = waldoi_session_refused,
    .broken = broken,
};

const waldoi_channel_user *
waldoi_session_channel_user(void)
{
	return &channel_user;
}

/* ---- dialling */

static waldo_err
begin_clear(void *owner, waldoi_link *link)
{
	waldoi_channel_init(&link->channel, &channel_user, owner, true);
	return WALDO_OK;
}

static waldo_err
begin(waldoi_session *session, const waldoi_uri *uri)
{
	waldo_node *node = session->node;
	const waldoi_address *address = &uri->addresses[0];

	if (address->scheme == WALDOI_TCP) {
		return waldoi_dial_begin(session, uri);
	}
	return node->driver->dial(node->driver_data, address, begin_clear,
	                          session, &session->link);
}

waldo_err
waldoi_session_dial(waldo_node *node, const waldoi_uri *uri,
                    waldoi_session **ret_session)
{
	waldoi_session *session;
	waldo_err err = WALDO_ENOMEM;

	if (node->freeing || node->stopping) {
		return waldoi_node_fail(node, WALDO_ELOST,
		                        "the node is stopping");
	}
	session = waldoi_session_new(node, true);
	if (session == NULL) {
		return node->session_count >= node->limits.sessions
		           ? WALDO_ELIMIT
		           : WALDO_ENOMEM;
	}
	if (waldoi_session_make_caller(session)) {
		session->caller->address = strdup(uri->addresses[0].text);
	}
	if (session->caller->address != NULL &&
	    waldoi_session_say_hello(session)) {
		err = begin(session, uri);
	}
	if (err != WALDO_OK) {
		session->link = NULL;
		waldoi_session_free(session);
		return err;
	}
	waldoi_session_touch(session);
	*ret_session = session;
	return WALDO_OK;
}

static bool
leads_to(const waldoi_session *session, const waldoi_uri *uri)
{
	const uint8_t *key = waldoi_session_get_peer(session)->key;
	const waldoi_caller *caller = session->caller;

	if (uri->addresses[0].scheme != WALDOI_TCP) {
		return caller->address != NULL && caller->dialling == NULL &&
		       strcmp(caller->address, uri->addresses[0].text) == 0;
	}
	if (caller->dialling != NULL) {
		return waldoi_dial_join(caller->dialling, uri);
	}
	/* The peer itself has dialled us, and knows who we are. */
	return uri->has_key && uri->psk == 0 && key != NULL &&
	       !session->as_another &&
	       memcmp(key, uri->key, sizeof(uri->key)) == 0;
}

waldoi_session *
waldoi_session_find(waldo_node *node, const waldoi_uri *uri)
{
	waldoi_session *session;

	LIST_FOREACH(session, &node->sessions, entry) {
		if (session->state == WALDOI_OPEN_SESSION &&
		    session->farewell == NULL && leads_to(session, uri)) {
			/* Also if the peer itself has dialled. */
			session->expected |= uri->has_key;
			return session;
		}
	}
	return NULL;
}

waldoi_failure *
waldoi_session_distrust(const waldoi_session *session)
{
	static const char clear[] = "tcp-insecure:";
	const waldo_peer *peer = waldoi_session_get_peer(session);
	const char *address = session->caller->address != NULL
	                          ? session->caller->address
	                          : peer->address;
	bool is_here = peer->key == NULL && strncmp(address, "tcp", 3) != 0;

	if (session->expected || is_here) {
		return NULL;
	}
	return waldoi_failure_new(
	    WALDO_EDENIED, WALDO_NOT_SENT,
	    "the call is confidential, and %s %s (waldo://KEY@... names the "
	    "key)",
	    address,
	    strncmp(address, clear, sizeof(clear) - 1) == 0
	        ? "is reached in clear"
	        : "was not dialled for a key that was known before");
}

/* ---- welcoming */

/* It is told why, which takes a session, and at most a second. */
static void
refuse_one_too_many(waldoi_session *session)
{
	waldo_node *node = session->node;

	waldoi_node_log(node, WALDO_LOG_WARN,
	                "a link from %s is refused: sessions: at most %u at a "
	                "time",
	                session->link->peer.address, node->limits.sessions);
	waldoi_session_end(session, WALDOI_ABORT_OVERLOAD,
	                   waldoi_failure_new(WALDO_ELIMIT, WALDO_NOT_SENT,
	                                      "sessions: at most %u at a time",
	                                      node->limits.sessions));
}

waldoi_session *
waldoi_session_welcome(waldo_node *node, waldoi_link *link)
{
	waldoi_session *session = NULL;

	if (!node->stopping && !node->freeing) {
		session = waldoi_session_new(node, false);
	}
	if (session == NULL) {
		waldoi_node_log(
		    node, WALDO_LOG_WARN, "a link from %s was refused: %s",
		    link->peer.address,
		    node->stopping ? "the node is stopping" : node->message);
		return NULL;
	}
	session->link = link;
	if (!waldoi_session_say_hello(session)) {
		session->link = NULL;
		waldoi_session_free(session);
		return NULL;
	}
	link->channel.session = session;
	if (node->session_count > node->limits.sessions) {
		refuse_one_too_many(session);
	}
	return session;
}

waldoi_session *
waldoi_session_accept(waldo_node *node, waldoi_link *link)
{
	waldoi_channel_init(&link->channel, &channel_user, NULL, false);
	return waldoi_session_welcome(node, link);
}
