/* SPDX-License-Identifier: MIT */
#include "sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4096

union any_address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_un un;
};

static void
die(const char *what)
{
	perror(what);
	exit(3);
}

static socklen_t
parse(const char *address, union any_address *ret_where)
{
	int port = atoi(address);

	*ret_where = (union any_address){0};
	if (address[0] == '/') {
		struct sockaddr_un *un = &ret_where->un;

		un->sun_family = AF_UNIX;
		strncpy(un->sun_path, address, sizeof(un->sun_path) - 1);
		return sizeof(*un);
	}
	if (port < 1 || port > 65535) {
		fprintf(stderr, "%s: neither a path nor a port\n", address);
		exit(2);
	}
	ret_where->in.sin_family = AF_INET;
	ret_where->in.sin_port = htons((in_port_t) port);
	ret_where->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sizeof(ret_where->in);
}

static int
new_socket(const union any_address *where)
{
	int fd = socket(where->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		die("socket");
	}
	return fd;
}

void
socket_tune(int fd, const char *address)
{
	int yes = 1;

	if (address[0] != '/') {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	}
}

int
socket_connect(const char *address)
{
	union any_address where;
	socklen_t len = parse(address, &where);
	int fd = new_socket(&where);

	socket_tune(fd, address);
	if (connect(fd, &where.any, len) != 0) {
		die("connect");
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

int
socket_listen(const char *address)
{
	union any_address where;
	socklen_t len = parse(address, &where);
	int fd = new_socket(&where), yes = 1;

	if (address[0] == '/') {
		unlink(address);
	}
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, &where.any, len) != 0 || listen(fd, BACKLOG) != 0) {
		die("listen");
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

void
socket_set_blocking(int fd)
{
	fcntl(fd, F_SETFL, 0);
}

void
socket_say_ready(void)
{
	puts("READY");
	fflush(stdout);
}
