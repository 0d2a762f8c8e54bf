/* SPDX-License-Identifier: MIT */
/* redis, the other end: hiredis on libevent, ECHO of 24 bytes. */
#include "meter.h"
#include "sockets.h"

#include <hiredis/adapters/libevent.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

static struct meter m;
static struct event_base *base;
static redisAsyncContext **connections;
static int connected;
static char *large;

static void
die(const char *what)
{
	fprintf(stderr, "redis: %s\n", what);
	exit(4);
}

static void on_reply(redisAsyncContext *connection, void *reply, void *user);

static void
call(int index)
{
	void *user = (void *) (intptr_t) index;
	const char *words[2] = {"ECHO", "12345678" METER_TEXT};
	size_t lengths[2] = {4, 24};

	if (m.is_large) {
		words[1] = large;
		lengths[1] = METER_LARGE;
	}
	redisAsyncCommandArgv(connections[index], on_reply, user, 2, words,
	                      lengths);
}

static void
on_reply(redisAsyncContext *connection, void *reply, void *user)
{
	const redisReply *r = reply;

	(void) connection;
	if (r == NULL || r->type != REDIS_REPLY_STRING ||
	    r->len != (m.is_large ? METER_LARGE : 24)) {
		die("no echo");
	}
	if (meter_count(&m)) {
		call(meter_next(&m, (int) (intptr_t) user));
	} else {
		event_base_loopbreak(base);
	}
}

static void
begin(evutil_socket_t fd, short what, void *user)
{
	(void) fd;
	(void) what;
	(void) user;
	meter_connected(&m);
	meter_start(&m);
	for (int i = 0; i < meter_first(&m); i++) {
		for (int k = 0; k < m.share; k++) {
			call(i);
		}
	}
}

static void
on_connect(const redisAsyncContext *connection, int status)
{
	const struct timeval soon = {0, 1};

	if (status != REDIS_OK) {
		die(connection->errstr);
	}
	socket_tune(connection->c.fd, m.address);
	if (++connected == m.connections) {
		event_base_once(base, -1, EV_TIMEOUT, begin, NULL, &soon);
	}
}

static redisAsyncContext *
open_one(void)
{
	redisAsyncContext *c =
	    m.address[0] == '/'
	        ? redisAsyncConnectUnix(m.address)
	        : redisAsyncConnect("127.0.0.1", atoi(m.address));

	if (c == NULL || c->err != 0) {
		die(c != NULL ? c->errstr : "out of memory");
	}
	redisLibeventAttach(c, base);
	redisAsyncSetConnectCallback(c, on_connect);
	return c;
}

int
main(int argc, char **argv)
{
	meter_init(&m, argc, argv, "lat pipe fan large");
	base = event_base_new();
	connections = calloc((size_t) m.connections, sizeof(*connections));
	large = calloc(1, METER_LARGE);
	if (connections == NULL || large == NULL) {
		abort();
	}
	for (int i = 0; i < m.connections; i++) {
		connections[i] = open_one();
	}
	event_base_dispatch(base);
	meter_finish(&m);
}
