/* SPDX-License-Identifier: MIT */
/* broker/net/passive.h - sockets that listen */
#ifndef WALDOI_PASSIVE_H
#define WALDOI_PASSIVE_H

#include "broker/net/socket.h"

#include <waldo/node.h>

#include <sys/stat.h>

typedef struct waldoi_passive {
	int fd;                 /* -1: none */
	waldoi_address address; /* with the port that was bound */
	bool owns_file;         /* the socket file of ours, which `file` is */
	struct stat file;
} waldoi_passive;

/* On failure the node's message says why, and nothing is left. */
waldo_err waldoi_passive_open(waldo_node *node, const waldoi_address *address,
                              waldoi_passive *ret_passive);

/* Removes the socket file if it is still ours. */
void waldoi_passive_close(waldoi_passive *passive);

/* What can be dialled from this machine: a wildcard address is replaced by
 * the loopback address of its family. */
void waldoi_passive_get_uri(const waldoi_passive *passive, const uint8_t *key,
                            char ret_uri[WALDOI_MAX_URI]);

#endif
