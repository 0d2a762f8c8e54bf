/* SPDX-License-Identifier: MIT */
/* sdbus - sd-bus between two processes, no broker, on a Unix socket. */
#include "meter.h"
#include "sockets.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

static int
method_echo(sd_bus_message *m, void *user, sd_bus_error *error)
{
	const char *text;
	int64_t number;
	int r = sd_bus_message_read(m, "xs", &number, &text);

	(void) user;
	(void) error;
	return r < 0 ? r : sd_bus_reply_method_return(m, "xs", number, text);
}

static int
method_large(sd_bus_message *m, void *user, sd_bus_error *error)
{
	sd_bus_message *reply = NULL;
	const void *data;
	size_t len;
	int r = sd_bus_message_read_array(m, 'y', &data, &len);

	(void) user;
	(void) error;
	if (r >= 0) {
		r = sd_bus_message_new_method_return(m, &reply);
	}
	if (r >= 0) {
		r = sd_bus_message_append_array(reply, 'y', data, len);
	}
	if (r >= 0) {
		r = sd_bus_send(NULL, reply, NULL);
	}
	sd_bus_message_unref(reply);
	return r < 0 ? r : 1;
}

static int push_one(sd_bus *bus);

static int
on_pushed(sd_bus_message *m, void *user, sd_bus_error *error)
{
	(void) m;
	(void) error;
	push_one(user);
	return 1;
}

static int
push_one(sd_bus *bus)
{
	return sd_bus_call_method_async(bus, NULL, NULL, "/sink", "bench.Sink",
	                                "Event", on_pushed, bus, "xs",
	                                (int64_t) 1, METER_TEXT);
}

static int
method_push(sd_bus_message *m, void *user, sd_bus_error *error)
{
	uint32_t count;
	int r = sd_bus_message_read(m, "u", &count);

	(void) user;
	(void) error;
	for (uint32_t i = 0; r >= 0 && i < count; i++) {
		r = push_one(sd_bus_message_get_bus(m));
	}
	return r < 0 ? r : sd_bus_reply_method_return(m, "");
}

static const sd_bus_vtable methods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Echo", "xs", "xs", method_echo, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("Large", "ay", "ay", method_large,
                  SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("Push", "u", "", method_push, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};

static int
serve(int fd, sd_event *event)
{
	sd_bus *bus;
	sd_id128_t id;
	int r = sd_id128_randomize(&id);

	if (r < 0 || (r = sd_bus_new(&bus)) < 0) {
		return r;
	}
	sd_bus_set_fd(bus, fd, fd);
	sd_bus_set_server(bus, 1, id);
	sd_bus_set_anonymous(bus, 1);
	sd_bus_set_trusted(bus, 1);
	r = sd_bus_start(bus);
	if (r >= 0) {
		r = sd_bus_add_object_vtable(bus, NULL, "/bench", "bench.Bench",
		                             methods, bus);
	}
	return r < 0 ? r : sd_bus_attach_event(bus, event, 0);
}

static int
on_accept(sd_event_source *source, int listener, uint32_t events, void *user)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int r = fd < 0 ? 0 : serve(fd, user);

	(void) source;
	(void) events;
	if (r < 0) {
		fprintf(stderr, "sdbus: %s\n", strerror(-r));
	}
	return 0;
}

int
main(int argc, char **argv)
{
	sd_event *event = NULL;

	meter_raise_limits();
	sd_event_default(&event);
	sd_event_add_io(event, NULL, socket_listen(argc > 1 ? argv[1] : ""),
	                EPOLLIN, on_accept, event);
	socket_say_ready();
	return sd_event_loop(event);
}
