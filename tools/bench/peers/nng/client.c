/* SPDX-License-Identifier: MIT */
/* nng, the other end: a req0 socket for each connection, a context for each
 * call in flight. Its callbacks come from threads of its own. */
#include "echo.h"
#include "meter.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct worker {
	nng_ctx context;
	nng_aio *aio;
	bool is_receiving;
	msgpack_unpacked unpacked;
	msgpack_sbuffer request;
};

static struct meter m;
static char *large;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* over the meter */
static pthread_cond_t over = PTHREAD_COND_INITIALIZER;

static void
call(struct worker *w)
{
	nng_msg *message = NULL;

	echo_make_request(&w->request, large);
	nng_msg_alloc(&message, 0);
	nng_msg_append(message, w->request.data, w->request.size);
	nng_aio_set_msg(w->aio, message);
	w->is_receiving = false;
	nng_ctx_send(w->context, w->aio);
}

static bool
count(void)
{
	bool more;

	pthread_mutex_lock(&lock);
	more = m.phase != METER_OVER && meter_count(&m);
	if (!more) {
		pthread_cond_signal(&over);
	}
	pthread_mutex_unlock(&lock);
	return more;
}

static void
take_reply(struct worker *w)
{
	nng_msg *message = nng_aio_get_msg(w->aio);

	if (!echo_check_reply(&w->unpacked, nng_msg_body(message),
	                      nng_msg_len(message), m.is_large)) {
		fprintf(stderr, "nng: a result is wrong\n");
		_exit(6);
	}
	nng_msg_free(message);
	if (count()) {
		call(w);
	}
}

static void
on_event(void *user)
{
	struct worker *w = user;

	if (nng_aio_result(w->aio) != 0) {
		return;
	}
	if (w->is_receiving) {
		take_reply(w);
	} else {
		w->is_receiving = true;
		nng_ctx_recv(w->context, w->aio);
	}
}

static void
start_worker(nng_socket s)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		abort();
	}
	msgpack_unpacked_init(&w->unpacked);
	msgpack_sbuffer_init(&w->request);
	nng_aio_alloc(&w->aio, on_event, w);
	nng_ctx_open(&w->context, s);
	call(w);
}

static nng_socket *
connect_all(void)
{
	nng_socket *sockets = calloc((size_t) m.connections, sizeof(*sockets));
	char endpoint[64];

	if (sockets == NULL) {
		abort();
	}
	snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%s", m.address);
	for (int i = 0; i < m.connections; i++) {
		if (nng_req0_open(&sockets[i]) != 0 ||
		    nng_socket_set_size(sockets[i], NNG_OPT_RECVMAXSZ, 0) !=
		        0 ||
		    nng_dial(sockets[i], endpoint, NULL, 0) != 0) {
			fprintf(stderr, "nng: cannot connect\n");
			_exit(3);
		}
	}
	return sockets;
}

int
main(int argc, char **argv)
{
	nng_socket *sockets;

	meter_init(&m, argc, argv, "lat pipe fan large");
	large = m.is_large ? calloc(1, METER_LARGE) : NULL;
	sockets = connect_all();
	meter_connected(&m);
	meter_start(&m);
	for (int i = 0; i < meter_first(&m); i++) {
		for (int k = 0; k < m.share; k++) {
			start_worker(sockets[i]);
		}
	}
	pthread_mutex_lock(&lock);
	while (m.phase != METER_OVER) {
		pthread_cond_wait(&over, &lock);
	}
	meter_finish(&m);
}
