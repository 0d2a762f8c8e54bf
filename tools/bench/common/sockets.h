/* SPDX-License-Identifier: MIT */
/*
 * sockets.h - sockets for peers that bring none of their own
 *
 * An address is the path of a Unix socket, or a port of 127.0.0.1. Whatever
 * fails ends the process: there is nothing to measure.
 */
#ifndef SOCKETS_H
#define SOCKETS_H

#ifdef __cplusplus
extern "C" {
#endif

/* Does not block; without Nagle's delay. */
int socket_connect(const char *address);

/* Does not block; a socket file that is in the way is removed. */
int socket_listen(const char *address);

/* Of what was accepted: Nagle's delay off, if it is TCP. */
void socket_tune(int fd, const char *address);

/* For libraries that want to wait in the kernel. */
void socket_set_blocking(int fd);

/* What every server says when it can be connected to. */
void socket_say_ready(void);

#ifdef __cplusplus
}
#endif
#endif
