/* SPDX-License-Identifier: MIT */
/*
 * broker/watch.h - the inside of a watch
 *
 * Whoever asked for the handle owns it and stops it once, before or after it
 * fired; a watch without a handle is freed when it has told its last.
 */
#ifndef WALDOI_WATCH_H
#define WALDOI_WATCH_H

#include "broker/ref.h"

struct waldo_watch {
	waldo_node *node;              /* NULL once the node is gone */
	LIST_ENTRY(waldo_watch) entry; /* of its rooms or afters */
	waldoi_job job;                /* the telling */
	bool owned;                    /* the user has the handle */
	bool stopped;                  /* nothing is told any more */

	/* of a reference */
	bool room; /* it waits for room, and tells once */
	TAILQ_ENTRY(waldo_watch) ref_entry;
	waldo_ref *on;  /* what `ref` leads to, where it is listed; or NULL */
	waldo_ref *ref; /* as it was given; retained until the last word */
	waldo_ref_cb *changed;
	bool tell_settled; /* near or far, in `settled`, is still to be told */
	bool tell_broken;
	uint8_t settled;

	/* of a time */
	waldoi_timer timer;
	waldo_task_cb *task;

	void *user;
};

/* The node is going: nothing that has not been told will be. */
void waldoi_watch_orphan(waldo_watch *watch);

#endif
