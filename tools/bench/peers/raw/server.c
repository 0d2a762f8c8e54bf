/* SPDX-License-Identifier: MIT */
/*
 * raw - the floor: epoll, messages of 32 bytes, one read and one write for
 * each readiness. What is not answered cannot be answered faster.
 */
#include "meter.h"
#include "sockets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE    32
#define MAX_EVENTS 512

struct connection {
	int fd;
	char *rest; /* of an answer that the socket had no room for, or NULL */
	size_t rest_len, rest_sent;
};

static char buffer[256 * 1024];

static void
watch(int epoll, struct connection *c, int how, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = c};

	epoll_ctl(epoll, how, c->fd, &event);
}

static void
accept_all(int epoll, int listener, const char *address)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		struct connection *c = calloc(1, sizeof(*c));

		if (c == NULL) {
			abort();
		}
		socket_tune(fd, address);
		c->fd = fd;
		watch(epoll, c, EPOLL_CTL_ADD, EPOLLIN);
	}
}

static void
send_rest(int epoll, struct connection *c)
{
	ssize_t sent =
	    write(c->fd, c->rest + c->rest_sent, c->rest_len - c->rest_sent);

	if (sent > 0) {
		c->rest_sent += (size_t) sent;
	}
	if (c->rest_sent == c->rest_len) {
		free(c->rest);
		c->rest = NULL;
		watch(epoll, c, EPOLL_CTL_MOD, EPOLLIN);
	}
}

/* Reads no more before it is sent. */
static void
keep_rest(int epoll, struct connection *c, const char *data, size_t len)
{
	c->rest = malloc(len);
	if (c->rest == NULL) {
		abort();
	}
	memcpy(c->rest, data, len);
	c->rest_len = len;
	c->rest_sent = 0;
	watch(epoll, c, EPOLL_CTL_MOD, EPOLLOUT);
}

/* Something is done with each message, so that it is looked at. */
static void
count_messages(size_t len)
{
	for (size_t at = 0; at + MESSAGE <= len; at += MESSAGE) {
		uint64_t value;

		memcpy(&value, buffer + at, sizeof(value));
		value++;
		memcpy(buffer + at, &value, sizeof(value));
	}
}

static void
answer(int epoll, struct connection *c)
{
	ssize_t got = read(c->fd, buffer, sizeof(buffer)), sent;

	if (got < 0 && errno == EAGAIN) {
		return;
	}
	if (got <= 0) {
		close(c->fd);
		free(c);
		return;
	}
	count_messages((size_t) got);
	sent = write(c->fd, buffer, (size_t) got);
	sent = sent < 0 ? 0 : sent;
	if (sent < got) {
		keep_rest(epoll, c, buffer + sent, (size_t) (got - sent));
	}
}

int
main(int argc, char **argv)
{
	const char *address = argc > 1 ? argv[1] : "";
	int listener, epoll = epoll_create1(0), count;
	struct epoll_event event = {.events = EPOLLIN}, events[MAX_EVENTS];

	meter_raise_limits();
	listener = socket_listen(address);
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
	socket_say_ready();
	for (;;) {
		count = epoll_wait(epoll, events, MAX_EVENTS, -1);
		for (int i = 0; i < count; i++) {
			struct connection *c = events[i].data.ptr;

			if (c == NULL) {
				accept_all(epoll, listener, address);
			} else if (c->rest != NULL) {
				send_rest(epoll, c);
			} else {
				answer(epoll, c);
			}
		}
	}
}
