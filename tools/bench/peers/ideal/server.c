/* SPDX-License-Identifier: MIT */
#include "ideal.h"
#include "meter.h"
#include "sockets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define OBJECTS    65536
#define METHODS    16
#define MAX_EVENTS 512

struct object {
	uint64_t calls;
};

typedef size_t method_fn(struct object *self, uint64_t sequence,
                         struct ideal_reader *args, uint8_t *out);

struct method {
	uint32_t hash;
	const char *name;
	size_t len;
	method_fn *fn;
};

static struct object *objects[OBJECTS];
static struct method methods[METHODS];

_Noreturn static void
die(const char *what)
{
	fprintf(stderr, "ideal: %s\n", what);
	exit(7);
}

static uint32_t
hash(const uint8_t *name, size_t len)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < len; i++) {
		h = (h ^ name[i]) * 16777619u;
	}
	return h;
}

static size_t
echo(struct object *self, uint64_t sequence, struct ideal_reader *args,
     uint8_t *out)
{
	const uint8_t *text;
	uint64_t number;
	uint8_t *p = out;
	size_t len;

	if (!ideal_read_uint(args, &number) ||
	    !ideal_read_text(args, &text, &len) || len > 31) {
		die("wrong arguments");
	}
	self->calls++;
	*p++ = 0x94;
	*p++ = 1;
	p = ideal_put_uint32(p, (uint32_t) sequence);
	p = ideal_put_int64(p, number);
	p = ideal_put_text(p, text, len);
	return (size_t) (p - out);
}

static size_t
serve(const uint8_t *message, size_t len, uint8_t *out)
{
	struct ideal_reader r = {message, message + len};
	uint64_t type, sequence, id;
	const struct method *method;
	const uint8_t *name;
	size_t name_len;
	uint32_t h;

	if (!ideal_read_array(&r, 6) || !ideal_read_uint(&r, &type) ||
	    type != 0 || !ideal_read_uint(&r, &sequence) ||
	    !ideal_read_uint(&r, &id) ||
	    !ideal_read_text(&r, &name, &name_len) || id >= OBJECTS) {
		die("that is no call");
	}
	h = hash(name, name_len);
	method = &methods[h % METHODS];
	if (method->fn == NULL || method->hash != h ||
	    method->len != name_len ||
	    memcmp(method->name, name, name_len) != 0) {
		die("no such method");
	}
	return method->fn(objects[id], sequence, &r, out);
}

static void
fill_tables(void)
{
	uint32_t h = hash((const uint8_t *) "echo", 4);

	for (int i = 0; i < OBJECTS; i++) {
		objects[i] = calloc(1, sizeof(struct object));
		if (objects[i] == NULL) {
			die("out of memory");
		}
	}
	methods[h % METHODS] = (struct method){h, "echo", 4, echo};
}

static void
accept_all(int epoll, int listener, const char *address, enum ideal_mode mode)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		struct ideal_link *link = malloc(sizeof(*link));
		struct epoll_event event = {EPOLLIN, {.ptr = link}};

		if (link == NULL) {
			die("out of memory");
		}
		socket_tune(fd, address);
		ideal_link_init(link, fd, mode);
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
	}
}

static void
on_event(struct ideal_link *link)
{
	if (!ideal_receive(link, serve)) {
		close(link->fd);
		free(link->in);
		free(link);
	}
}

int
main(int argc, char **argv)
{
	const char *address = argc > 1 ? argv[1] : "";
	enum ideal_mode mode = ideal_mode_of(argc > 2 ? argv[2] : "");
	struct epoll_event event = {.events = EPOLLIN}, events[MAX_EVENTS];
	int listener, epoll = epoll_create1(0);

	meter_raise_limits();
	if (sodium_init() < 0) {
		die("no libsodium");
	}
	fill_tables();
	listener = socket_listen(address);
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
	socket_say_ready();
	for (;;) {
		int count = epoll_wait(epoll, events, MAX_EVENTS, -1);

		for (int i = 0; i < count; i++) {
			if (events[i].data.ptr == NULL) {
				accept_all(epoll, listener, address, mode);
			} else {
				on_event(events[i].data.ptr);
			}
		}
	}
}
