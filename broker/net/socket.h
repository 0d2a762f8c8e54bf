/* SPDX-License-Identifier: MIT */
/* broker/net/socket.h - addresses as the kernel knows them */
#ifndef WALDOI_SOCKET_H
#define WALDOI_SOCKET_H

#include "broker/address.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

typedef struct waldoi_sockaddr {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} u;
	socklen_t len;
} waldoi_sockaddr;

void waldoi_sockaddr_set_path(waldoi_sockaddr *sockaddr, const char *path);

/* False if `host` is a name, which has to be resolved. */
bool waldoi_sockaddr_set_host(waldoi_sockaddr *sockaddr, const char *host,
                              uint16_t port);

/* Asks the resolver and waits for it. Returns 0 and an array for free(), or
 * an error for gai_strerror(). Any thread. */
int waldoi_sockaddr_resolve(const char *host, uint16_t port, bool passive,
                            waldoi_sockaddr **ret_array, size_t *ret_count);

/* The address of it; false if it has none: not of the Internet, and without a
 * path that could be written down. */
bool waldoi_sockaddr_to_address(const waldoi_sockaddr *sockaddr,
                                waldoi_address *ret_address);

/* A stream that does not block and is not inherited; -1 and errno. */
int waldoi_socket_new(int family);

/* The options of a connected link. All are wishes: a socket that has not one
 * of them works without. */
void waldoi_socket_tune(int fd, int family, uint32_t dead_peer_ms);

#endif
