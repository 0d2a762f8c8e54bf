/* SPDX-License-Identifier: MIT */
#include "broker/net/passive.h"
#include "broker/driver.h"
#include "broker/uri.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static waldo_err
fail(waldo_node *node, const waldoi_address *address, const char *why)
{
	waldoi_node_set_message(node, "cannot listen at %s: %s", address->text,
	                        why);
	return WALDO_ESYSTEM;
}

/* ---- Unix sockets */

/* The inode of a socket that is bound is not given to another. */
static bool
is_same_file(const char *path, const struct stat *file)
{
	struct stat now;

	return lstat(path, &now) == 0 && now.st_dev == file->st_dev &&
	       now.st_ino == file->st_ino;
}

/* A socket file outlives its process. True if nobody answers behind this one
 * and it is gone now; else errno is that of the bind that failed, or says what
 * is in the way. */
static bool
remove_stale(const waldoi_sockaddr *where)
{
	const char *path = where->u.un.sun_path;
	struct stat file;
	int fd, error = 0;

	if (lstat(path, &file) != 0) {
		return errno == ENOENT; /* gone in the meantime */
	}
	if (!S_ISSOCK(file.st_mode)) {
		errno = ENOTSOCK;
		return false;
	}
	fd = waldoi_socket_new(AF_UNIX);
	if (fd < 0) {
		return false;
	}
	if (connect(fd, &where->u.any, where->len) != 0) {
		error = errno;
	}
	close(fd);
	errno = EADDRINUSE;
	return error == ECONNREFUSED && is_same_file(path, &file) &&
	       unlink(path) == 0;
}

/* A path stays the same file when the process changes its directory, if it is
 * absolute; one that would become too long is left as it is. */
static void
make_absolute(waldoi_address *address)
{
	char directory[PATH_MAX], path[sizeof(address->host)];
	size_t most = sizeof(((struct sockaddr_un *) NULL)->sun_path) - 1;
	int len;

	if (address->host[0] == '/' ||
	    getcwd(directory, sizeof(directory)) == NULL) {
		return;
	}
	len = snprintf(path, sizeof(path), "%s/%s", directory, address->host);
	if (len > 0 && (size_t) len <= most) {
		memcpy(address->host, path, (size_t) len + 1);
		waldoi_address_format(address);
	}
}

static waldo_err
open_unix(waldo_node *node, waldoi_passive *passive)
{
	waldoi_sockaddr where;
	int bound;

	make_absolute(&passive->address);
	waldoi_sockaddr_set_path(&where, passive->address.host);
	passive->fd = waldoi_socket_new(AF_UNIX);
	if (passive->fd < 0) {
		return fail(node, &passive->address, strerror(errno));
	}
	bound = bind(passive->fd, &where.u.any, where.len);
	if (bound != 0 && errno == EADDRINUSE && remove_stale(&where)) {
		bound = bind(passive->fd, &where.u.any, where.len);
	}
	if (bound != 0) {
		return fail(node, &passive->address,
		            errno == ENOTSOCK ? "a file that is not a socket "
		                                "is in the way"
		                              : strerror(errno));
	}
	passive->owns_file = lstat(passive->address.host, &passive->file) == 0;
	if (listen(passive->fd, SOMAXCONN) != 0) {
		return fail(node, &passive->address, strerror(errno));
	}
	return WALDO_OK;
}

/* ---- TCP */

static bool
is_wildcard6(const waldoi_sockaddr *where)
{
	return IN6_IS_ADDR_UNSPECIFIED(&where->u.in6.sin6_addr);
}

/* A socket that listens at `where`; -1 and errno. */
static int
listen_at(const waldoi_sockaddr *where)
{
	int fd = waldoi_socket_new(where->u.any.sa_family);
	int yes = 1, v6only, error;

	if (fd < 0) {
		return -1;
	}
	/* A restart must not wait for connections that have timed out. */
	(void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (where->u.any.sa_family == AF_INET6) {
		/* "[::]" is for everybody, whatever the system's default. */
		v6only = !is_wildcard6(where);
		(void) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only,
		                  sizeof(v6only));
	}
	if (bind(fd, &where->u.any, where->len) == 0 &&
	    listen(fd, SOMAXCONN) == 0) {
		return fd;
	}
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* The first address of the host that is ours. */
static waldo_err
open_tcp(waldo_node *node, waldoi_passive *passive)
{
	waldoi_address *address = &passive->address;
	waldoi_sockaddr *array = NULL, bound = {.len = sizeof(bound.u)};
	waldoi_address actual;
	size_t count = 0;
	int error = waldoi_sockaddr_resolve(address->host, address->port, true,
	                                    &array, &count);

	if (error != 0) {
		waldoi_node_set_message(node, "cannot resolve %s: %s",
		                        address->host, gai_strerror(error));
		return error == EAI_MEMORY ? WALDO_ENOMEM : WALDO_EADDRESS;
	}
	for (size_t i = 0; i < count && passive->fd < 0; i++) {
		passive->fd = listen_at(&array[i]);
	}
	error = errno;
	free(array);
	if (passive->fd < 0) {
		return fail(node, address, strerror(error));
	}
	if (getsockname(passive->fd, &bound.u.any, &bound.len) != 0) {
		return fail(node, address, strerror(errno));
	}
	if (waldoi_sockaddr_to_address(&bound, &actual)) {
		address->port = actual.port;
		waldoi_address_format(address);
	}
	return WALDO_OK;
}

/* ---- inherited sockets */

static bool
is_listening(int fd)
{
	int listening = 0, type = 0;
	socklen_t len = sizeof(listening);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) ==
	           0 &&
	       listening != 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       type == SOCK_STREAM;
}

static waldo_err
open_fd(waldo_node *node, waldoi_passive *passive)
{
	int fd = passive->address.fd, flags;
	waldoi_sockaddr bound = {.len = sizeof(bound.u)};
	waldoi_address address;

	errno = 0;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || !is_listening(fd)) {
		return fail(node, &passive->address,
		            errno == EBADF ? strerror(errno)
		                           : "it is not a listening stream "
		                             "socket");
	}
	if (getsockname(fd, &bound.u.any, &bound.len) != 0 ||
	    !waldoi_sockaddr_to_address(&bound, &address)) {
		return fail(node, &passive->address,
		            "it has no address that a URI could name");
	}
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
		return fail(node, &passive->address, strerror(errno));
	}
	if (address.scheme == WALDOI_TCP_INSECURE) {
		address.scheme = WALDOI_TCP; /* encrypted, as is the rule */
		waldoi_address_format(&address);
	}
	passive->address = address;
	passive->fd = fd;
	return WALDO_OK;
}

/* ---- all */

waldo_err
waldoi_passive_open(waldo_node *node, const waldoi_address *address,
                    waldoi_passive *ret_passive)
{
	waldoi_passive passive = {.fd = -1, .address = *address};
	waldo_err err;

	switch (address->scheme) {
	case WALDOI_UNIX: err = open_unix(node, &passive); break;
	case WALDOI_TCP:
	case WALDOI_TCP_INSECURE: err = open_tcp(node, &passive); break;
	case WALDOI_FD: err = open_fd(node, &passive); break;
	default: err = fail(node, address, "that takes no socket"); break;
	}
	if (err != WALDO_OK) {
		waldoi_passive_close(&passive);
		return err;
	}
	*ret_passive = passive;
	return WALDO_OK;
}

void
waldoi_passive_close(waldoi_passive *passive)
{
	if (passive->fd < 0) {
		return;
	}
	/* Before the socket is closed: as long as it is open, nobody takes the
	 * file for stale and puts another in its place. */
	if (passive->owns_file &&
	    is_same_file(passive->address.host, &passive->file)) {
		unlink(passive->address.host);
	}
	close(passive->fd);
	passive->fd = -1;
}

void
waldoi_passive_get_uri(const waldoi_passive *passive, const uint8_t *key,
                       char ret_uri[WALDOI_MAX_URI])
{
	waldoi_address address = passive->address;

	if (address.scheme == WALDOI_TCP ||
	    address.scheme == WALDOI_TCP_INSECURE) {
		if (strcmp(address.host, "0.0.0.0") == 0) {
			strcpy(address.host, "127.0.0.1");
		} else if (strcmp(address.host, "::") == 0) {
			strcpy(address.host, "::1");
		}
	}
	waldoi_uri_format(&address, key, ret_uri);
}
