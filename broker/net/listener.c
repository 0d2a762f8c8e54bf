/* SPDX-License-Identifier: MIT */
#include "broker/net/inproc.h"
#include "broker/net/link.h"
#include "broker/net/passive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Then the links have their turn: who comes in numbers keeps them waiting. */
#define MAX_ACCEPT 8

typedef struct socket_listener {
	waldo_listener listener;
	waldoi_loop *loop;
	struct event accept;
	struct event rest; /* ends a pause */
	waldoi_passive passive;
	waldoi_meeting *meeting; /* instead of a socket */
	bool timed;
	bool is_short; /* of descriptors; it was logged */
	char uri[WALDOI_MAX_URI];
} socket_listener;

/* ---- accepting */

static int
accept_one(socket_listener *self, waldoi_sockaddr *ret_from)
{
	ret_from->len = sizeof(ret_from->u);
	ret_from->u.any.sa_family = AF_UNSPEC;
	if (self->meeting != NULL) {
		return waldoi_meeting_accept(self->meeting);
	}
	return accept4(self->passive.fd, &ret_from->u.any, &ret_from->len,
	               SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static bool
admit(socket_listener *self, waldoi_link *link)
{
	waldo_node *node = self->loop->node;

	return self->listener.secure
	           ? waldoi_guest_accept(node, link) == WALDO_OK
	           : waldoi_session_accept(node, link) != NULL;
}

static void
welcome(socket_listener *self, int fd, const waldoi_sockaddr *from)
{
	waldo_node *node = self->loop->node;
	waldoi_address address = {.fd = -1};
	waldoi_socket_link *link;

	if (self->meeting != NULL) {
		address = self->passive.address;
	} else if (from->u.any.sa_family == AF_UNIX ||
	           !waldoi_sockaddr_to_address(from, &address)) {
		strcpy(address.text, "unix:");
	} else if (self->listener.secure) {
		address.scheme = WALDOI_TCP;
		waldoi_address_format(&address);
	}
	link = waldoi_link_new(self->loop, address.text);
	if (link == NULL) {
		waldoi_node_log(node, WALDO_LOG_WARN,
		                "%s: a link was refused: out of memory",
		                self->passive.address.text);
		close(fd);
		return;
	}
	link->fd = fd;
	if (!admit(self, &link->link)) {
		waldoi_link_free(link);
		return;
	}
	if (!waldoi_link_open(link, fd)) {
		waldoi_link_fail(link, WALDO_ENOMEM,
		                 "%s: the link cannot be watched",
		                 address.text);
	}
}

static void
keep_reserve(waldoi_loop *loop)
{
	if (loop->reserve_fd < 0) {
		loop->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
}

/* Frees one descriptor to accept those who wait and turn them away: better
 * than to leave them connected to nobody. False if nobody waits, for the
 * kernel looks for a descriptor before it looks at the queue. */
static bool
turn_away(socket_listener *self)
{
	waldoi_loop *loop = self->loop;
	bool somebody = loop->reserve_fd < 0; /* nobody can know */
	waldoi_sockaddr from;
	int fd;

	for (int i = 0; i < MAX_ACCEPT && loop->reserve_fd >= 0; i++) {
		close(loop->reserve_fd);
		loop->reserve_fd = -1;
		fd = accept_one(self, &from);
		/* Somebody else may have been faster to take the descriptor,
		 * or the whole system has none. */
		somebody |= fd >= 0 || errno != EAGAIN;
		if (fd >= 0) {
			close(fd);
		}
		keep_reserve(loop);
		if (fd < 0) {
			break;
		}
	}
	return somebody;
}

/* A socket that cannot be accepted stays readable: without a rest the loop
 * would spin. */
static void
rest(socket_listener *self)
{
	const struct timeval pause = {WALDOI_REST_MS / 1000,
	                              WALDOI_REST_MS % 1000 * 1000};

	if (event_add(&self->rest, &pause) == 0) {
		event_del(&self->accept);
		waldoi_loop_set_timed(self->loop, &self->timed, true);
	}
}

static void
run_short(socket_listener *self, int error)
{
	if ((error == EMFILE || error == ENFILE) && !turn_away(self)) {
		return;
	}
	if (!self->is_short) {
		self->is_short = true;
		waldoi_node_log(self->loop->node, WALDO_LOG_WARN,
		                "%s: cannot accept links: %s",
		                self->passive.address.text, strerror(error));
	}
	rest(self);
}

static void
on_rested(evutil_socket_t fd, short events, void *user)
{
	socket_listener *self = user;

	(void) fd;
	(void) events;
	waldoi_loop_set_timed(self->loop, &self->timed, false);
	keep_reserve(self->loop);
	if (event_add(&self->accept, NULL) != 0) {
		rest(self);
	}
}

/* Errors of the link that was to be accepted, not of the listener. */
static bool
is_passing(int error)
{
	switch (error) {
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case EPERM:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENOPROTOOPT:
	case EOPNOTSUPP: return true;
	default: return false;
	}
}

static void
on_acceptable(evutil_socket_t fd, short events, void *user)
{
	socket_listener *self = user;
	waldoi_sockaddr from;
	int taken;

	(void) fd;
	(void) events;
	waldoi_node_enter(self->loop->node);
	for (int i = 0; i < MAX_ACCEPT; i++) {
		taken = accept_one(self, &from);
		if (taken >= 0) {
			welcome(self, taken, &from);
		} else if (errno == EAGAIN) {
			self->is_short = false;
			return;
		} else if (!is_passing(errno)) {
			run_short(self, errno);
			return;
		}
	}
}

/* ---- opening and closing */

/* Copes with a listener that is half built. */
static void
close_listener(waldo_listener *listener)
{
	socket_listener *self = (socket_listener *) listener;

	event_del(&self->accept);
	event_del(&self->rest);
	waldoi_loop_set_timed(self->loop, &self->timed, false);
	waldoi_meeting_close(self->meeting);
	waldoi_passive_close(&self->passive);
}

static void
free_listener(waldo_listener *listener)
{
	free(listener); /* the first member of ours */
}

static waldo_err
open_meeting(waldoi_loop *loop, const waldoi_address *address,
             waldoi_meeting **ret_meeting)
{
	int error = waldoi_meeting_open(address->host, ret_meeting);

	if (error == 0) {
		return WALDO_OK;
	}
	waldoi_node_set_message(
	    loop->node, "cannot listen at %s: %s", address->text,
	    error == EADDRINUSE ? "another node of this process does"
	                        : strerror(error));
	return error == ENOMEM ? WALDO_ENOMEM : WALDO_ESYSTEM;
}

static waldo_err
open_listener(socket_listener *self, const waldoi_address *address)
{
	waldoi_loop *loop = self->loop;
	waldo_err err;
	int fd;

	if (address->scheme == WALDOI_INPROC) {
		err = open_meeting(loop, address, &self->meeting);
		self->passive.address = *address;
	} else {
		err = waldoi_passive_open(loop->node, address, &self->passive);
	}
	if (err != WALDO_OK) {
		return err;
	}
	fd = self->meeting != NULL ? waldoi_meeting_get_bell(self->meeting)
	                           : self->passive.fd;
	event_assign(&self->accept, loop->base, fd, EV_READ | EV_PERSIST,
	             on_acceptable, self);
	if (event_add(&self->accept, NULL) != 0) {
		waldoi_node_set_message(loop->node,
		                        "cannot listen at %s: it cannot be "
		                        "watched",
		                        address->text);
		return WALDO_ENOMEM;
	}
	return WALDO_OK;
}

waldo_err
waldoi_loop_listen(void *driver, const waldoi_address *address,
                   waldo_listener **ret_listener)
{
	waldoi_loop *loop = driver;
	const uint8_t *key = NULL;
	socket_listener *self;
	waldo_err err;

	self = calloc(1, sizeof(*self));
	if (self == NULL) {
		waldoi_node_set_message(loop->node, "out of memory");
		return WALDO_ENOMEM;
	}
	self->loop = loop;
	self->passive.fd = -1;
	self->listener.uri = self->uri;
	self->listener.close = close_listener;
	self->listener.free = free_listener;
	event_assign(&self->accept, loop->base, -1, 0, on_acceptable, self);
	event_assign(&self->rest, loop->base, -1, 0, on_rested, self);
	err = open_listener(self, address);
	if (err == WALDO_OK) {
		keep_reserve(loop);
		self->listener.secure =
		    self->passive.address.scheme == WALDOI_TCP;
	}
	if (self->listener.secure) {
		err = waldoi_node_open_identity(loop->node, &key);
	}
	if (err != WALDO_OK) {
		close_listener(&self->listener);
		free(self);
		return err;
	}
	waldoi_passive_get_uri(&self->passive, key, self->uri);
	*ret_listener = &self->listener;
	return WALDO_OK;
}
