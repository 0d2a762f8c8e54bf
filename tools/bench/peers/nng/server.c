/* SPDX-License-Identifier: MIT */
/* nng - rep0 with contexts, each of which receives and sends in turn. */
#include "echo.h"
#include "meter.h"
#include "sockets.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <stdio.h>
#include <unistd.h>

#define WORKERS 512

struct worker {
	nng_ctx context;
	nng_aio *aio;
	bool is_sending;
	msgpack_unpacked unpacked;
	msgpack_sbuffer reply;
};

static void
receive(struct worker *w)
{
	w->is_sending = false;
	nng_ctx_recv(w->context, w->aio);
}

static void
answer(struct worker *w)
{
	nng_msg *message = nng_aio_get_msg(w->aio);

	if (!echo_serve(&w->unpacked, nng_msg_body(message),
	                nng_msg_len(message), &w->reply)) {
		fprintf(stderr, "nng: that is no request\n");
		_exit(1);
	}
	nng_msg_clear(message);
	nng_msg_append(message, w->reply.data, w->reply.size);
	nng_aio_set_msg(w->aio, message);
	w->is_sending = true;
	nng_ctx_send(w->context, w->aio);
}

static void
on_event(void *user)
{
	struct worker *w = user;

	if (nng_aio_result(w->aio) != 0 || w->is_sending) {
		receive(w);
	} else {
		answer(w);
	}
}

int
main(int argc, char **argv)
{
	static struct worker workers[WORKERS];
	char endpoint[64];
	nng_socket s;

	meter_raise_limits();
	snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%s",
	         argc > 1 ? argv[1] : "");
	if (nng_rep0_open(&s) != 0 ||
	    nng_socket_set_size(s, NNG_OPT_RECVMAXSZ, 0) != 0 ||
	    nng_listen(s, endpoint, NULL, 0) != 0) {
		fprintf(stderr, "nng: cannot listen at %s\n", endpoint);
		return 1;
	}
	for (int i = 0; i < WORKERS; i++) {
		struct worker *w = &workers[i];

		msgpack_unpacked_init(&w->unpacked);
		msgpack_sbuffer_init(&w->reply);
		nng_aio_alloc(&w->aio, on_event, w);
		nng_ctx_open(&w->context, s);
		receive(w);
	}
	socket_say_ready();
	for (;;) {
		pause();
	}
}
