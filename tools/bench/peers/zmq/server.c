/* SPDX-License-Identifier: MIT */
/* zmq - a ROUTER that answers. */
#include "echo.h"
#include "meter.h"
#include "sockets.h"

#include <stdio.h>
#include <zmq.h>

#define BACKLOG 4096

int
main(int argc, char **argv)
{
	void *context = zmq_ctx_new(), *router;
	int no_limit = 0, backlog = BACKLOG;
	msgpack_unpacked unpacked;
	msgpack_sbuffer reply;
	char endpoint[64];

	meter_raise_limits();
	zmq_ctx_set(context, ZMQ_MAX_SOCKETS, 20000);
	router = zmq_socket(context, ZMQ_ROUTER);
	zmq_setsockopt(router, ZMQ_SNDHWM, &no_limit, sizeof(no_limit));
	zmq_setsockopt(router, ZMQ_RCVHWM, &no_limit, sizeof(no_limit));
	zmq_setsockopt(router, ZMQ_BACKLOG, &backlog, sizeof(backlog));
	snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%s",
	         argc > 1 ? argv[1] : "");
	if (zmq_bind(router, endpoint) != 0) {
		perror(endpoint);
		return 1;
	}
	msgpack_unpacked_init(&unpacked);
	msgpack_sbuffer_init(&reply);
	socket_say_ready();
	for (;;) {
		zmq_msg_t from, message;

		zmq_msg_init(&from);
		zmq_msg_init(&message);
		if (zmq_msg_recv(&from, router, 0) < 0 ||
		    zmq_msg_recv(&message, router, 0) < 0) {
			continue;
		}
		if (!echo_serve(&unpacked, zmq_msg_data(&message),
		                zmq_msg_size(&message), &reply)) {
			fprintf(stderr, "zmq: that is no request\n");
			return 1;
		}
		zmq_msg_send(&from, router, ZMQ_SNDMORE);
		zmq_send(router, reply.data, reply.size, 0);
		zmq_msg_close(&message);
	}
}
