/* SPDX-License-Identifier: MIT */
/*
 * conformance/transport.h - what joins the nodes of a test
 *
 * The suite knows the public interface only; how nodes are made and driven
 * is said here, once for each kind of link.
 */
#ifndef WALDO_CONFORMANCE_TRANSPORT_H
#define WALDO_CONFORMANCE_TRANSPORT_H

#include <waldo/node.h>

typedef struct transport {
	const char *name;
	bool is_near;   /* one node is both ends: no wire at all */
	bool is_secure; /* both ends prove who they are */
	waldo_err (*node_new)(const waldo_node_options *options,
	                      waldo_node **ret_node);

	/* Where nobody listens yet; lives until the program ends. */
	const char *(*address)(void);

	/* Steps the nodes (some may be NULL); waits a few milliseconds at most
	 * if none of them has anything to do. */
	void (*pump)(waldo_node *const *nodes, size_t count);

	/* The clock that `pump` goes by. */
	uint64_t (*now_ms)(void);
} transport;

/* NULL if this program has none of that name. */
const transport *transport_find(const char *name);

/* Of all that it has, for people. */
const char *transport_names(void);

#endif
