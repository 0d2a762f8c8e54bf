/* SPDX-License-Identifier: MIT */
/* zmq, the other end: one DEALER whose connections take turns. Each comes from
 * an address of its own, or libzmq would make one of them. */
#include "echo.h"
#include "meter.h"

#include <stdio.h>
#include <unistd.h>
#include <zmq.h>

#define PER_HOST 250

static struct meter m;
static void *dealer;
static char *large;
static msgpack_sbuffer request;

static void
call(void)
{
	echo_make_request(&request, large);
	zmq_send(dealer, request.data, request.size, 0);
}

static bool
receive(msgpack_unpacked *unpacked)
{
	zmq_msg_t message;
	bool good;

	zmq_msg_init(&message);
	if (zmq_msg_recv(&message, dealer, 0) < 0) {
		return false;
	}
	good = echo_check_reply(unpacked, zmq_msg_data(&message),
	                        zmq_msg_size(&message), m.is_large);
	zmq_msg_close(&message);
	return good;
}

static void
connect_all(void)
{
	char endpoint[96];

	for (int i = 0; i < m.connections; i++) {
		snprintf(endpoint, sizeof(endpoint),
		         "tcp://127.1.%d.%d:0;127.0.0.1:%s", i / PER_HOST,
		         1 + i % PER_HOST, m.address);
		if (zmq_connect(dealer, endpoint) != 0) {
			perror(endpoint);
			_exit(3);
		}
	}
	if (m.connections > 1) {
		usleep(800000); /* nobody says when they are up */
	}
}

int
main(int argc, char **argv)
{
	void *context = zmq_ctx_new();
	msgpack_unpacked unpacked;
	int no_limit = 0;

	meter_init(&m, argc, argv, "lat pipe fan large");
	large = m.is_large ? calloc(1, METER_LARGE) : NULL;
	msgpack_unpacked_init(&unpacked);
	msgpack_sbuffer_init(&request);
	zmq_ctx_set(context, ZMQ_MAX_SOCKETS, 20000);
	dealer = zmq_socket(context, ZMQ_DEALER);
	zmq_setsockopt(dealer, ZMQ_SNDHWM, &no_limit, sizeof(no_limit));
	zmq_setsockopt(dealer, ZMQ_RCVHWM, &no_limit, sizeof(no_limit));
	connect_all();
	meter_connected(&m);
	meter_start(&m);
	for (int i = 0; i < m.window; i++) {
		call();
	}
	for (;;) {
		if (!receive(&unpacked)) {
			fprintf(stderr, "zmq: a result is wrong\n");
			_exit(6);
		}
		if (!meter_count(&m)) {
			meter_finish(&m);
		}
		call();
	}
}
