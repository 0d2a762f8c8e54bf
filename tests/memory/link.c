/* SPDX-License-Identifier: MIT */
#include "tests/memory/link.h"
#include "tests/memory/driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static TAILQ_HEAD(, port) ports = TAILQ_HEAD_INITIALIZER(ports);
static size_t chunk;
static memory_gate *gate;
static memory_tap *tap;
static void *tap_user;

void
memory_set_chunk(size_t bytes)
{
	chunk = bytes;
}

void
memory_set_gate(memory_gate *new_gate)
{
	gate = new_gate;
}

void
memory_set_tap(memory_tap *new_tap, void *user)
{
	tap = new_tap;
	tap_user = user;
}

/* ---- ports */

void
port_open(struct port *port, const char *name,
          bool (*accept)(struct port *port, struct end *end))
{
	(void) snprintf(port->name, sizeof(port->name), "%s", name);
	port->accept = accept;
	TAILQ_INSERT_TAIL(&ports, port, entry);
}

void
port_close(struct port *port)
{
	TAILQ_REMOVE(&ports, port, entry);
}

struct port *
port_find(const char *name)
{
	struct port *port;

	TAILQ_FOREACH(port, &ports, entry) {
		if (strcmp(port->name, name) == 0) {
			return port;
		}
	}
	return NULL;
}

/* ---- links */

void
link_free(struct link *link)
{
	TAILQ_REMOVE(link->links, link, entry);
	end_fini(&link->end);
	waldoi_channel_fini(&link->link.channel);
	free(link);
}

static void
link_flush(waldoi_link *base)
{
	struct link *link = (struct link *) base;
	struct iovec iov[8];
	size_t count;

	while (!link->dialling &&
	       (count = waldoi_channel_output(&base->channel, iov, 8)) > 0) {
		size_t sent = 0;

		for (size_t i = 0; i < count; i++) {
			if (link->end.peer != NULL &&
			    !end_put(link->end.peer, iov[i].iov_base,
			             iov[i].iov_len)) {
				abort();
			}
			sent += iov[i].iov_len;
		}
		waldoi_channel_sent(&base->channel, sent);
	}
}

static void
link_close(waldoi_link *base, waldoi_close how)
{
	(void) how;
	link_free((struct link *) base);
}

static const waldoi_link_ops link_ops = {link_flush, link_close};

struct link *
link_new(waldo_node *node, struct links *links)
{
	struct link *link = calloc(1, sizeof(*link));

	if (link != NULL) {
		link->link.ops = &link_ops;
		link->link.peer.address = "inproc:";
		link->link.peer.uid = -1;
		link->link.peer.pid = -1;
		link->node = node;
		link->links = links;
		TAILQ_INSERT_TAIL(links, link, entry);
	}
	return link;
}

static void
link_lost(struct link *link, waldo_err err, const char *what)
{
	char message[320];

	(void) snprintf(message, sizeof(message), what, link->name);
	waldoi_channel_lost(&link->link.channel, err, message);
	link_free(link);
}

static void
link_receive(struct link *link)
{
	waldoi_channel *channel = &link->link.channel;
	struct end *end = &link->end;
	size_t len = end->len, space;
	uint8_t *to;

	if (chunk > 0 && len > chunk) {
		/* More of a long queue, or its end would never come. */
		size_t some = chunk + len / 64;

		len = some < len ? some : len;
	}
	to = waldoi_channel_space(channel, &space);
	len = to != NULL && space < len ? space : len;
	if (gate != NULL && len > 0) {
		len = gate(link->name[0] != '\0', len);
	}
	if (tap != NULL) {
		size_t most = tap(link->name[0] != '\0', end->data + end->start,
		                  len, tap_user);

		if (most < len) {
			end_part(end);
			end->len = len = most;
		}
	}
	if (len == 0) {
		return;
	}
	if (to != NULL) {
		memcpy(to, end->data + end->start, len);
		end_skip(end, len);
		waldoi_channel_received(channel, len);
	} else {
		/* In a block of its own size, so that a sanitizer sees who
		 * reads too far. */
		uint8_t *copy = malloc(len);

		if (copy == NULL) {
			abort();
		}
		memcpy(copy, end->data + end->start, len);
		end_skip(end, len);
		waldoi_channel_input(channel, copy, len);
		if (waldoi_channel_answers(channel)) {
			link_flush(&link->link);
		}
		free(copy);
	}
}

static void
link_connect(struct link *link)
{
	struct port *port = port_find(link->name);

	link->dialling = false;
	if (port != NULL && port->accept(port, &link->end)) {
		/* What waits for the link leaves in this turn. */
		link_flush(&link->link);
	} else {
		link_lost(link, WALDO_ECONNECT,
		          "cannot connect to inproc:%s: nobody listens there");
	}
}

bool
link_step(struct link *link)
{
	bool readable = link->end.len > 0 &&
	                waldoi_channel_wants_input(&link->link.channel);
	bool ended = link->end.len == 0 && link->end.peer == NULL;

	if (!link->dialling && !readable && !ended) {
		return false;
	}
	waldoi_node_enter(link->node);
	if (link->dialling) {
		link_connect(link);
	} else if (readable) {
		link_receive(link);
	} else {
		link_lost(link, WALDO_ELOST,
		          "inproc:%s: the peer closed the connection");
	}
	return true;
}
