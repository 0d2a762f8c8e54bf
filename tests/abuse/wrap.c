/* SPDX-License-Identifier: MIT */
#include "abuse/wrap.h"

#include <sys/socket.h>

/* The names that --wrap gives. */
int __real_accept4(int fd, struct sockaddr *from, socklen_t *len, int flags);
ssize_t __real_recv(int fd, void *data, size_t len, int flags);
ssize_t __real_send(int fd, const void *data, size_t len, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
int __wrap_accept4(int fd, struct sockaddr *from, socklen_t *len, int flags);
ssize_t __wrap_recv(int fd, void *data, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t len, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);

void (*wrap_on_recv)(int fd, size_t len);
void (*wrap_on_accept)(int fd);
void (*wrap_on_send)(void);
uint64_t wrap_recvs, wrap_sends;

int
__wrap_accept4(int fd, struct sockaddr *from, socklen_t *len, int flags)
{
	int link = __real_accept4(fd, from, len, flags);

	if (link >= 0 && wrap_on_accept != NULL) {
		wrap_on_accept(link);
	}
	return link;
}

ssize_t
__wrap_recv(int fd, void *data, size_t len, int flags)
{
	ssize_t got = __real_recv(fd, data, len, flags);

	wrap_recvs++;
	if (got > 0 && wrap_on_recv != NULL) {
		wrap_on_recv(fd, (size_t) got);
	}
	return got;
}

static void
note_send(void)
{
	wrap_sends++;
	if (wrap_on_send != NULL) {
		wrap_on_send();
	}
}

ssize_t
__wrap_send(int fd, const void *data, size_t len, int flags)
{
	note_send();
	return __real_send(fd, data, len, flags);
}

ssize_t
__wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
	note_send();
	return __real_sendmsg(fd, message, flags);
}
