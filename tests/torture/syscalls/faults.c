/* SPDX-License-Identifier: MIT */
#include "torture/syscalls/faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* The names that --wrap gives. */
#define WRAP(type, name, ...)                                                  \
	type __real_##name(__VA_ARGS__);                                       \
	type __wrap_##name(__VA_ARGS__);                                       \
	type __wrap_##name(__VA_ARGS__)

static struct fault current;
static _Thread_local bool armed; /* in the thread that did it */
static atomic_bool armed_elsewhere;
static unsigned left; /* until it fails */
static bool for_ever;
static atomic_uint struck;
static size_t progress;
static bool was_ready;
static uint64_t ahead_ns;
static atomic_uint threads;

void
faults_arm(const struct fault *fault, unsigned nth, bool all)
{
	current = *fault;
	left = nth;
	for_ever = all;
	atomic_store(&struck, 0);
	armed = true;
	atomic_store(&armed_elsewhere, true);
}

unsigned
faults_disarm(void)
{
	armed = false;
	atomic_store(&armed_elsewhere, false);
	return atomic_load(&struck);
}

unsigned
faults_struck(void)
{
	return atomic_load(&struck);
}

const char *
fault_call_name(enum fault_call call)
{
#define FAULT_NAME(name) #name,
	static const char *const names[] = {FAULT_CALLS(FAULT_NAME)};

	return names[call];
}

static bool
count_down(void)
{
	if (left == 0 || --left > 0) {
		return false;
	}
	left = for_ever ? 1 : 0;
	atomic_fetch_add(&struck, 1);
	return true;
}

/* True if this one fails; errno says how. */
static bool
strikes(enum fault_call call)
{
	if (!armed || call != current.call || !count_down()) {
		return false;
	}
	errno = current.error;
	return true;
}

/* ---- sockets */

WRAP(int, socket, int family, int type, int protocol)
{
	return strikes(CALL_socket) ? -1
	                            : __real_socket(family, type, protocol);
}

WRAP(int, socketpair, int family, int type, int protocol, int pair[2])
{
	return strikes(CALL_socketpair)
	           ? -1
	           : __real_socketpair(family, type, protocol, pair);
}

WRAP(int, bind, int fd, const struct sockaddr *address, socklen_t len)
{
	return strikes(CALL_bind) ? -1 : __real_bind(fd, address, len);
}

WRAP(int, listen, int fd, int backlog)
{
	return strikes(CALL_listen) ? -1 : __real_listen(fd, backlog);
}

WRAP(int, accept4, int fd, struct sockaddr *address, socklen_t *len, int flags)
{
	int taken;

	if (strikes(CALL_accept4)) {
		return -1;
	}
	taken = __real_accept4(fd, address, len, flags);
	progress += taken >= 0;
	return taken;
}

WRAP(int, connect, int fd, const struct sockaddr *address, socklen_t len)
{
	bool fails = strikes(CALL_connect);

	if (fails && current.how == FAULT_DONE) {
		(void) __real_connect(fd, address, len);
		errno = current.error;
	}
	progress++;
	return fails ? -1 : __real_connect(fd, address, len);
}

WRAP(int, getsockopt, int fd, int level, int name, void *value, socklen_t *len)
{
	return strikes(CALL_getsockopt)
	           ? -1
	           : __real_getsockopt(fd, level, name, value, len);
}

WRAP(int, setsockopt, int fd, int level, int name, const void *value,
     socklen_t len)
{
	return strikes(CALL_setsockopt)
	           ? -1
	           : __real_setsockopt(fd, level, name, value, len);
}

WRAP(int, getsockname, int fd, struct sockaddr *address, socklen_t *len)
{
	return strikes(CALL_getsockname) ? -1
	                                 : __real_getsockname(fd, address, len);
}

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);

int
__wrap_fcntl(int fd, int command, ...)
{
	va_list args;
	int value;

	va_start(args, command);
	value = va_arg(args, int);
	va_end(args);
	return strikes(CALL_fcntl) ? -1 : __real_fcntl(fd, command, value);
}

WRAP(ssize_t, recv, int fd, void *data, size_t len, int flags)
{
	ssize_t got;

	if (strikes(CALL_recv)) {
		if (current.how == FAULT_ERROR) {
			return -1;
		}
		len = current.how == FAULT_END ? 0 : 1;
	}
	got = len > 0 ? __real_recv(fd, data, len, flags) : 0;
	progress += got >= 0;
	return got;
}

WRAP(ssize_t, send, int fd, const void *data, size_t len, int flags)
{
	ssize_t sent;

	if (strikes(CALL_send)) {
		if (current.how == FAULT_ERROR) {
			return -1;
		}
		len = 1;
	}
	sent = __real_send(fd, data, len, flags);
	progress += sent > 0;
	return sent;
}

static ssize_t
send_one_byte(int fd, const struct msghdr *message, int flags)
{
	size_t i = 0;

	while (message->msg_iov[i].iov_len == 0) {
		i++;
	}
	return __real_send(fd, message->msg_iov[i].iov_base, 1, flags);
}

WRAP(ssize_t, sendmsg, int fd, const struct msghdr *message, int flags)
{
	ssize_t sent;

	if (!strikes(CALL_sendmsg)) {
		sent = __real_sendmsg(fd, message, flags);
	} else if (current.how == FAULT_SHORT) {
		sent = send_one_byte(fd, message, flags);
	} else {
		return -1;
	}
	progress += sent > 0;
	return sent;
}

WRAP(int, shutdown, int fd, int how)
{
	return strikes(CALL_shutdown) ? -1 : __real_shutdown(fd, how);
}

/* ---- files */

/* Whatever it says, the descriptor is gone. */
WRAP(int, close, int fd)
{
	bool fails = strikes(CALL_close);

	(void) __real_close(fd);
	errno = fails ? current.error : errno;
	return fails ? -1 : 0;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

int
__wrap_open(const char *path, int flags, ...)
{
	return strikes(CALL_open) ? -1 : __real_open(path, flags);
}

WRAP(FILE *, fopen, const char *path, const char *mode)
{
	return strikes(CALL_fopen) ? NULL : __real_fopen(path, mode);
}

WRAP(DIR *, opendir, const char *path)
{
	return strikes(CALL_opendir) ? NULL : __real_opendir(path);
}

WRAP(ssize_t, readlink, const char *path, char *target, size_t size)
{
	return strikes(CALL_readlink) ? -1
	                              : __real_readlink(path, target, size);
}

WRAP(int, lstat, const char *path, struct stat *status)
{
	return strikes(CALL_lstat) ? -1 : __real_lstat(path, status);
}

WRAP(int, unlink, const char *path)
{
	return strikes(CALL_unlink) ? -1 : __real_unlink(path);
}

WRAP(char *, getcwd, char *path, size_t size)
{
	return strikes(CALL_getcwd) ? NULL : __real_getcwd(path, size);
}

/* ---- descriptors of events */

WRAP(int, eventfd, unsigned count, int flags)
{
	return strikes(CALL_eventfd) ? -1 : __real_eventfd(count, flags);
}

WRAP(ssize_t, read, int fd, void *data, size_t len)
{
	ssize_t got;

	if (strikes(CALL_read)) {
		return -1;
	}
	got = __real_read(fd, data, len);
	progress += got > 0;
	return got;
}

WRAP(ssize_t, write, int fd, const void *data, size_t len)
{
	progress++;
	return strikes(CALL_write) ? -1 : __real_write(fd, data, len);
}

WRAP(int, timerfd_create, int clock, int flags)
{
	return strikes(CALL_timerfd_create)
	           ? -1
	           : __real_timerfd_create(clock, flags);
}

WRAP(int, timerfd_settime, int fd, int flags, const struct itimerspec *timer,
     struct itimerspec *ret_old)
{
	return strikes(CALL_timerfd_settime)
	           ? -1
	           : __real_timerfd_settime(fd, flags, timer, ret_old);
}

/* libevent's too. It may wait for time, which does not pass by itself. */
__attribute__((visibility("default"))) int
epoll_create1(int flags)
{
	return strikes(CALL_epoll_create1)
	           ? -1
	           : (int) syscall(SYS_epoll_create1, flags);
}

__attribute__((visibility("default"))) int
epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
	/* Only what is new needs memory. */
	return what == EPOLL_CTL_ADD && strikes(CALL_epoll_ctl)
	           ? -1
	           : (int) syscall(SYS_epoll_ctl, epoll, what, fd, event);
}

__attribute__((visibility("default"))) int
epoll_wait(int epoll, struct epoll_event *events, int most, int timeout)
{
	int ready;

	(void) timeout;
	if (strikes(CALL_epoll_wait)) {
		return -1;
	}
	ready = (int) syscall(SYS_epoll_pwait, epoll, events, most, 0, NULL, 0);
	was_ready |= ready > 0;
	return ready;
}

/* ---- threads */

struct start {
	void *(*work)(void *user);
	void *user;
};

static void *
work(void *user)
{
	struct start start = *(struct start *) user;
	void *result;

	free(user);
	result = start.work(start.user);
	atomic_fetch_sub(&threads, 1);
	return result;
}

WRAP(int, pthread_create, pthread_t *ret_thread, const pthread_attr_t *attr,
     void *(*run)(void *user), void *user)
{
	struct start *start;
	int error;

	if (strikes(CALL_pthread_create)) {
		return current.error;
	}
	start = malloc(sizeof(*start));
	if (start == NULL) {
		return ENOMEM;
	}
	*start = (struct start){run, user};
	atomic_fetch_add(&threads, 1);
	error = __real_pthread_create(ret_thread, attr, work, start);
	if (error != 0) {
		atomic_fetch_sub(&threads, 1);
		free(start);
	}
	return error;
}

/* Of the resolver's thread, or of whoever listens. One resolves at a time, so
 * nobody counts beside it. */
WRAP(int, getaddrinfo, const char *host, const char *service,
     const struct addrinfo *hints, struct addrinfo **ret_list)
{
	if (atomic_load(&armed_elsewhere) && current.call == CALL_getaddrinfo &&
	    count_down()) {
		return current.error;
	}
	return __real_getaddrinfo(host, service, hints, ret_list);
}

unsigned
faults_threads(void)
{
	return atomic_load(&threads);
}

/* ---- the clock */

__attribute__((visibility("default"))) int
clock_gettime(clockid_t clock, struct timespec *ret_now)
{
	static struct timespec began;

	if (clock == CLOCK_REALTIME) {
		return (int) syscall(SYS_clock_gettime, clock, ret_now);
	}
	if (began.tv_sec == 0) {
		(void) syscall(SYS_clock_gettime, CLOCK_BOOTTIME, &began);
	}
	ret_now->tv_sec = began.tv_sec + (time_t) (ahead_ns / 1000000000);
	ret_now->tv_nsec = (long) (ahead_ns % 1000000000);
	return 0;
}

void
faults_pass_time(unsigned ms)
{
	ahead_ns += (uint64_t) ms * 1000000;
}

size_t
faults_progress(void)
{
	return progress;
}

bool
faults_was_ready(void)
{
	bool ready = was_ready;

	was_ready = false;
	return ready;
}
