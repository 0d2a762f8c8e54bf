/* SPDX-License-Identifier: MIT */
#include "broker/session/session.h"
#include "broker/session/dial.h"

#include <stdlib.h>
#include <string.h>

#define REFUSING 16  /* sessions beyond the limit, only to say so */
#define FEW      8   /* frames */
#define MORE     32  /* frames, when the first ones took no time */
#define MUCH     256 /* bytes in one, perhaps as many references */

/* PROTOCOL.md F21: what everybody may assume before the peer's HELLO. */
static const waldoi_peer_limits floor_limits = {
    .max_frame = 64 * 1024,
    .call_window = 64 * 1024,
    .max_depth = 16,
    .open_calls = 16,
    .exports = 64,
    .refs_per_message = 16,
    .names = 64,
    .idle_ms = 15000,
};

/* ---- making and freeing */

const waldoi_caller waldoi_no_caller = {0};

bool
waldoi_session_make_caller(waldoi_session *session)
{
	waldoi_caller *caller;

	if (waldoi_session_has_caller(session)) {
		return true;
	}
	caller = calloc(1, sizeof(*caller));
	if (caller == NULL) {
		return false;
	}
	waldoi_calls_init(&caller->calls);
	caller->next_call = session->initiator ? 1 : 2;
	waldoi_table_init(&caller->imports, session->node->secret);
	TAILQ_INIT(&caller->waiting);
	TAILQ_INIT(&caller->waiting_flushes);
	TAILQ_INIT(&caller->one_way);
	session->caller = caller;
	return true;
}

static void
free_caller(waldoi_session *session)
{
	if (waldoi_session_has_caller(session)) {
		waldoi_names_out_fini(&session->caller->names_out);
		waldoi_dial_end(session->caller->dialling);
		free(session->caller->address);
		free(session->caller);
	}
}

void
waldoi_session_set_limits(waldoi_session *session, waldo_limits *limits)
{
	const waldo_node *node = session->node;

	if (session->limits != &node->limits &&
	    session->limits != &node->strangers) {
		free((void *) (uintptr_t) session->limits);
	}
	session->limits = limits;
}

waldoi_session *
waldoi_session_new(waldo_node *node, bool initiator)
{
	size_t most = node->limits.sessions + (initiator ? 0 : REFUSING);
	waldoi_session *session;

	if (node->session_count >= most) {
		waldoi_node_set_message(node, "sessions: at most %u at a time",
		                        node->limits.sessions);
		return NULL;
	}
	session = calloc(1, sizeof(*session));
	if (session == NULL) {
		waldoi_node_set_message(node, "out of memory");
		return NULL;
	}
	session->node = node;
	session->initiator = initiator;
	session->caller = (waldoi_caller *) (uintptr_t) &waldoi_no_caller;
	session->limits = initiator ? &node->limits : &node->strangers;
	session->peer = floor_limits;
	session->window_total = session->peer.call_window;
	session->window_told = session->limits->call_window;
	session->last = session->never_ran = UINT64_MAX;
	session->next_export = initiator ? -1 : -2;
	session->peer_call = initiator ? 0 : -1;
	session->heard = session->spoke = waldoi_node_now(node);
	waldoi_cutter_init(&session->in,
	                   (uint32_t) session->limits->message_bytes);
	session->in.spares = &node->spares;
	waldoi_output_init(&session->out);
	session->out.max_retained = node->limits.retained_bytes;
	waldoi_table_init(&session->answers, 0);
	waldoi_table_init(&session->exports, node->secret);
	waldoi_table_init(&session->exported, node->secret);
	LIST_INIT(&session->incoming);
	LIST_INSERT_HEAD(&node->sessions, session, entry);
	node->session_count++;
	waldoi_session_set_timer(session);
	return session;
}

void
waldoi_session_undirty(waldoi_session *session)
{
	if (session->dirty) {
		TAILQ_REMOVE(&session->node->dirty, session, dirty_entry);
		session->dirty = false;
	}
}

void
waldoi_session_free(waldoi_session *session)
{
	waldo_node *node = session->node;

	waldoi_session_undirty(session);
	waldoi_runqueue_remove(&session->job);
	waldoi_session_keep_paused(session);
	waldoi_timer_stop(&node->timers, &session->timer);
	LIST_REMOVE(session, entry);
	node->session_count--;
	node->bytes -= waldoi_cutter_owned(&session->in);
	waldoi_cutter_fini(&session->in);
	waldoi_output_fini(&session->out, node);
	waldoi_names_in_fini(&session->names_in);
	waldoi_failure_release(session->farewell);
	waldoi_failure_release(session->why);
	waldoi_session_set_limits(session, NULL);
	free_caller(session);
	free(session->paused);
	free(session);
	waldoi_node_check_stop(node);
}

const waldo_peer *
waldoi_session_get_peer(const waldoi_session *session)
{
	static const waldo_peer gone = {"", NULL, -1, -1};

	return session->link == NULL ? &gone : &session->link->peer;
}

void
waldoi_session_warn(waldoi_session *session, const char *what)
{
	if (!session->warned) {
		session->warned = true;
		waldoi_node_log(session->node, WALDO_LOG_WARN, "%s: %s",
		                waldoi_session_get_peer(session)->address,
		                what);
	}
}

/* ---- what is to be sent */

void
waldoi_session_make_dirty(waldoi_session *session)
{
	if (session->link != NULL) {
		session->dirty = true;
		TAILQ_INSERT_TAIL(&session->node->dirty, session, dirty_entry);
		waldoi_node_wake(session->node);
	}
}

size_t
waldoi_session_output(waldoi_session *session, struct iovec *iov, size_t max)
{
	return waldoi_output_gather(&session->out, session->node, iov, max);
}

bool
waldoi_session_sent(waldoi_session *session, size_t len)
{
	session->spoke = session->node->now;
	waldoi_output_sent(&session->out, session->node, len);
	if (!session->out.retain) {
		waldoi_session_settle_one_way(session, session->out.sent);
	}
	waldoi_session_look_at_paused(session);
	waldoi_session_tell_room(session);
	if (session->out.unsent == 0 && session->caller->ping_due) {
		session->caller->ping_due = false;
		waldoi_session_say(session, WALDOI_LINK_PING, 1);
	}
	if (session->out.unsent == 0) {
		waldoi_session_check_use(session);
		waldoi_node_check_stop(session->node);
	}
	waldoi_session_check_closed(session);
	return waldoi_output_is_pending(&session->out);
}

static void
flush(waldoi_session *session)
{
	if (session->state == WALDOI_OPEN_SESSION) {
		waldoi_session_add_credit(session);
		waldoi_session_add_ack(session);
	}
	waldoi_session_undirty(session);
	session->link->ops->flush(session->link);
}

void
waldoi_sessions_flush(waldo_node *node)
{
	waldoi_session *session;

	while ((session = TAILQ_FIRST(&node->dirty)) != NULL) {
		flush(session);
	}
}

/* As long as there is nothing else to do that might add to it. */
void
waldoi_node_flush_link(waldo_node *node, waldoi_link *link)
{
	waldoi_session *session = link->channel.session;

	if (session != NULL && session->dirty && node->jobs.count == 0) {
		node->turning = true;
		flush(session);
		node->turning = false;
	}
}

/* ---- what has come */

/* What is left of a frame counts, too. It was `before` bytes. */
static void
count_input(waldoi_session *session, size_t before)
{
	waldo_node *node = session->node;
	size_t after = waldoi_cutter_owned(&session->in);

	node->bytes += after - before;
	if (after > before && node->bytes > node->limits.total_bytes &&
	    session->state == WALDOI_OPEN_SESSION) {
		waldoi_session_end_over_limit(
		    session,
		    "total_bytes: %zu bytes are held for all peers, at most "
		    "%zu may",
		    node->bytes, node->limits.total_bytes);
	}
}

uint8_t *
waldoi_session_space(waldoi_session *session, size_t *ret_len)
{
	size_t before = waldoi_cutter_owned(&session->in);
	uint8_t *space;

	if (session->more_input || session->state != WALDOI_OPEN_SESSION) {
		return NULL;
	}
	space = waldoi_cutter_space(&session->in, ret_len);
	count_input(session, before);
	return session->state == WALDOI_OPEN_SESSION ? space : NULL;
}

static void
take_frame(waldoi_session *session, waldoi_frame *frame)
{
	if (session->node->trace != NULL) {
		waldoi_trace_frame(session, '<', frame->kind, frame->body,
		                   frame->len);
	}
	if (frame->kind == WALDOI_KIND_LINK) {
		waldoi_session_take_link_frame(session, frame);
		return;
	}
	if (!session->greeted) {
		waldoi_session_abort(session, "HELLO did not come first");
		return;
	}
	if (frame->kind == WALDOI_KIND_OP) {
		/* First, since the method may run in there: an ABORT that
		 * this sets off must not say that it never did. */
		session->applied++;
		waldoi_session_take_op(session, frame);
		waldoi_session_note_taken(session, frame->len);
	} else if (frame->kind == WALDOI_KIND_CHUNK) {
		waldoi_session_abort(session, "a chunk of no stream");
	} else if (frame->kind < 128) {
		waldoi_session_abort(session, "a frame of kind %u",
		                     frame->kind);
	}
}

static void
no_frame(waldoi_session *session, waldoi_cut cut, const waldoi_frame *frame)
{
	switch (cut) {
	case WALDOI_CUT_LIMIT:
		if (!session->greeted) {
			waldoi_session_refused(
			    session, "its first frame claims to be longer "
			             "than any may be");
			break;
		}
		waldoi_session_abort(session,
		                     "message_bytes: a frame of %zu bytes, at "
		                     "most %zu are taken",
		                     frame->len,
		                     session->limits->message_bytes);
		break;
	case WALDOI_CUT_BROKEN:
		waldoi_session_abort(session, "a frame of 0 bytes");
		break;
	default:
		waldoi_session_end(session, WALDOI_ABORT_INTERNAL,
		                   waldoi_failure_new(WALDO_ELOST,
		                                      WALDO_NOT_SENT,
		                                      "out of memory"));
	}
}

/* Few frames of common size take no time that is worth a look at the clock. */
bool
waldoi_share_is_used(waldoi_share *share, waldo_node *node, size_t size)
{
	unsigned step = share->taken < MORE ? FEW : MORE;
	uint64_t now;

	share->taken++;
	if (share->taken >= WALDOI_FRAMES_PER_TURN) {
		return true;
	}
	if (size < MUCH && share->taken % step != 0) {
		return false;
	}
	now = node->driver->now(node->driver_data);
	if (share->since == 0) {
		share->since = now;
	}
	return now - share->since >= WALDOI_SHARE_US;
}

static void go_on(waldoi_job *job);

/* Frames that are there, but not for ever. */
static void
take_frames(waldoi_session *session)
{
	size_t before = waldoi_cutter_owned(&session->in);
	waldoi_cut cut = WALDOI_CUT_MORE;
	waldoi_frame frame;
	waldoi_share share = {0};

	while (session->state == WALDOI_OPEN_SESSION) {
		cut = waldoi_cutter_next(&session->in, &frame);
		if (cut != WALDOI_CUT_FRAME) {
			break;
		}
		take_frame(session, &frame);
		if (waldoi_share_is_used(&share, session->node, frame.len)) {
			break;
		}
	}
	if (session->state == WALDOI_OPEN_SESSION) {
		if (cut != WALDOI_CUT_FRAME && cut != WALDOI_CUT_MORE) {
			no_frame(session, cut, &frame);
		} else if (waldoi_cutter_keep(&session->in) != WALDO_OK) {
			no_frame(session, WALDOI_CUT_NOMEM, &frame);
		}
	} /* else nobody looks at the rest */
	count_input(session, before);
	if (cut == WALDOI_CUT_FRAME && session->state == WALDOI_OPEN_SESSION) {
		session->more_input = true;
		waldoi_node_queue_next(session->node, &session->job, go_on);
	}
}

static void
go_on(waldoi_job *job)
{
	waldoi_session *session = waldoi_container_of(job, waldoi_session, job);

	session->more_input = false;
	take_frames(session);
	waldoi_session_touch(session);
}

void
waldoi_session_received(waldoi_session *session, size_t len)
{
	session->heard = session->node->now;
	session->overslept = false;
	waldoi_cutter_received(&session->in, len);
	take_frames(session);
}

void
waldoi_session_input(waldoi_session *session, uint8_t *data, size_t len)
{
	size_t before = waldoi_cutter_owned(&session->in);

	session->heard = session->node->now;
	session->overslept = false;
	if (session->state != WALDOI_OPEN_SESSION) {
		return;
	}
	waldoi_calls_prefetch(&session->caller->calls);
	waldoi_cutter_feed(&session->in, data, len);
	if (session->more_input) {
		/* Behind the frames that wait for their turn. */
		if (waldoi_cutter_keep(&session->in) != WALDO_OK) {
			no_frame(session, WALDOI_CUT_NOMEM, NULL);
		}
		count_input(session, before);
		return;
	}
	take_frames(session);
}

void
waldoi_session_lost(waldoi_session *session, waldo_err err, const char *message)
{
	while (session->more_input && session->state == WALDOI_OPEN_SESSION) {
		/* What came before the end still counts. */
		waldoi_runqueue_remove(&session->job);
		go_on(&session->job);
	}
	session->link = NULL;
	waldoi_session_undirty(session);
	if (session->state == WALDOI_OPEN_SESSION) {
		waldoi_session_end(
		    session, 0,
		    waldoi_failure_new(err, WALDO_NOT_SENT, "%s", message));
	}
	waldoi_session_check_closed(session);
}
