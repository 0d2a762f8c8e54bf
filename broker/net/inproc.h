/* SPDX-License-Identifier: MIT */
/*
 * broker/net/inproc.h - where nodes of one process meet
 *
 * A meeting point is a name and a queue of sockets. Who dials makes a pair,
 * keeps one and leaves the other there; whose point it is hears its bell. Any
 * thread; the ends may be the same node.
 */
#ifndef WALDOI_INPROC_H
#define WALDOI_INPROC_H

#include <waldo/error.h>

typedef struct waldoi_meeting waldoi_meeting;

/* Returns 0, or an errno: EADDRINUSE if the name is taken. */
int waldoi_meeting_open(const char *name, waldoi_meeting **ret_meeting);

/* Readable while somebody waits. */
int waldoi_meeting_get_bell(const waldoi_meeting *meeting);

/* A socket, as accept() would; -1 and EAGAIN if nobody waits. */
int waldoi_meeting_accept(waldoi_meeting *meeting);

/* Those who still wait see the end of their link. NULL is accepted. */
void waldoi_meeting_close(waldoi_meeting *meeting);

/* A connected socket that does not block, or -1 and errno: ECONNREFUSED if
 * nobody has a meeting point of that name. */
int waldoi_meeting_dial(const char *name);

#endif
