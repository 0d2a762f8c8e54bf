/* SPDX-License-Identifier: MIT */
/*
 * broker/net/link.h - a link on a stream socket
 *
 * Dialling, then open, then perhaps lingering. An idle link owns no buffer.
 */
#ifndef WALDOI_NET_LINK_H
#define WALDOI_NET_LINK_H

#include "broker/net/loop.h"
#include "broker/net/socket.h"

typedef struct waldoi_dial waldoi_dial;

typedef struct waldoi_socket_link waldoi_socket_link;

/* What a link needs that cannot send all at once, or that lingers. */
typedef struct waldoi_link_more {
	waldoi_socket_link *link;
	struct event event; /* writable; while it lingers the timeout */
	LIST_ENTRY(waldoi_link_more) entry; /* of loop->lingering */
} waldoi_link_more;

struct waldoi_socket_link {
	waldoi_link link;
	waldoi_loop *loop;
	struct event read;
	waldoi_link_more *more; /* NULL until it is needed */
	waldoi_dial *dial;      /* until the link is open */
	int fd;
	short error;  /* errno of a send; told when all that came is read */
	bool reading; /* which of the two events are added */
	bool writing;
	bool lingering;
	bool timed;
	char address[]; /* link.peer.address */
};

/* Without a socket; NULL: no memory. */
waldoi_socket_link *waldoi_link_new(waldoi_loop *loop, const char *address);

/* Closes the socket too. The session is told nothing. */
void waldoi_link_free(waldoi_socket_link *link);

/* Tells the session and frees the link. */
void waldoi_link_fail(waldoi_socket_link *link, waldo_err err,
                      const char *format, ...) WALDO_PRINTF(3, 4);

/* `fd`, which is connected and taken, carries the link from now on. False,
 * and errno: it cannot be watched. */
bool waldoi_link_open(waldoi_socket_link *link, int fd);

/* Ends those that linger; the loop goes. */
void waldoi_links_end(waldoi_loop *loop);

/* dial.c: what waldoi_link_free() does for a link that is dialling. */
void waldoi_dial_free(waldoi_dial *dial);

#endif
