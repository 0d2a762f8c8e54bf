/* SPDX-License-Identifier: MIT */
/* Chance, lists, and what happens next. */
#include "sim/sim.h"

#include <string.h>

/* ---- chance (splitmix64) */

uint64_t
sim_random(sim_rng *rng)
{
	uint64_t z = (rng->state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint32_t
sim_below(sim_world *world, uint32_t n)
{
	return (uint32_t) ((sim_random(&world->rng) >> 32) * n >> 32);
}

bool
sim_chance(sim_world *world, uint32_t percent)
{
	return sim_below(world, 100) < percent;
}

/* ---- lists */

void
sim_list_add(sim_list *list, void *item)
{
	if (list->count == list->cap) {
		unsigned cap = list->cap * 2 + 8;
		void **items = sim_alloc(cap * sizeof(*items));

		if (list->count > 0) {
			memcpy(items, list->items,
			       list->count * sizeof(*items));
		}
		list->items = items;
		list->cap = cap;
	}
	list->items[list->count++] = item;
}

bool
sim_list_drop(sim_list *list, const void *item)
{
	for (unsigned i = 0; i < list->count; i++) {
		if (list->items[i] == item) {
			list->count--;
			memmove(&list->items[i], &list->items[i + 1],
			        (list->count - i) * sizeof(*list->items));
			return true;
		}
	}
	return false;
}

void *
sim_list_pick(sim_world *world, const sim_list *list)
{
	return list->count == 0 ? NULL
	                        : list->items[sim_below(world, list->count)];
}

/* ---- events: a binary heap, by time and then by order */

static bool
comes_before(const sim_event *a, const sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void
swap(sim_event *a, sim_event *b)
{
	sim_event c = *a;

	*a = *b;
	*b = c;
}

void
sim_at(sim_world *world, uint64_t at, void (*run)(void *, uint64_t), void *what,
       uint64_t arg)
{
	size_t i = world->event_count++;
	sim_event *events = world->events;

	if (i == world->event_cap) {
		world->event_cap = world->event_cap * 2 + 256;
		events = sim_alloc(world->event_cap * sizeof(*events));
		if (i > 0) {
			memcpy(events, world->events, i * sizeof(*events));
		}
		world->events = events;
	}
	events[i] = (sim_event){at, world->order++, run, what, arg};
	while (i > 0 && comes_before(&events[i], &events[(i - 1) / 2])) {
		swap(&events[i], &events[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
}

sim_event
sim_next_event(sim_world *world)
{
	sim_event *events = world->events;
	sim_event first = events[0];
	size_t i = 0;

	events[0] = events[--world->event_count];
	while (true) {
		size_t least = i, left = 2 * i + 1;

		for (size_t k = left; k < left + 2; k++) {
			if (k < world->event_count &&
			    comes_before(&events[k], &events[least])) {
				least = k;
			}
		}
		if (least == i) {
			return first;
		}
		swap(&events[i], &events[least]);
		i = least;
	}
}
