/* SPDX-License-Identifier: MIT */
#include "broker/watch.h"
#include "serial/api.h"

#include <stdlib.h>

static waldo_watch *
new_watch(waldo_node *node, void *user, waldo_watch **ret_watch)
{
	waldo_watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL) {
		return NULL;
	}
	watch->node = node;
	watch->user = user;
	watch->owned = ret_watch != NULL;
	return watch;
}

static void
unlist(waldo_watch *watch)
{
	if (watch->on != NULL) {
		TAILQ_REMOVE(&watch->on->watches, watch, ref_entry);
		watch->on = NULL;
	}
	if (watch->task != NULL || watch->room) {
		LIST_REMOVE(watch, entry);
		watch->task = NULL;
		watch->room = false;
	}
}

/* Nothing will be told any more; frees it if nobody has the handle. */
static void
finish(waldo_watch *watch)
{
	waldo_ref *ref = watch->ref;
	bool owned = watch->owned;

	unlist(watch);
	waldoi_runqueue_remove(&watch->job);
	if (watch->node != NULL) {
		waldoi_timer_stop(&watch->node->timers, &watch->timer);
	}
	watch->stopped = true;
	watch->ref = NULL;
	if (!owned) {
		free(watch);
	}
	waldo_ref_release(
	    ref); /* may destroy an object, which may do anything */
}

WALDO_API void
waldo_watch_stop(waldo_watch *watch)
{
	if (watch == NULL) {
		return;
	}
	watch->owned = false;
	finish(watch);
}

void
waldoi_watch_orphan(waldo_watch *watch)
{
	waldoi_timer_stop(&watch->node->timers, &watch->timer);
	watch->node = NULL;
	finish(watch);
}

/* ---- of a reference */

static void
tell(waldoi_job *job)
{
	waldo_watch *watch = waldoi_container_of(job, waldo_watch, job);
	waldo_node *node = watch->node;
	waldo_ref *ref = waldo_ref_retain(watch->ref);
	waldo_ref_cb *changed = watch->changed;
	void *user = watch->user;

	/* The callback may stop the watch, so all that is needed behind it is
	 * decided here. */
	if (watch->tell_settled) {
		watch->tell_settled = false;
		if (watch->tell_broken) {
			waldoi_node_queue(node, &watch->job, tell);
		}
		node->callbacks++;
		changed(ref, watch->settled, user);
		node->callbacks--;
	} else {
		/* It is broken, or there is room. */
		finish(watch);
		node->callbacks++;
		changed(ref, waldo_ref_get_state(ref), user);
		node->callbacks--;
	}
	waldo_ref_release(ref);
}

static void
note(waldo_watch *watch, waldo_state state)
{
	if (state == WALDO_BROKEN) {
		watch->tell_broken = true;
		unlist(watch);
	} else if (watch->room) {
		waldoi_node_look_for_room(watch->node); /* on another way */
		return;
	} else {
		watch->tell_settled = true;
		watch->settled = (uint8_t) state;
	}
	waldoi_node_queue(watch->node, &watch->job, tell);
}

static waldo_err
watch_ref(waldo_ref *ref, waldo_ref_cb *cb, void *user, bool room,
          waldo_watch **ret_watch)
{
	waldo_ref *end = waldoi_ref_follow(ref);
	waldo_watch *watch;

	if (ref == NULL || cb == NULL || ref->node == NULL) {
		return WALDO_EINVAL;
	}
	watch = new_watch(ref->node, user, ret_watch);
	if (watch == NULL) {
		return waldoi_node_fail(ref->node, WALDO_ENOMEM,
		                        "out of memory");
	}
	watch->changed = cb;
	watch->ref = waldo_ref_retain(ref);
	TAILQ_INSERT_TAIL(&end->watches, watch, ref_entry);
	watch->on = end;
	watch->room = room;
	if (room) {
		LIST_INSERT_HEAD(&ref->node->rooms, watch, entry);
		waldoi_node_look_for_room(ref->node);
	}
	if (end->state == WALDO_BROKEN) {
		note(watch, WALDO_BROKEN);
	}
	if (ret_watch != NULL) {
		*ret_watch = watch;
	}
	return WALDO_OK;
}

WALDO_API waldo_err
waldo_ref_watch(waldo_ref *ref, waldo_ref_cb *cb, void *user,
                waldo_watch **ret_watch)
{
	return watch_ref(ref, cb, user, false, ret_watch);
}

void
waldoi_watches_tell(waldo_ref *ref, waldo_state state)
{
	waldo_watch *watch, *next;

	/* Only queues, so that nothing changes the list beneath us. */
	for (watch = TAILQ_FIRST(&ref->watches); watch != NULL; watch = next) {
		next = TAILQ_NEXT(watch, ref_entry);
		note(watch, state);
	}
}

void
waldoi_watches_move(waldo_ref *from, waldo_ref *to)
{
	waldo_watch *watch;

	while ((watch = TAILQ_FIRST(&from->watches)) != NULL) {
		TAILQ_REMOVE(&from->watches, watch, ref_entry);
		TAILQ_INSERT_TAIL(&to->watches, watch, ref_entry);
		watch->on = to;
		if (to->state == WALDO_BROKEN) {
			note(watch, WALDO_BROKEN);
		}
	}
}

void
waldoi_watches_drop(waldo_ref *ref)
{
	waldo_watch *watch;

	while ((watch = TAILQ_FIRST(&ref->watches)) != NULL) {
		waldoi_watch_orphan(watch);
	}
}

/* ---- of room */

/* The callbacks before this one may have filled what there was. */
static void
tell_room(waldoi_job *job)
{
	waldo_watch *watch = waldoi_container_of(job, waldo_watch, job);

	if (watch->on == NULL || watch->on->ops->has_room(watch->on)) {
		tell(job);
	}
}

static void
look_for_room(waldoi_job *job)
{
	waldo_node *node = waldoi_container_of(job, waldo_node, rooms_job);
	waldo_watch *watch;

	LIST_FOREACH(watch, &node->rooms, entry) {
		if (watch->on->ops->has_room(watch->on)) {
			waldoi_node_queue(node, &watch->job, tell_room);
		}
	}
}

void
waldoi_node_look_for_room(waldo_node *node)
{
	waldoi_node_queue(node, &node->rooms_job, look_for_room);
}

WALDO_API waldo_err
waldo_ref_watch_room(waldo_ref *ref, waldo_ref_cb *cb, void *user,
                     waldo_watch **ret_watch)
{
	return watch_ref(ref, cb, user, true, ret_watch);
}

/* ---- of a time */

static void
due(waldoi_timer *timer)
{
	waldo_watch *watch = waldoi_container_of(timer, waldo_watch, timer);
	waldo_node *node = watch->node;
	waldo_task_cb *task = watch->task;
	void *user = watch->user;

	finish(watch);
	node->callbacks++;
	task(user);
	node->callbacks--;
}

WALDO_API waldo_err
waldo_node_after(waldo_node *node, uint32_t delay_ms, waldo_task_cb *cb,
                 void *user, waldo_watch **ret_watch)
{
	waldo_watch *watch;

	if (node == NULL || cb == NULL) {
		return WALDO_EINVAL;
	}
	watch = new_watch(node, user, ret_watch);
	if (watch == NULL) {
		return waldoi_node_fail(node, WALDO_ENOMEM, "out of memory");
	}
	watch->task = cb;
	LIST_INSERT_HEAD(&node->afters, watch, entry);
	waldoi_node_arm(node, &watch->timer,
	                waldoi_node_clock(node) + 1 + delay_ms * UINT64_C(1000),
	                due);
	if (ret_watch != NULL) {
		*ret_watch = watch;
	}
	return WALDO_OK;
}
