/* SPDX-License-Identifier: MIT */
#include "world/world.h"
#include "broker/driver.h"

#include <stdio.h>

static char wrong[200];

static const char *
say(const char *what, size_t i)
{
	(void) snprintf(wrong, sizeof(wrong), "%s %zu", what, i);
	return wrong;
}

/* Promises 1 and 2 of DESIGN.md section 5. */
static const char *
check_outcome(const struct outcome *o, bool failed, bool closed)
{
	size_t number = (size_t) o->number;
	bool may_be_open = o->at_end && !closed;

	if (o->settled > 1 || o->runs > 1) {
		return say("settled or run twice: call", number);
	}
	if (o->not_ours) {
		return NULL;
	}
	if (o->registered && o->settled == 0 && !may_be_open) {
		return say("never settled: call", number);
	}
	if (!o->registered && o->settled > 0) {
		return say("settled though it could not be made: call", number);
	}
	if (o->settled > 0 && o->code != WALDO_OK &&
	    o->fate == WALDO_NOT_SENT && o->runs > 0) {
		return say("ran, and was said not to: call", number);
	}
	if (o->settled > 0 && o->code == WALDO_OK && o->runs == 0 &&
	    !o->unseen) {
		return say("has a result, and did not run: call", number);
	}
	if (!failed && !may_be_open &&
	    (o->settled != 1 || o->code != o->want)) {
		return say("came out otherwise, though memory lasted: call",
		           number);
	}
	return NULL;
}

static const char *
check_outcomes(const struct world *w, bool failed, bool closed)
{
	const char *bad = NULL;

	for (size_t i = 0; i < w->outcome_count && bad == NULL; i++) {
		bad = check_outcome(&w->outcomes[i], failed, closed);
	}
	return bad;
}

/* `most`: exports and imports that the world still holds. */
static const char *
check_node(const waldo_node *node, size_t most)
{
	waldoi_counts counts;

	if (node == NULL) {
		return NULL;
	}
	waldoi_node_count(node, &counts);
	if (counts.exports > most || counts.imports > most) {
		return say("a session keeps references, more than", most);
	}
	if (counts.promises > 0 || counts.calls > 0 || counts.tasks > 0) {
		return say("a node keeps promises, calls or tasks:",
		           counts.promises + counts.calls + counts.tasks);
	}
	if (most == 0 &&
	    (counts.sessions > 0 || counts.timers > 0 || counts.bytes > 0)) {
		return say("a node keeps sessions, timers or bytes:",
		           counts.sessions + counts.timers + counts.bytes);
	}
	return NULL;
}

static const char *
check_nodes(const struct world *w, size_t most)
{
	const char *bad = check_node(w->server, most);

	if (bad == NULL) {
		bad = check_node(w->client, most);
	}
	return bad != NULL ? bad : check_node(w->third, most);
}

const char *
world_release(struct world *w)
{
	const char *bad;

	stop_watches(w);
	answer_held(w);
	world_release_refs(w);
	world_settle();
	bad = check_nodes(w, 1); /* the gate */
	waldo_ref_release(w->gate);
	w->gate = NULL;
	world_settle();
	return bad != NULL ? bad : check_nodes(w, 0);
}

const char *
world_check_settled(const struct world *w, bool failed)
{
	for (size_t i = 0; i < w->watch_count; i++) {
		const struct watch *watch = &w->watches[i];

		if (!watch->stopped &&
		    watch->told != (watch->registered ? 1 : 0)) {
			return say("not told once: watch", i);
		}
		if (!failed && !watch->registered) {
			return say("refused, though memory lasted: watch", i);
		}
	}
	if (w->broken) {
		return "a node broke the protocol";
	}
	if (w->stopping && waldo_node_is_running(w->server)) {
		return "the server does not stop";
	}
	return check_outcomes(w, failed, false);
}

const char *
world_check_closed(const struct world *w)
{
	for (size_t i = 0; i < w->loan_count; i++) {
		if (w->loans[i].done != 1) {
			return say("not given back once: loan", i);
		}
	}
	for (size_t i = 0; i < w->service_count; i++) {
		if (w->services[i].made && w->services[i].destroyed != 1) {
			return say("not destroyed once: object", i);
		}
	}
	return check_outcomes(w, true, true);
}
