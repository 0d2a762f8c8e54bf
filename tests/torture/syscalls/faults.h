/* SPDX-License-Identifier: MIT */
/*
 * torture/syscalls/faults.h - system calls that fail when they are told to
 *
 * The linker leads the calls of broker/net here (--wrap), and those of
 * libevent, which has them from a library of its own, find ours before the C
 * library's. Only calls of the thread that armed a fault fail, but for those
 * that the resolver's threads make.
 */
#ifndef WALDO_TORTURE_FAULTS_H
#define WALDO_TORTURE_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

/* Each that the net layer makes, or libevent on its behalf. */
#define FAULT_CALLS(CALL)                                                      \
	CALL(socket)                                                           \
	CALL(socketpair)                                                       \
	CALL(bind)                                                             \
	CALL(listen)                                                           \
	CALL(accept4)                                                          \
	CALL(connect)                                                          \
	CALL(getsockopt)                                                       \
	CALL(setsockopt)                                                       \
	CALL(getsockname)                                                      \
	CALL(fcntl)                                                            \
	CALL(recv)                                                             \
	CALL(send)                                                             \
	CALL(sendmsg)                                                          \
	CALL(shutdown)                                                         \
	CALL(close)                                                            \
	CALL(open)                                                             \
	CALL(fopen)                                                            \
	CALL(opendir)                                                          \
	CALL(readlink)                                                         \
	CALL(lstat)                                                            \
	CALL(unlink)                                                           \
	CALL(getcwd)                                                           \
	CALL(eventfd)                                                          \
	CALL(read)                                                             \
	CALL(write)                                                            \
	CALL(timerfd_create)                                                   \
	CALL(timerfd_settime)                                                  \
	CALL(epoll_create1)                                                    \
	CALL(epoll_ctl)                                                        \
	CALL(epoll_wait)                                                       \
	CALL(pthread_create)                                                   \
	CALL(getaddrinfo)                                                      \
	CALL(malloc) /* and its kin: sim/memory.h lets them fail */

#define FAULT_ENUM(name) CALL_##name,
enum fault_call { FAULT_CALLS(FAULT_ENUM) CALL_COUNT };

enum fault_how {
	FAULT_ERROR, /* nothing is done, and `error` told */
	FAULT_DONE,  /* it is done, and `error` told all the same */
	FAULT_SHORT, /* one byte alone is sent or received */
	FAULT_END    /* the end of the file, though it is not */
};

struct fault {
	enum fault_call call;
	enum fault_how how;
	int error;
	bool harmless; /* if it comes once, nobody must notice */
	bool lasting;  /* may it fail so for ever? */
};

/* The n-th call from now on fails, with `all` those behind it too. */
void faults_arm(const struct fault *fault, unsigned nth, bool all);

/* No more; how often it did. */
unsigned faults_disarm(void);
unsigned faults_struck(void);

const char *fault_call_name(enum fault_call call);

/* ---- for whoever drives the nodes */

/* A clock that stands still, ahead of the machine's; and all move on. */
void faults_pass_time(unsigned ms);

/* Grows with each byte, link or task that went somewhere. */
size_t faults_progress(void);

/* Descriptors that were ready in vain: epoll_wait() told of them, and then
 * nothing went anywhere. */
bool faults_was_ready(void);

/* Threads that are at work: the resolver's. */
unsigned faults_threads(void);

#endif
