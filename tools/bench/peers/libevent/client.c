/* SPDX-License-Identifier: MIT */
#include "meter.h"
#include "sockets.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE 32
#define CLOSE   BEV_OPT_CLOSE_ON_FREE

static struct meter m;
static struct event_base *base;
static struct bufferevent **connections;
static int connected;
static char *output;
static size_t message; /* its bytes */
static SSL_CTX *tls;   /* NULL: clear */
static bool opens;     /* one connection after the other */

static void open_one(int index);

static void
call(int index)
{
	bufferevent_write(connections[index], output, message);
}

static void
begin(void)
{
	meter_connected(&m);
	meter_start(&m);
	for (int i = 0; i < meter_first(&m); i++) {
		for (int k = 0; k < m.share; k++) {
			call(i);
		}
	}
}

static void
take_message(struct evbuffer *input)
{
	char small[MESSAGE];

	if (m.is_large) {
		evbuffer_drain(input, message);
	} else {
		evbuffer_remove(input, small, sizeof(small));
	}
}

static void
open_next(struct bufferevent *b)
{
	bufferevent_free(b);
	if (meter_count(&m)) {
		open_one(0);
	} else {
		event_base_loopbreak(base);
	}
}

static void
on_readable(struct bufferevent *b, void *user)
{
	int index = (int) (intptr_t) user;
	struct evbuffer *input = bufferevent_get_input(b);
	size_t len = evbuffer_get_length(input);

	if (opens && len >= message) {
		open_next(b);
		return;
	}
	for (; len >= message; len -= message) {
		take_message(input);
		if (!meter_count(&m)) {
			event_base_loopbreak(base);
			return;
		}
		call(meter_next(&m, index));
	}
}

static void
on_event(struct bufferevent *b, short what, void *user)
{
	(void) b;
	(void) user;
	if ((what & BEV_EVENT_CONNECTED) == 0) {
		fprintf(stderr, "connection lost (%x)\n", (unsigned) what);
		exit(4);
	}
	if (opens) {
		call(0);
	} else if (++connected == m.connections) {
		begin();
	}
}

static void
open_one(int index)
{
	int fd = socket_connect(m.address);
	struct bufferevent *b = tls == NULL
	                            ? bufferevent_socket_new(base, fd, CLOSE)
	                            : bufferevent_openssl_socket_new(
	                                  base, fd, SSL_new(tls),
	                                  BUFFEREVENT_SSL_CONNECTING, CLOSE);

	connections[index] = b;
	bufferevent_setcb(b, on_readable, NULL, on_event,
	                  (void *) (intptr_t) index);
	bufferevent_enable(b, EV_READ | EV_WRITE);
}

/* With "chacha" as the last word: what Waldo has too. */
static void
set_cipher(const char *word)
{
	if (strcmp(word, "chacha") == 0 &&
	    (SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) != 1 ||
	     SSL_CTX_set_ciphersuites(tls, "TLS_CHACHA20_POLY1305_SHA256") !=
	         1)) {
		fprintf(stderr, "there is no ChaCha20-Poly1305\n");
		exit(1);
	}
}

int
main(int argc, char **argv)
{
	meter_init(&m, argc, argv, "lat pipe fan large open");
	opens = meter_is(&m, "open");
	if (argc > 7 && strcmp(argv[7], "tls") == 0) {
		tls = SSL_CTX_new(TLS_client_method());
		set_cipher(argv[argc - 1]);
	}
	message = m.is_large ? METER_LARGE : MESSAGE;
	base = event_base_new();
	connections = calloc((size_t) m.connections, sizeof(*connections));
	output = calloc(1, METER_LARGE);
	if (connections == NULL || output == NULL) {
		abort();
	}
	for (int i = 0; i < m.connections; i++) {
		open_one(i);
	}
	if (opens) {
		meter_connected(&m);
		meter_start(&m);
	} else if (tls == NULL) {
		begin();
	}
	event_base_dispatch(base);
	meter_finish(&m);
}
