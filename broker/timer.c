/* SPDX-License-Identifier: MIT */
#include "broker/timer.h"

/* Both are roots without siblings; either may be NULL. What becomes of the
 * `prev` of the one that stays a root is for the caller to say. */
static waldoi_timer *
meld(waldoi_timer *a, waldoi_timer *b)
{
	if (a == NULL || b == NULL) {
		return a == NULL ? b : a;
	}
	if (b->at < a->at) {
		waldoi_timer *swap = a;

		a = b;
		b = swap;
	}
	b->next = a->child;
	if (b->next != NULL) {
		b->next->prev = b;
	}
	b->prev = a;
	a->child = b;
	return a;
}

/* Melds the siblings from `first` on: in pairs from the left, then all from
 * the right. Without recursion, since there may be many. */
static waldoi_timer *
meld_siblings(waldoi_timer *first)
{
	waldoi_timer *pairs = NULL, *root = NULL;

	while (first != NULL) {
		waldoi_timer *a = first, *b = a->next;

		first = b == NULL ? NULL : b->next;
		a->next = a->prev = NULL;
		if (b != NULL) {
			b->next = b->prev = NULL;
		}
		a = meld(a, b);
		a->next = pairs;
		pairs = a;
	}
	while (pairs != NULL) {
		waldoi_timer *next = pairs->next;

		pairs->next = NULL;
		root = meld(root, pairs);
		pairs = next;
	}
	return root;
}

static void
detach(waldoi_timer *timer)
{
	if (timer->prev->child == timer) {
		timer->prev->child = timer->next;
	} else {
		timer->prev->next = timer->next;
	}
	if (timer->next != NULL) {
		timer->next->prev = timer->prev;
	}
	timer->next = timer->prev = NULL;
}

static void
set_root(waldoi_timers *timers, waldoi_timer *root)
{
	timers->root = root;
	if (root != NULL) {
		root->prev = root;
	}
}

void
waldoi_timers_remove(waldoi_timers *timers, waldoi_timer *timer)
{
	waldoi_timer *rest = meld_siblings(timer->child);

	if (timer == timers->root) {
		set_root(timers, rest);
	} else {
		detach(timer);
		set_root(timers, meld(timers->root, rest));
	}
	timer->child = timer->prev = NULL;
	timers->count--;
}

void
waldoi_timer_arm(waldoi_timers *timers, waldoi_timer *timer, uint64_t at,
                 void (*fire)(waldoi_timer *timer))
{
	waldoi_timer_stop(timers, timer);
	*timer = (waldoi_timer){.at = at, .fire = fire};
	set_root(timers, meld(timers->root, timer));
	timers->count++;
}

uint64_t
waldoi_timers_next(const waldoi_timers *timers)
{
	return timers->root == NULL ? WALDOI_NEVER : timers->root->at;
}

waldoi_timer *
waldoi_timers_pop(waldoi_timers *timers, uint64_t now)
{
	waldoi_timer *first = timers->root;

	if (first == NULL || first->at > now) {
		return NULL;
	}
	waldoi_timer_stop(timers, first);
	return first;
}
