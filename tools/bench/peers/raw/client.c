/* SPDX-License-Identifier: MIT */
/* raw, the other end: what is to be sent leaves in one write. */
#include "meter.h"
#include "sockets.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define MESSAGE    32
#define MAX_EVENTS 512

struct connection {
	int fd;
	size_t received; /* of a message that is not complete */
	size_t to_send;
};

static struct meter m;
static struct connection *connections;
static size_t message; /* its bytes */
static char input[256 * 1024], output[256 * 1024];

static void
send_some(struct connection *c)
{
	while (c->to_send > 0) {
		size_t len =
		    c->to_send < sizeof(output) ? c->to_send : sizeof(output);
		ssize_t sent = write(c->fd, output, len);

		if (sent < 0) {
			return;
		}
		c->to_send -= (size_t) sent;
		if ((size_t) sent < len) {
			return;
		}
	}
}

/* Reads once; false if there was nothing. */
static bool
receive(int index)
{
	struct connection *c = &connections[index];
	struct connection *next = &connections[meter_next(&m, index)];
	ssize_t got = read(c->fd, input, sizeof(input));

	if (got <= 0) {
		return false;
	}
	c->received += (size_t) got;
	while (c->received >= message) {
		c->received -= message;
		if (meter_count(&m)) {
			next->to_send += message;
		}
	}
	send_some(next);
	return true;
}

static void
on_event(int index)
{
	if (!m.is_large) {
		receive(index);
		return;
	}
	/* Edges: until there is no more, and the socket may have room. */
	while (receive(index)) {
	}
	send_some(&connections[index]);
}

static int
open_all(void)
{
	int epoll = epoll_create1(0);

	connections = calloc((size_t) m.connections, sizeof(*connections));
	if (connections == NULL) {
		abort();
	}
	for (int i = 0; i < m.connections; i++) {
		struct epoll_event event = {
		    .events =
		        m.is_large ? EPOLLIN | EPOLLOUT | EPOLLET : EPOLLIN,
		    .data.u32 = (uint32_t) i,
		};

		connections[i].fd = socket_connect(m.address);
		epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].fd, &event);
	}
	return epoll;
}

/* One connection after the other: once there and back. */
static void
open_and_close(void)
{
	do {
		int fd = socket_connect(m.address);
		size_t got = 0;

		socket_set_blocking(fd);
		if (write(fd, output, MESSAGE) != MESSAGE) {
			abort();
		}
		while (got < MESSAGE) {
			ssize_t more = read(fd, input, MESSAGE - got);

			if (more <= 0) {
				abort();
			}
			got += (size_t) more;
		}
		close(fd);
	} while (meter_count(&m));
	meter_finish(&m);
}

int
main(int argc, char **argv)
{
	struct epoll_event events[MAX_EVENTS];
	int epoll, count;

	meter_init(&m, argc, argv, "lat pipe fan large open");
	message = m.is_large ? METER_LARGE : MESSAGE;
	memset(output, 'x', sizeof(output));
	if (meter_is(&m, "open")) {
		meter_connected(&m);
		meter_start(&m);
		open_and_close();
	}
	epoll = open_all();
	meter_connected(&m);
	meter_start(&m);
	for (int i = 0; i < meter_first(&m); i++) {
		connections[i].to_send = message * (size_t) m.share;
		send_some(&connections[i]);
	}
	while (m.phase != METER_OVER) {
		count = epoll_wait(epoll, events, MAX_EVENTS, 1000);
		for (int i = 0; i < count; i++) {
			on_event((int) events[i].data.u32);
		}
	}
	meter_finish(&m);
}
