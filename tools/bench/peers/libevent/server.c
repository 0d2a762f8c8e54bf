/* SPDX-License-Identifier: MIT */
/* libevent - a bufferevent that echoes, clear or ("tls") with OpenSSL. The
 * client chooses the cipher. */
#include "meter.h"
#include "sockets.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *address;
static SSL_CTX *tls; /* NULL: clear */

static void
on_readable(struct bufferevent *b, void *user)
{
	(void) user;
	evbuffer_add_buffer(bufferevent_get_output(b),
	                    bufferevent_get_input(b));
}

static void
on_event(struct bufferevent *b, short what, void *user)
{
	(void) user;
	if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0) {
		bufferevent_free(b);
	}
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd,
          struct sockaddr *from, int len, void *base)
{
	struct bufferevent *b;

	(void) listener;
	(void) from;
	(void) len;
	socket_tune(fd, address);
	b = tls == NULL
	        ? bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE)
	        : bufferevent_openssl_socket_new(base, fd, SSL_new(tls),
	                                         BUFFEREVENT_SSL_ACCEPTING,
	                                         BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(b, on_readable, NULL, on_event, NULL);
	bufferevent_enable(b, EV_READ | EV_WRITE);
}

/* The certificate and the key, from the files beside the programs. */
static SSL_CTX *
load_tls(const char *cert, const char *key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1) {
		fprintf(stderr, "cannot load %s and %s\n", cert, key);
		exit(1);
	}
	return ctx;
}

int
main(int argc, char **argv)
{
	struct event_base *base = event_base_new();

	meter_raise_limits();
	address = argc > 1 ? argv[1] : "";
	if (argc > 4 && strcmp(argv[2], "tls") == 0) {
		tls = load_tls(argv[3], argv[4]);
	}
	evconnlistener_new(base, on_accept, base, LEV_OPT_CLOSE_ON_FREE, 0,
	                   socket_listen(address));
	socket_say_ready();
	return event_base_dispatch(base);
}
