/* SPDX-License-Identifier: MIT */
/* Who holds what, for people. */
#include "broker/line.h"
#include "broker/object.h"
#include "broker/session/session.h"
#include "serial/api.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct dump {
	const waldo_node *node;
	uint64_t now;
	void (*line)(const char *line, void *user);
	void *user;
} dump;

/* The lists have what is newest first; people read what is oldest first. */
#define newer(head, item, type, field)                                         \
	((item)->field.le_prev == &(head)->lh_first                            \
	     ? NULL                                                            \
	     : waldoi_container_of((item)->field.le_prev, type,                \
	                           field.le_next))

/* ---- lines */

static void
begin(waldoi_line *l, int level)
{
	l->len = 0;
	waldoi_line_add(l, "%*s", 2 * level, "");
}

static void
end(const dump *d, waldoi_line *l)
{
	d->line(waldoi_line_end(l), d->user);
}

#define say(d, level, ...)                                                     \
	do {                                                                   \
		waldoi_line l_;                                                \
		begin(&l_, level);                                             \
		waldoi_line_add(&l_, __VA_ARGS__);                             \
		end(d, &l_);                                                   \
	} while (0)

static void
add_age(waldoi_line *l, const dump *d, uint64_t since)
{
	uint64_t ms = since < d->now ? (d->now - since) / 1000 : 0;

	waldoi_line_add(l, ", %" PRIu64 ".%03u s", ms / 1000,
	                (unsigned) (ms % 1000));
}

static const char *
address_of(const waldoi_session *session)
{
	return session->caller->address != NULL
	           ? session->caller->address
	           : waldoi_session_get_peer(session)->address;
}

static void
add_ref(waldoi_line *l, const waldo_ref *ref)
{
	const waldo_ref *end = waldoi_ref_follow(ref);
	const waldoi_session *session = waldoi_import_session(end);
	const waldoi_object *object;
	int64_t id = 0;

	if (end == NULL) {
		waldoi_line_add(l, "nothing");
		return;
	}
	object = waldoi_object_of(end);
	if (end->state == WALDO_BROKEN) {
		waldoi_line_add(l, "a broken reference (%s)",
		                end->failure->pub.message);
	} else if (object != NULL) {
		waldoi_line_add(l, "%s", object->kind->name);
	} else if (session != NULL && waldoi_import_id(session, end, &id)) {
		waldoi_line_add(l, "%" PRId64 " of %s", id,
		                address_of(session));
	} else {
		waldoi_line_add(l, "a result that is not there yet");
	}
}

/* ---- tables, in the order in which their ids were given */

static int
compare_slots(const void *a, const void *b)
{
	int64_t x = (int64_t) ((const waldoi_slot *) a)->key;
	int64_t y = (int64_t) ((const waldoi_slot *) b)->key;

	/* Exports count downwards; both sides' may stand in no one table. */
	x = x < 0 ? -x : x;
	y = y < 0 ? -y : y;
	return (x > y) - (x < y);
}

/* Has `say_slot` tell of each, below a line that says how many there are. */
static waldoi_slot *
begin_table(const dump *d, const char *title, uint32_t count)
{
	waldoi_slot *slots;

	if (count == 0) {
		return NULL;
	}
	say(d, 2, "%s: %u", title, count);
	slots = malloc(count * sizeof(*slots));
	if (slots == NULL) {
		say(d, 3, "out of memory: they are not told");
	}
	return slots;
}

static void
end_table(const dump *d, waldoi_slot *slots, size_t count,
          void (*say_slot)(const dump *d, const waldoi_slot *slot))
{
	qsort(slots, count, sizeof(*slots), compare_slots);
	for (size_t i = 0; i < count; i++) {
		say_slot(d, &slots[i]);
	}
	free(slots);
}

static void
dump_table(const dump *d, const char *title, const waldoi_table *table,
           void (*say_slot)(const dump *d, const waldoi_slot *slot))
{
	waldoi_slot *slots = begin_table(d, title, table->count);
	const waldoi_slot *slot;
	size_t count = 0;
	uint32_t at = 0;

	if (slots == NULL) {
		return;
	}
	while ((slot = waldoi_table_next(table, &at)) != NULL) {
		slots[count++] = *slot;
	}
	end_table(d, slots, count, say_slot);
}

static void
say_export(const dump *d, const waldoi_slot *slot)
{
	const waldoi_export *export = slot->value;
	waldoi_line l;

	begin(&l, 3);
	waldoi_line_add(&l, "%" PRId64 " ", export->id);
	add_ref(&l, export->ref);
	waldoi_line_add(&l, "%s, mentioned %" PRIu64,
	                export->promise ? ", a promise" : "",
	                (uint64_t) export->sent);
	end(d, &l);
}

static void
say_import(const dump *d, const waldoi_slot *slot)
{
	const waldo_ref *ref = slot->value;
	waldoi_line l;

	begin(&l, 3);
	waldoi_line_add(&l, "%" PRId64, (int64_t) slot->key);
	if (ref->target != NULL) {
		waldoi_line_add(&l, ", now ");
		add_ref(&l, ref);
	} else if (ref->state == WALDO_PENDING) {
		waldoi_line_add(&l, ", a promise");
	}
	waldoi_line_add(&l, ", mentioned %" PRIu64 ", held %" PRIu32,
	                waldoi_import_received(ref), ref->count);
	end(d, &l);
}

/* ---- calls */

static void
say_our_call(const dump *d, const waldoi_slot *slot)
{
	const waldo_promise *promise = slot->value;
	const char *method;
	waldoi_line l;

	begin(&l, 3);
	waldoi_line_add(&l, "%" PRId64, promise->id);
	method = waldoi_names_out_get(&promise->session->caller->names_out,
	                              promise->method_number);
	if (method != NULL) {
		waldoi_line_add(&l, " %s", method);
	}
	if (promise->settled != WALDOI_OPEN) {
		waldoi_line_add(&l, ", given up");
	}
	add_age(&l, d, promise->since);
	end(d, &l);
}

static void
dump_our_calls(const dump *d, const waldoi_calls *calls)
{
	waldoi_slot *slots = begin_table(d, "calls of ours", calls->count);
	waldo_promise *promise;
	size_t count = 0;
	uint32_t at = 0;

	if (slots == NULL) {
		return;
	}
	while ((promise = waldoi_calls_next(calls, &at)) != NULL) {
		slots[count++] = (waldoi_slot){(uint64_t) promise->id, promise};
	}
	end_table(d, slots, count, say_our_call);
}

/* Calls of ours that have no id yet, or will have none. */
static void
dump_other_calls(const dump *d, const waldoi_session *session)
{
	const waldo_request *request;
	const waldo_promise *promise;
	size_t flushes = 0;

	TAILQ_FOREACH(request, &session->caller->waiting_flushes, entry) {
		flushes++;
	}
	if (flushes > 0) {
		say(d, 2, "flushes that wait for a slot or credit: %zu",
		    flushes);
	}
	if (!TAILQ_EMPTY(&session->caller->waiting)) {
		say(d, 2, "calls of ours that wait for HELLO or credit:");
	}
	TAILQ_FOREACH(request, &session->caller->waiting, entry) {
		waldoi_line l;

		begin(&l, 3);
		waldoi_line_add(&l, "%s", request->method->text);
		if (request->promise != NULL) {
			add_age(&l, d, request->promise->since);
		}
		end(d, &l);
	}
	if (!TAILQ_EMPTY(&session->caller->one_way)) {
		say(d, 2, "one-way calls of ours that are not acknowledged:");
	}
	TAILQ_FOREACH(promise, &session->caller->one_way, one_way) {
		waldoi_line l;

		begin(&l, 3);
		waldoi_line_add(&l, "frame %" PRIu64, promise->frame);
		add_age(&l, d, promise->since);
		end(d, &l);
	}
}

static const char *
phase_of(const waldo_call *call)
{
	switch (call->phase) {
	case WALDOI_WAITING:
		return call->window_bytes > 0 ? "paused until its peer reads"
		                              : "waiting";
	case WALDOI_RUNNING: return "running";
	case WALDOI_DEFERRED:
		return call->following != NULL ? "following another"
		                               : "deferred";
	case WALDOI_KEPT: return "answered, its result is kept";
	default: return "answered";
	}
}

static void
say_call(const dump *d, int level, const waldo_call *call)
{
	waldoi_line l;

	begin(&l, level);
	if (call->session == NULL) {
		waldoi_line_add(&l, "%s", call->remote ? "left" : "near");
	} else if (call->id == 0) {
		/* Who was answered before the method was ready is not one. */
		waldoi_line_add(&l, call->gave_up ? "over" : "one-way");
	} else {
		waldoi_line_add(&l, "%" PRId64, call->id);
	}
	waldoi_line_add(&l, " %s", call->method->text);
	if (call->target != NULL) {
		waldoi_line_add(&l, " of ");
		add_ref(&l, call->target);
	}
	waldoi_line_add(&l, ", %s%s", phase_of(call),
	                call->gave_up     ? ", nobody waits for it"
	                : call->cancelled ? ", cancelled"
	                                  : "");
	add_age(&l, d, call->since);
	end(d, &l);
}

static void
dump_peers_calls(const dump *d, const waldoi_session *session)
{
	const waldo_call *call, *oldest = NULL;

	LIST_FOREACH(call, &session->incoming, session_entry) {
		oldest = call;
	}
	if (oldest != NULL) {
		say(d, 2, "calls of the peer's: %" PRIu32,
		    session->incoming_count);
	}
	for (call = oldest; call != NULL;
	     call = newer(&session->incoming, call, const waldo_call,
	                  session_entry)) {
		say_call(d, 3, call);
	}
}

/* Those of this very node, and those whose session has ended. */
static void
dump_near_calls(const dump *d)
{
	const waldo_call *call, *oldest = NULL;
	size_t count = 0;

	LIST_FOREACH(call, &d->node->calls, entry) {
		count += call->session == NULL;
		oldest = call;
	}
	if (count > 0) {
		say(d, 1, "calls without a session: %zu", count);
	}
	for (call = oldest; call != NULL;
	     call = newer(&d->node->calls, call, const waldo_call, entry)) {
		if (call->session == NULL) {
			say_call(d, 2, call);
		}
	}
}

/* ---- sessions */

static void
add_state(waldoi_line *l, const waldoi_session *session)
{
	switch (session->state) {
	case WALDOI_OPEN_SESSION:
		waldoi_line_add(l, session->greeted
		                       ? ", open"
		                       : ", open, it has not said HELLO");
		break;
	case WALDOI_ENDING: waldoi_line_add(l, ", ending"); break;
	default: waldoi_line_add(l, ", closing"); break;
	}
	if (session->why != NULL) {
		waldoi_line_add(l, ": %s", session->why->pub.message);
	}
}

static void
say_session(const dump *d, const waldoi_session *session)
{
	const waldo_peer *peer = waldoi_session_get_peer(session);
	waldoi_line l;

	begin(&l, 1);
	waldoi_line_add(&l, "session, %s %s",
	                session->initiator ? "dialled" : "accepted from",
	                address_of(session));
	if (peer->pid >= 0) {
		waldoi_line_add(&l, " (user %" PRId64 ", process %" PRId64 ")",
		                peer->uid, peer->pid);
	}
	add_state(&l, session);
	add_age(&l, d, session->heard);
	waldoi_line_add(&l, " since it was heard");
	end(d, &l);
}

static void
dump_session(const dump *d, const waldoi_session *session)
{
	const waldoi_output *out = &session->out;
	const waldoi_peer_limits *peer = &session->peer;

	say_session(d, session);
	say(d, 2,
	    "frames: %" PRIu64 " applied, %" PRIu64 " acknowledged; of ours "
	    "%" PRIu64 " queued, %" PRIu64 " sent, %" PRIu64 " acknowledged",
	    session->applied, session->told, out->frames, out->sent,
	    session->acked);
	say(d, 2,
	    "bytes: %zu unsent, %zu retained, %zu waiting, %zu parked, %zu "
	    "received in part",
	    out->unsent, out->retained, session->caller->waiting_bytes,
	    session->parked_bytes, waldoi_cutter_owned(&session->in));
	say(d, 2,
	    "call windows: of ours %" PRIu64 " of %" PRIu64 " used, of the "
	    "peer's %" PRIu64 " of %" PRIu64 ", %zu bytes paused",
	    session->caller->window_used, session->window_total,
	    session->window_taken, session->window_told,
	    waldoi_session_paused_bytes(session));
	say(d, 2,
	    "the peer takes: message_bytes %u, depth %u, open_calls %u, "
	    "imports %u, refs_per_message %u, names %u",
	    peer->max_frame, peer->max_depth, peer->open_calls, peer->exports,
	    peer->refs_per_message, peer->names);
	dump_table(d, "exports", &session->exports, say_export);
	dump_table(d, "imports", &session->caller->imports, say_import);
	dump_our_calls(d, &session->caller->calls);
	dump_other_calls(d, session);
	dump_peers_calls(d, session);
}

static void
dump_sessions(const dump *d)
{
	const waldoi_session *session, *oldest = NULL;

	LIST_FOREACH(session, &d->node->sessions, entry) {
		oldest = session;
	}
	for (session = oldest; session != NULL;
	     session = newer(&d->node->sessions, session, const waldoi_session,
	                     entry)) {
		dump_session(d, session);
	}
}

/* ---- the node */

static const char *
state_of(const waldo_node *node)
{
	return node->freeing    ? ", being freed"
	       : node->stopped  ? ", stopped"
	       : node->stopping ? ", stopping"
	                        : "";
}

WALDO_API void
waldo_node_dump(const waldo_node *node,
                void (*line)(const char *line, void *user), void *user)
{
	dump d = {node, 0, line, user};
	const waldo_listener *listener;

	if (node == NULL || line == NULL) {
		return;
	}
	d.now =
	    node->entered ? node->now : node->driver->now(node->driver_data);
	say(&d, 0,
	    "node%s: sessions %zu, objects %zu, references %zu, promises %zu, "
	    "calls %zu, timers %zu, tasks %zu, bytes %zu of %zu",
	    state_of(node), node->session_count, node->object_count,
	    node->ref_count, node->promise_count, node->call_count,
	    node->timers.count, node->jobs.count + node->next_jobs.count,
	    node->bytes, node->limits.total_bytes);
	TAILQ_FOREACH(listener, &node->listeners, entry) {
		if (!listener->closed) {
			say(&d, 1, "listens at %s", listener->uri);
		}
	}
	dump_near_calls(&d);
	dump_sessions(&d);
}
