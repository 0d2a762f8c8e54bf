/* SPDX-License-Identifier: MIT */
/*
 * One address after the other, and not one byte of the session before one of
 * them is connected (PROTOCOL.md F13). Whatever happens, it is told from the
 * loop and never inside waldoi_loop_dial().
 */
#include "broker/net/inproc.h"
#include "broker/net/link.h"
#include "broker/net/resolver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* For one address, at most; and no more than half of the silence after which
 * the session gives up, so that it hears what was tried. */
#define CONNECT_MS 10000

/* A Unix listener whose queue is full says EAGAIN at once and does not tell
 * when there is room. */
#define AGAIN_MS 20

struct waldoi_dial {
	waldoi_address address;
	waldoi_resolution *resolution; /* under way */
	waldoi_sockaddr *candidates;
	size_t count, next;
	unsigned again_left; /* times to come back to a full queue */
	int error;           /* errno of the last attempt */
	struct event event;  /* connected, or too late */
};

static void on_connect(evutil_socket_t fd, short events, void *user);

void
waldoi_dial_free(waldoi_dial *dial)
{
	if (dial != NULL) {
		event_del(&dial->event);
		waldoi_resolution_cancel(dial->resolution);
		free(dial->candidates);
		free(dial);
	}
}

/* ---- how it ends */

static const char *
reason(const waldoi_dial *dial)
{
	if (dial->address.scheme == WALDOI_INPROC &&
	    dial->error == ECONNREFUSED) {
		return "no node of this process listens there";
	}
	return strerror(dial->error);
}

static void
give_up(waldoi_socket_link *link)
{
	const waldoi_dial *dial = link->dial;
	bool ours = dial->error == EMFILE || dial->error == ENFILE ||
	            dial->error == ENOMEM || dial->error == ENOBUFS;

	waldoi_link_fail(link, ours ? WALDO_ESYSTEM : WALDO_ECONNECT,
	                 "cannot connect to %s: %s", link->address,
	                 reason(dial));
}

static void
on_failed(evutil_socket_t fd, short events, void *user)
{
	waldoi_socket_link *link = user;

	(void) fd;
	(void) events;
	waldoi_node_enter(link->loop->node);
	give_up(link);
}

/* A session that dials has something to send: a turn is due anyway, and this
 * comes along with it. */
static void
fail_later(waldoi_socket_link *link)
{
	event_assign(&link->dial->event, link->loop->base, -1, 0, on_failed,
	             link);
	event_active(&link->dial->event, EV_TIMEOUT, 1);
}

/* ---- one attempt */

static void
drop_socket(waldoi_socket_link *link)
{
	event_del(&link->dial->event);
	waldoi_loop_set_timed(link->loop, &link->timed, false);
	if (link->fd >= 0) {
		close(link->fd);
		link->fd = -1;
	}
}

/* Calls on_connect() when `fd`, -1 for no socket, is writable or after `ms`. */
static bool
await(waldoi_socket_link *link, int fd, uint32_t ms)
{
	const struct timeval limit = {ms / 1000, ms % 1000 * 1000};

	event_assign(&link->dial->event, link->loop->base, fd,
	             fd < 0 ? 0 : EV_WRITE, on_connect, link);
	if (event_add(&link->dial->event, &limit) != 0) {
		link->dial->error = ENOMEM;
		return false;
	}
	waldoi_loop_set_timed(link->loop, &link->timed, true);
	return true;
}

/* True if it is under way; else dial->error says why not. */
static bool
attempt(waldoi_socket_link *link)
{
	waldoi_dial *dial = link->dial;
	const waldoi_sockaddr *to = &dial->candidates[dial->next];
	uint32_t ms = waldoi_node_get_dead_peer_ms(link->loop->node) / 2;

	link->fd = waldoi_socket_new(to->u.any.sa_family);
	if (link->fd < 0) {
		dial->error = errno;
		return false;
	}
	if (connect(link->fd, &to->u.any, to->len) != 0 &&
	    errno != EINPROGRESS && errno != EINTR) {
		dial->error = errno;
		drop_socket(link);
		if (dial->error != EAGAIN || dial->again_left == 0) {
			return false;
		}
		dial->again_left--;
		return await(link, -1, AGAIN_MS);
	}
	return await(link, link->fd, ms < CONNECT_MS ? ms : CONNECT_MS);
}

/* False if no address is left. */
static bool
attempt_all(waldoi_socket_link *link)
{
	waldoi_dial *dial = link->dial;

	for (; dial->next < dial->count; dial->next++) {
		if (attempt(link)) {
			return true;
		}
		drop_socket(link);
	}
	return false;
}

/* Connected: the session's bytes may go. */
static void
open_link(waldoi_socket_link *link)
{
	int fd = link->fd;

	event_del(&link->dial->event);
	waldoi_loop_set_timed(link->loop, &link->timed, false);
	if (!waldoi_link_open(link, fd)) {
		link->dial->error = ENOMEM;
		give_up(link);
		return;
	}
	waldoi_dial_free(link->dial);
	link->dial = NULL;
	link->link.ops->flush(&link->link);
}

static void
on_connect(evutil_socket_t fd, short events, void *user)
{
	waldoi_socket_link *link = user;
	waldoi_dial *dial = link->dial;
	socklen_t len = sizeof(dial->error);

	waldoi_node_enter(link->loop->node);
	if ((events & EV_TIMEOUT) != 0) {
		/* Without a socket it is time to come back, not too late. */
		dial->error = ETIMEDOUT;
		dial->next += fd >= 0;
	} else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &dial->error, &len) !=
	           0) {
		dial->error = errno;
		dial->next++;
	} else if (dial->error != 0) {
		dial->next++;
	} else {
		open_link(link);
		return;
	}
	drop_socket(link);
	if (!attempt_all(link)) {
		give_up(link);
	}
}

/* ---- where to */

static void
on_resolved(waldoi_sockaddr *array, size_t count, const char *error, void *user)
{
	waldoi_socket_link *link = user;
	waldoi_dial *dial = link->dial;

	dial->resolution = NULL;
	if (error != NULL) {
		waldoi_link_fail(link, WALDO_EADDRESS, "cannot resolve %s: %s",
		                 dial->address.host, error);
		return;
	}
	dial->candidates = array;
	dial->count = count;
	dial->error = EADDRNOTAVAIL; /* should there be none */
	if (!attempt_all(link)) {
		give_up(link);
	}
}

static void
start_inproc(waldoi_socket_link *link)
{
	link->fd = waldoi_meeting_dial(link->dial->address.host);
	if (link->fd < 0) {
		link->dial->error = errno;
		fail_later(link);
	} else if (!await(link, link->fd, CONNECT_MS)) {
		fail_later(link);
	}
}

/* False: no memory. */
static bool
start(waldoi_socket_link *link)
{
	waldoi_dial *dial = link->dial;
	const waldoi_address *address = &dial->address;

	if (address->scheme == WALDOI_INPROC) {
		start_inproc(link);
		return true;
	}
	dial->candidates = calloc(1, sizeof(*dial->candidates));
	if (dial->candidates == NULL) {
		return false;
	}
	dial->count = 1;
	if (address->scheme == WALDOI_UNIX) {
		waldoi_sockaddr_set_path(dial->candidates, address->host);
	} else if (!waldoi_sockaddr_set_host(dial->candidates, address->host,
	                                     address->port)) {
		free(dial->candidates);
		dial->candidates = NULL;
		dial->resolution =
		    waldoi_resolve(link->loop->box, address->host,
		                   address->port, on_resolved, link);
		return dial->resolution != NULL;
	}
	if (!attempt_all(link)) {
		fail_later(link);
	}
	return true;
}

static waldo_err
refuse(waldoi_loop *loop, waldo_err err, const waldoi_address *address,
       const char *why)
{
	waldoi_node_set_message(loop->node, "%s: %s", address->text, why);
	return err;
}

waldo_err
waldoi_loop_dial(void *driver, const waldoi_address *address,
                 waldo_err (*begin)(void *owner, waldoi_link *link),
                 void *owner, waldoi_link **ret_link)
{
	waldoi_loop *loop = driver;
	waldoi_socket_link *link;

	if (address->scheme == WALDOI_FD) {
		return refuse(loop, WALDO_EADDRESS, address,
		              "can only be listened on");
	}
	link = waldoi_link_new(loop, address->text);
	if (link == NULL ||
	    (link->dial = calloc(1, sizeof(*link->dial))) == NULL) {
		goto out;
	}
	event_assign(&link->dial->event, loop->base, -1, 0, on_connect, link);
	link->dial->address = *address;
	link->dial->again_left = CONNECT_MS / AGAIN_MS;
	if (begin(owner, &link->link) == WALDO_OK && start(link)) {
		*ret_link = &link->link;
		return WALDO_OK;
	}
out:
	if (link != NULL) {
		waldoi_link_free(link);
	}
	return refuse(loop, WALDO_ENOMEM, address, "out of memory");
}
