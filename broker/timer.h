/* SPDX-License-Identifier: MIT */
/*
 * broker/timer.h - what is to happen at a time
 *
 * A pairing heap of timers that live inside what they belong to: arming one
 * cannot fail, and costs nothing that depends on how many there are but the
 * logarithm.
 */
#ifndef WALDOI_TIMER_H
#define WALDOI_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WALDOI_NEVER UINT64_MAX

typedef struct waldoi_timer waldoi_timer;
struct waldoi_timer {
	uint64_t at; /* microseconds, the driver's clock */
	void (*fire)(waldoi_timer *timer);
	waldoi_timer *child, *next; /* first child; next sibling */
	waldoi_timer *prev; /* sibling before, or the parent; the root itself;
	                     * NULL: not armed */
};

typedef struct waldoi_timers {
	waldoi_timer *root;
	size_t count;
} waldoi_timers;

/* Not armed; zeroed is that, too. */
static inline void
waldoi_timer_init(waldoi_timer *timer)
{
	timer->prev = NULL;
}

static inline bool
waldoi_timer_is_armed(const waldoi_timer *timer)
{
	return timer->prev != NULL;
}

/* Re-arms a timer that is armed. */
void waldoi_timer_arm(waldoi_timers *timers, waldoi_timer *timer, uint64_t at,
                      void (*fire)(waldoi_timer *timer));

void waldoi_timers_remove(waldoi_timers *timers, waldoi_timer *timer);

/* Nothing happens if it is not armed. */
static inline void
waldoi_timer_stop(waldoi_timers *timers, waldoi_timer *timer)
{
	if (waldoi_timer_is_armed(timer)) {
		waldoi_timers_remove(timers, timer);
	}
}

/* When the first is due; WALDOI_NEVER if there is none. */
uint64_t waldoi_timers_next(const waldoi_timers *timers);

/* Takes the first out if it is due at `now`; the caller fires it. */
waldoi_timer *waldoi_timers_pop(waldoi_timers *timers, uint64_t now);

#endif
