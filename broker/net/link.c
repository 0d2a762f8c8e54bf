/* SPDX-License-Identifier: MIT */
#include "broker/net/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_PIECES 64

/* Pieces that are copied together: sendmsg() takes longer than send() does. */
#define MAX_COPIED 512

/* Sent in one go, then the other links have their turn. */
#define MAX_FLUSH ((size_t) 1024 * 1024)

/* Received in one go straight into a message. */
#define MAX_DIRECT ((size_t) 256 * 1024)

/* ---- the end */

static void
free_more(waldoi_socket_link *link)
{
	if (link->more == NULL) {
		return;
	}
	event_del(&link->more->event);
	if (link->lingering) {
		LIST_REMOVE(link->more, entry);
		waldoi_loop_look(link->loop);
	}
	free(link->more);
}

void
waldoi_link_free(waldoi_socket_link *link)
{
	event_del(&link->read);
	waldoi_dial_free(link->dial);
	waldoi_channel_fini(&link->link.channel);
	free_more(link);
	waldoi_loop_set_timed(link->loop, &link->timed, false);
	if (link->fd >= 0) {
		close(link->fd);
	}
	free(link);
}

void
waldoi_link_fail(waldoi_socket_link *link, waldo_err err, const char *format,
                 ...)
{
	char message[512];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	waldoi_channel_lost(&link->link.channel, err, message);
	waldoi_link_free(link);
}

/* Whoever dialled a Unix socket has no address, but is a process. */
static void
lose(waldoi_socket_link *link, const char *separator, const char *what)
{
	const waldo_peer *peer = &link->link.peer;

	if (strcmp(peer->address, "unix:") == 0) {
		waldoi_link_fail(link, WALDO_ELOST, "unix: process %lld%s%s",
		                 (long long) peer->pid, separator, what);
	} else {
		waldoi_link_fail(link, WALDO_ELOST, "%s%s%s", peer->address,
		                 separator, what);
	}
}

static void
on_linger(evutil_socket_t fd, short events, void *user)
{
	waldoi_socket_link *link = user;
	ssize_t got = -1;

	if ((events & EV_READ) != 0) {
		got = recv(fd, link->loop->scratch, WALDOI_SCRATCH, 0);
	}
	if (got == 0 || (events & EV_TIMEOUT) != 0 ||
	    (got < 0 && errno != EAGAIN && errno != EINTR)) {
		waldoi_link_free(link);
	}
}

/* Its event is not added; NULL without memory. */
static waldoi_link_more *
more_of(waldoi_socket_link *link, evutil_socket_t fd, short events,
        event_callback_fn cb)
{
	waldoi_link_more *more = link->more;

	if (more == NULL) {
		more = calloc(1, sizeof(*more));
		if (more == NULL) {
			return NULL;
		}
		more->link = link;
		link->more = more;
	} else {
		event_del(&more->event);
	}
	event_assign(&more->event, link->loop->base, fd, events, cb, link);
	return more;
}

/* To close with input unread would reset the connection, and with it what we
 * said last. False if there is nothing to wait for. */
static bool
linger(waldoi_socket_link *link)
{
	const struct timeval limit = {WALDOI_LINGER_MS / 1000,
	                              WALDOI_LINGER_MS % 1000 * 1000};
	waldoi_loop *loop = link->loop;
	waldoi_link_more *more;

	if (shutdown(link->fd, SHUT_WR) != 0) {
		return false;
	}
	/* Two, for a timeout of a persistent event starts anew each time. */
	more = more_of(link, -1, 0, on_linger);
	if (more == NULL || event_add(&more->event, &limit) != 0) {
		return false;
	}
	event_del(&link->read);
	event_assign(&link->read, loop->base, link->fd, EV_READ | EV_PERSIST,
	             on_linger, link);
	link->reading = event_add(&link->read, NULL) == 0;
	if (!link->reading) {
		return false;
	}
	waldoi_loop_set_timed(loop, &link->timed, true);
	link->lingering = true;
	LIST_INSERT_HEAD(&loop->lingering, more, entry);
	return true;
}

static void
close_link(waldoi_link *base, waldoi_close how)
{
	waldoi_socket_link *link = (waldoi_socket_link *) base;

	if (how == WALDOI_CLOSE_NOW || link->dial != NULL || !linger(link)) {
		waldoi_link_free(link);
	}
}

void
waldoi_links_end(waldoi_loop *loop)
{
	waldoi_link_more *more;

	while ((more = LIST_FIRST(&loop->lingering)) != NULL) {
		waldoi_link_free(more->link);
	}
}

/* ---- output */

/* What is still to be read comes before the bad news: the peer may have said
 * why. */
static void
note_error(waldoi_socket_link *link, int error)
{
	link->error = (short) error;
	event_active(&link->read, EV_READ, 1);
}

static void
set_reading(waldoi_socket_link *link, bool reading)
{
	if (reading == link->reading) {
		return;
	}
	if (!reading) {
		event_del(&link->read);
	} else if (event_add(&link->read, NULL) != 0) {
		note_error(link, ENOMEM);
		return;
	}
	link->reading = reading;
}

static void on_writable(evutil_socket_t fd, short events, void *user);

static void
set_writing(waldoi_socket_link *link, bool writing)
{
	waldoi_link_more *more;

	if (writing == link->writing) {
		return;
	}
	if (!writing) {
		event_del(&link->more->event);
	} else {
		more =
		    more_of(link, link->fd, EV_WRITE | EV_PERSIST, on_writable);
		if (more == NULL || event_add(&more->event, NULL) != 0) {
			note_error(link, ENOMEM);
			return;
		}
	}
	link->writing = writing;
}

/* Few bytes in several pieces are made one. */
static size_t
join_pieces(struct iovec *iov, size_t count, size_t total, uint8_t *copy)
{
	size_t at = 0;

	if (count == 1 || total > MAX_COPIED) {
		return count;
	}
	for (size_t i = 0; i < count; i++) {
		memcpy(copy + at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	iov[0] = (struct iovec){.iov_base = copy, .iov_len = total};
	return 1;
}

/* Returns how much the kernel took; -1 and errno if it took nothing. */
static ssize_t
send_pieces(int fd, struct iovec *iov, size_t count, size_t total)
{
	uint8_t copy[MAX_COPIED];
	struct msghdr message = {.msg_iov = iov};
	const int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
	ssize_t sent;

	message.msg_iovlen = join_pieces(iov, count, total, copy);
	do {
		sent = message.msg_iovlen == 1
		           ? send(fd, iov->iov_base, iov->iov_len, flags)
		           : sendmsg(fd, &message, flags);
	} while (sent < 0 && errno == EINTR);
	return sent;
}

static size_t
total_of(const struct iovec *iov, size_t count)
{
	size_t total = 0;

	for (size_t i = 0; i < count; i++) {
		total += iov[i].iov_len;
	}
	return total;
}

/* Sends until there is no more, or the socket is full, or it is enough. */
static void
send_output(waldoi_socket_link *link)
{
	struct iovec iov[MAX_PIECES];
	size_t budget = MAX_FLUSH, count, total;
	bool more = true;
	ssize_t sent;

	while (more && (count = waldoi_channel_output(&link->link.channel, iov,
	                                              MAX_PIECES)) > 0) {
		total = total_of(iov, count);
		sent = send_pieces(link->fd, iov, count, total);
		if (sent < 0 && errno != EAGAIN) {
			set_writing(link, false);
			note_error(link, errno);
			return;
		}
		if (sent > 0) {
			more = waldoi_channel_sent(&link->link.channel,
			                           (size_t) sent);
		}
		if (sent < (ssize_t) total || total >= budget) {
			set_writing(link, true);
			return;
		}
		budget -= total;
	}
	set_writing(link, false);
}

static void
on_writable(evutil_socket_t fd, short events, void *user)
{
	waldoi_socket_link *link = user;

	(void) fd;
	(void) events;
	waldoi_node_enter(link->loop->node);
	send_output(link);
}

static void
flush_link(waldoi_link *base)
{
	waldoi_socket_link *link = (waldoi_socket_link *) base;

	if (link->dial != NULL) {
		return; /* goes on by itself when it is connected */
	}
	if (!link->reading && waldoi_channel_wants_input(&base->channel)) {
		set_reading(link, true);
	}
	if (link->error != 0) {
		note_error(link, link->error);
	} else if (!link->writing) {
		send_output(link);
	}
}

/* ---- input */

/* Straight to where the channel wants it, or by way of the scratch buffer. */
static ssize_t
receive(waldoi_socket_link *link)
{
	waldoi_channel *channel = &link->link.channel;
	size_t len = 0;
	uint8_t *space = waldoi_channel_space(channel, &len);
	uint8_t *to = space != NULL ? space : link->loop->scratch;
	ssize_t got;

	if (space == NULL) {
		len = WALDOI_SCRATCH;
	} else if (len > MAX_DIRECT) {
		len = MAX_DIRECT;
	}
	do {
		got = recv(link->fd, to, len, MSG_DONTWAIT);
	} while (got < 0 && errno == EINTR);

	if (got > 0 && space != NULL) {
		waldoi_channel_received(channel, (size_t) got);
	} else if (got > 0) {
		waldoi_channel_input(channel, to, (size_t) got);
		if (waldoi_channel_answers(channel)) {
			send_output(link);
		}
	}
	return got;
}

/* One piece in each turn, so that all links get theirs. False if nothing has
 * come; then the link may be gone. */
static bool
read_input(waldoi_socket_link *link)
{
	ssize_t got;

	if (!waldoi_channel_wants_input(&link->link.channel)) {
		set_reading(link, false); /* until it asks for a flush */
		return false;
	}
	got = receive(link);
	if (got > 0) {
		return true;
	}
	if (got == 0) {
		lose(link, " ", "closed the connection");
	} else if (errno != EAGAIN) {
		lose(link, ": ", strerror(errno));
	} else if (link->error != 0) {
		lose(link, ": ", strerror(link->error));
	}
	return false;
}

static void
on_readable(evutil_socket_t fd, short events, void *user)
{
	waldoi_socket_link *link = user;
	waldoi_loop *loop = link->loop;

	(void) fd;
	(void) events;
	waldoi_loop_enter(loop);
	if (read_input(link)) {
		waldoi_node_flush_link(loop->node, &link->link);
	}
	waldoi_loop_leave(loop);
}

/* ---- the beginning */

static const waldoi_link_ops link_ops = {
    .flush = flush_link,
    .close = close_link,
};

waldoi_socket_link *
waldoi_link_new(waldoi_loop *loop, const char *address)
{
	size_t size = strlen(address) + 1;
	waldoi_socket_link *link =
	    calloc(1, offsetof(waldoi_socket_link, address) + size);

	if (link == NULL) {
		return NULL;
	}
	memcpy(link->address, address, size);
	link->link.ops = &link_ops;
	link->link.peer.address = link->address;
	link->link.peer.uid = link->link.peer.pid = -1;
	link->loop = loop;
	link->fd = -1;
	event_assign(&link->read, loop->base, -1, 0, on_readable, link);
	return link;
}

/* Who is at the other end of a Unix socket is the kernel's word. */
static void
learn_peer(waldoi_socket_link *link)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(link->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	    peer.pid > 0) {
		link->link.peer.uid = peer.uid;
		link->link.peer.pid = peer.pid;
	}
}

bool
waldoi_link_open(waldoi_socket_link *link, int fd)
{
	waldoi_loop *loop = link->loop;
	int family = AF_UNSPEC;
	socklen_t len = sizeof(family);

	link->fd = fd;
	(void) getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len);
	if (strncmp(link->address, "unix:", 5) == 0) {
		learn_peer(link);
	}
	waldoi_socket_tune(fd, family,
	                   waldoi_node_get_dead_peer_ms(loop->node));
	event_assign(&link->read, loop->base, fd, EV_READ | EV_PERSIST,
	             on_readable, link);
	link->reading = event_add(&link->read, NULL) == 0;
	return link->reading;
}
