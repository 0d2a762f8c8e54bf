/* SPDX-License-Identifier: MIT */
#include "tests/memory/driver.h"
#include "tests/memory/link.h"

#include <stdlib.h>

struct memory_raw {
	struct port port; /* first */
	struct end end;
	bool listening; /* nobody has dialled it yet */
};

static bool
raw_accept(struct port *port, struct end *end)
{
	memory_raw *raw = (memory_raw *) port;

	port_close(port);
	raw->listening = false;
	end_join(&raw->end, end);
	return true;
}

memory_raw *
memory_raw_dial(const char *name)
{
	struct port *port = port_find(name);
	memory_raw *raw = calloc(1, sizeof(*raw));

	if (raw != NULL && (port == NULL || !port->accept(port, &raw->end))) {
		memory_raw_free(raw);
		return NULL;
	}
	return raw;
}

memory_raw *
memory_raw_listen(const char *name)
{
	memory_raw *raw = calloc(1, sizeof(*raw));

	if (raw != NULL) {
		port_open(&raw->port, name, raw_accept);
		raw->listening = true;
	}
	return raw;
}

bool
memory_raw_send(memory_raw *raw, const void *data, size_t len)
{
	return raw->end.peer != NULL && end_put(raw->end.peer, data, len);
}

const uint8_t *
memory_raw_received(const memory_raw *raw, size_t *ret_len)
{
	*ret_len = raw->end.len;
	return raw->end.data + raw->end.start;
}

void
memory_raw_skip(memory_raw *raw, size_t len)
{
	end_skip(&raw->end, len);
}

bool
memory_raw_is_closed(const memory_raw *raw)
{
	return raw->end.peer == NULL;
}

void
memory_raw_free(memory_raw *raw)
{
	if (raw == NULL) {
		return;
	}
	if (raw->listening) {
		port_close(&raw->port);
	}
	end_fini(&raw->end);
	free(raw);
}
