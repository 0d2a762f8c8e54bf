/* SPDX-License-Identifier: MIT */
#include "meter.h"
#include "sockets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

static struct meter m;
static sd_event *event;
static sd_bus **connections;
static char *payload;

static void
check(int r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "sdbus: %s: %s\n", what, strerror(-r));
		_exit(4);
	}
}

/* Of a reply, or of an event. */
static void
check_content(sd_bus_message *reply)
{
	const void *data;
	const char *text;
	int64_t number;
	size_t len;

	if (sd_bus_message_is_method_error(reply, NULL)) {
		fprintf(stderr, "sdbus: %s\n",
		        sd_bus_message_get_error(reply)->message);
		_exit(4);
	}
	if (m.is_large) {
		check(sd_bus_message_read_array(reply, 'y', &data, &len),
		      "reply");
		check(len == METER_LARGE ? 0 : -EBADMSG, "reply");
	} else {
		check(sd_bus_message_read(reply, "xs", &number, &text),
		      "reply");
	}
}

static void call(int index);

static int
on_reply(sd_bus_message *reply, void *user, sd_bus_error *error)
{
	(void) error;
	check_content(reply);
	if (meter_count(&m)) {
		call(meter_next(&m, (int) (intptr_t) user));
	} else {
		sd_event_exit(event, 0);
	}
	return 1;
}

static void
call_large(int index)
{
	sd_bus_message *message = NULL;

	check(sd_bus_message_new_method_call(connections[index], &message, NULL,
	                                     "/bench", "bench.Bench", "Large"),
	      "call");
	check(sd_bus_message_append_array(message, 'y', payload, METER_LARGE),
	      "call");
	check(sd_bus_call_async(connections[index], NULL, message, on_reply,
	                        (void *) (intptr_t) index, 0),
	      "call");
	sd_bus_message_unref(message);
}

static void
call(int index)
{
	if (m.is_large) {
		call_large(index);
		return;
	}
	check(sd_bus_call_method_async(connections[index], NULL, NULL, "/bench",
	                               "bench.Bench", "Echo", on_reply,
	                               (void *) (intptr_t) index, "xs",
	                               (int64_t) 42, METER_TEXT),
	      "call");
}

static int
method_event(sd_bus_message *message, void *user, sd_bus_error *error)
{
	(void) user;
	(void) error;
	check_content(message);
	if (!meter_count(&m)) {
		sd_event_exit(event, 0);
	}
	return sd_bus_reply_method_return(message, "");
}

static const sd_bus_vtable sink[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Event", "xs", "", method_event, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};

/* Connects, and knows that the object is there. */
static sd_bus *
open_one(void)
{
	int fd = socket_connect(m.address);
	sd_bus_message *reply = NULL;
	sd_bus *bus = NULL;

	check(sd_bus_new(&bus), "connect");
	sd_bus_set_fd(bus, fd, fd);
	sd_bus_set_anonymous(bus, 1);
	sd_bus_set_trusted(bus, 1);
	check(sd_bus_start(bus), "connect");
	check(sd_bus_call_method(bus, NULL, "/bench", "bench.Bench", "Echo",
	                         NULL, &reply, "xs", (int64_t) 1, "x"),
	      "first call");
	sd_bus_message_unref(reply);
	check(sd_bus_attach_event(bus, event, 0), "attach");
	return bus;
}

static void
start_events(void)
{
	check(sd_bus_add_object_vtable(connections[0], NULL, "/sink",
	                               "bench.Sink", sink, NULL),
	      "sink");
	check(sd_bus_call_method_async(connections[0], NULL, NULL, "/bench",
	                               "bench.Bench", "Push", NULL, NULL, "u",
	                               (uint32_t) m.window),
	      "push");
}

int
main(int argc, char **argv)
{
	meter_init(&m, argc, argv, "lat pipe fan large event");
	sd_event_default(&event);
	connections = calloc((size_t) m.connections, sizeof(*connections));
	payload = calloc(1, METER_LARGE);
	if (connections == NULL || payload == NULL) {
		abort();
	}
	for (int i = 0; i < m.connections; i++) {
		connections[i] = open_one();
	}
	meter_connected(&m);
	meter_start(&m);
	if (meter_is(&m, "event")) {
		start_events();
	} else {
		for (int i = 0; i < meter_first(&m); i++) {
			for (int k = 0; k < m.share; k++) {
				call(i);
			}
		}
	}
	sd_event_loop(event);
	meter_finish(&m);
}
