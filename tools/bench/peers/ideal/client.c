/* SPDX-License-Identifier: MIT */
#include "ideal.h"
#include "meter.h"
#include "sockets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define MAX_EVENTS 512
#define NUMBER     UINT64_C(0x123456789abc)

static struct meter m;
static uint32_t sequence;
static int due; /* calls that may leave */

static size_t
make_call(uint8_t *out)
{
	uint8_t *p = out;

	*p++ = 0x96;
	*p++ = 0;
	p = ideal_put_uint32(p, sequence++);
	p = ideal_put_uint32(p, IDEAL_OBJECT);
	p = ideal_put_text(p, "echo", 4);
	p = ideal_put_int64(p, NUMBER);
	p = ideal_put_text(p, METER_TEXT, 16);
	return (size_t) (p - out);
}

static size_t
on_reply(const uint8_t *message, size_t len, uint8_t *out)
{
	struct ideal_reader r = {message, message + len};
	uint64_t type, answered, number;
	const uint8_t *text;
	size_t text_len;

	(void) out;
	if (!ideal_read_array(&r, 4) || !ideal_read_uint(&r, &type) ||
	    !ideal_read_uint(&r, &answered) || !ideal_read_uint(&r, &number) ||
	    !ideal_read_text(&r, &text, &text_len) || number != NUMBER ||
	    text_len != 16 || memcmp(text, METER_TEXT, 16) != 0) {
		fprintf(stderr, "ideal: a result is wrong\n");
		exit(6);
	}
	due += meter_count(&m);
	return 0;
}

int
main(int argc, char **argv)
{
	struct epoll_event event = {.events = EPOLLIN}, events[MAX_EVENTS];
	struct ideal_link *links;
	int epoll = epoll_create1(0);

	meter_init(&m, argc, argv, "lat pipe fan");
	links = calloc((size_t) m.connections, sizeof(*links));
	if (links == NULL || sodium_init() < 0) {
		return 3;
	}
	for (int i = 0; i < m.connections; i++) {
		ideal_link_init(&links[i], socket_connect(m.address),
		                ideal_mode_of(argc > 7 ? argv[7] : ""));
		event.data.u32 = (uint32_t) i;
		epoll_ctl(epoll, EPOLL_CTL_ADD, links[i].fd, &event);
	}
	meter_connected(&m);
	meter_start(&m);
	for (int i = 0; i < meter_first(&m); i++) {
		ideal_send(&links[i], m.share, make_call);
	}
	while (m.phase != METER_OVER) {
		int count = epoll_wait(epoll, events, MAX_EVENTS, 1000);

		for (int i = 0; i < count; i++) {
			int index = (int) events[i].data.u32;

			due = 0;
			if (!ideal_receive(&links[index], on_reply)) {
				fprintf(stderr, "ideal: connection lost\n");
				return 4;
			}
			ideal_send(&links[meter_next(&m, index)], due,
			           make_call);
		}
	}
	meter_finish(&m);
}
