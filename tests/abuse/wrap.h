/* SPDX-License-Identifier: MIT */
/*
 * abuse/wrap.h - system calls of the net layer, counted
 *
 * The linker leads them here (--wrap).
 */
#ifndef WALDO_ABUSE_WRAP_H
#define WALDO_ABUSE_WRAP_H

#include <stddef.h>
#include <stdint.h>

/* NULL: nobody is told. Of those that failed nobody is, either. */
extern void (*wrap_on_recv)(int fd, size_t len);
extern void (*wrap_on_accept)(int fd);
/* Before it sends. */
extern void (*wrap_on_send)(void);

/* How often each was made, in vain too. */
extern uint64_t wrap_recvs, wrap_sends;

#endif
