/* SPDX-License-Identifier: MIT */
/* memory/link.h - links of nodes in memory, and the ports that they dial */
#ifndef WALDO_TEST_LINK_H
#define WALDO_TEST_LINK_H

#include "broker/driver.h"
#include "tests/memory/end.h"

enum { PORT_NAME = 256 };

TAILQ_HEAD(links, link);

struct link {
	waldoi_link link; /* first */
	struct end end;
	waldo_node *node;
	struct links *links; /* of the node */
	bool dialling;       /* not yet joined to whoever listens */
	char name[PORT_NAME];
	char source[64]; /* of one that was accepted */
	TAILQ_ENTRY(link) entry;
};

/* NULL without memory. */
struct link *link_new(waldo_node *node, struct links *links);
void link_free(struct link *link);

/* Does one thing for a link; false if there was nothing to do. */
bool link_step(struct link *link);

/* Who listens at "inproc:NAME". */
struct port {
	char name[PORT_NAME];

	/* Joins `end` to an end of its own; false without memory. */
	bool (*accept)(struct port *port, struct end *end);
	TAILQ_ENTRY(port) entry;
};

void port_open(struct port *port, const char *name,
               bool (*accept)(struct port *port, struct end *end));
void port_close(struct port *port);

/* NULL if nobody listens there. */
struct port *port_find(const char *name);

#endif
