/* SPDX-License-Identifier: MIT */
/*
 * broker/session/session.h - the shared state of two nodes
 *
 * The session takes frames from a channel (incoming.c, link_frames.c), and
 * turns invocations into frames (outgoing.c). Between them are the tables: what
 * we exported and the peer holds, what the peer exported and we hold, which
 * calls are open in either direction. They die with the session, in the order
 * of PROTOCOL.md, "The end".
 */
#ifndef WALDOI_SESSION_H
#define WALDOI_SESSION_H

#include "broker/pending.h"
#include "broker/session/calls.h"
#include "broker/session/names.h"
#include "broker/session/output.h"
#include "broker/session/table.h"
#include "broker/uri.h"
#include "serial/cursor.h"
#include "serial/frame.h"
#include "serial/pack.h"

/* Codes of the wire: PROTOCOL.md part 1. */
enum {
	WALDOI_KIND_OP = 0,
	WALDOI_KIND_CHUNK = 1,
	WALDOI_KIND_LINK = 2,

	WALDOI_OP_CALL = 1,
	WALDOI_OP_RETURN = 2,
	WALDOI_OP_RESOLVE = 3,
	WALDOI_OP_DROP = 4,
	WALDOI_OP_CANCEL = 5,
	WALDOI_OP_CREDIT = 6,
	WALDOI_OP_GOAWAY = 8,
	WALDOI_OP_LIMITS = 9,
	WALDOI_OP_UNKNOWN = 10,

	WALDOI_STATUS_OK = 0,
	WALDOI_STATUS_ERROR = 1,
	WALDOI_STATUS_CANCELLED = 2,
	WALDOI_STATUS_DEADLINE = 3,
	WALDOI_STATUS_BROKEN_TARGET = 4,

	WALDOI_DESC_MINE = 0,
	WALDOI_DESC_PROMISE = 1,
	WALDOI_DESC_YOURS = 2,
	WALDOI_DESC_ANSWER = 3,
	WALDOI_DESC_BROKEN = 6,

	WALDOI_OPT_TIME_LEFT = 0,
	WALDOI_OPT_FLAGS = 2,
	WALDOI_OPT_HOPS = 5,

	WALDOI_FLAG_NO_RESULT = 1,
	WALDOI_FLAG_IDEMPOTENT = 2,

	WALDOI_LINK_HELLO = 0,
	WALDOI_LINK_ACK = 5,
	WALDOI_LINK_PING = 6,
	WALDOI_LINK_PONG = 7,
	WALDOI_LINK_AGE = 8,
	WALDOI_LINK_BYE = 9,
	WALDOI_LINK_ABORT = 10,

	WALDOI_FEATURE_ACK = 1,

	WALDOI_ABORT_PROTOCOL = 1,
	WALDOI_ABORT_LIMIT = 2,
	WALDOI_ABORT_REFUSED = 3,
	WALDOI_ABORT_OVERLOAD = 4,
	WALDOI_ABORT_SHUTDOWN = 5,
	WALDOI_ABORT_INTERNAL = 6
};

#define WALDOI_MAX_ID ((INT64_C(1) << 53) - 1)

/* What one session may take of a turn, before others have theirs (PROTOCOL.md
 * P36): so many frames or calls, and a new one no later than that. */
#define WALDOI_FRAMES_PER_TURN 1024
#define WALDOI_SHARE_US        100

/* How much it has had; begins as zeros. */
typedef struct waldoi_share {
	unsigned taken;
	uint64_t since; /* 0: nobody has looked at the clock yet */
} waldoi_share;

/* What the peer accepts from us: the floor, until its HELLO has come. */
typedef struct waldoi_peer_limits {
	uint32_t max_frame;
	uint32_t call_window;
	uint32_t max_depth;
	uint32_t open_calls;
	uint32_t exports; /* of ours that it will hold */
	uint32_t refs_per_message;
	uint32_t names;
	uint32_t idle_ms; /* the longest silence that it wants */
} waldoi_peer_limits;

typedef enum waldoi_session_state {
	WALDOI_OPEN_SESSION,
	WALDOI_ENDING,  /* all is broken; what the peer held is let go in the
	                 * turn */
	WALDOI_CLOSING, /* all is let go; last words are still to be sent */
} waldoi_session_state;

/* An object of ours that the peer holds, or a promise. */
typedef struct waldoi_export {
	waldo_ref *ref;       /* retained */
	int64_t id;           /* negative */
	uint64_t sent : 63;   /* mentions that the peer has not dropped yet */
	uint64_t promise : 1; /* it was pending when it was first mentioned */
	waldoi_session *session;
	waldo_watch *watch; /* until RESOLVE has told what it became */
} waldoi_export;

/* The calls of a peer that does not read, until it does (paused.c). */
typedef struct waldoi_paused {
	waldoi_session *session;
	waldoi_runqueue calls;
	waldoi_runqueue stalled; /* before those: whose turn had come */
	bool resuming;           /* one of these runs */
	size_t bytes;            /* of the frames of `calls`, not given back */
	size_t size;             /* what those cost */
	waldoi_job job;
} waldoi_paused;

/* What we ask of the peer: sessions of those who only serve have none. */
typedef struct waldoi_caller {
	char *address; /* what was dialled, its text; NULL if accepted */
	struct waldoi_dialling *dialling; /* an encrypted peer; NULL */
	waldo_ref *bootstrap; /* of the peer, if it is held; not counted */
	waldoi_calls calls;   /* ours that are open */
	int64_t next_call;    /* the next id of ours */
	waldoi_table imports; /* by id: waldo_ref */
	uint32_t flushes;     /* ours that are open, of calls */
	uint32_t kept;        /* results of ours whose DROP waits for a flush */
	waldoi_names_out names_out;
	uint64_t window_used;                /* of the peer's call window */
	TAILQ_HEAD(, waldo_request) waiting; /* for HELLO, or for credit */
	TAILQ_HEAD(, waldo_request) waiting_flushes; /* for a slot, too */
	size_t waiting_bytes;
	TAILQ_HEAD(, waldo_promise) one_way; /* until they are acknowledged */
	bool ping_due; /* its answer will acknowledge a one-way call */
} waldoi_caller;

/* That of a session that has none: there is nothing in it, and it is never
 * written. */
extern const waldoi_caller waldoi_no_caller;

/* There may be many of them, and most of them idle. What a small call of the
 * peer's needs stands together; what few sessions need is made for them. */
struct waldoi_session {
	waldo_node *node;
	waldoi_link *link; /* NULL once it is gone */
	TAILQ_ENTRY(waldoi_session) dirty_entry;
	uint64_t heard, spoke; /* when bytes last came and went */
	uint32_t age_ms;       /* how long the frames that come have waited */
	uint8_t state : 3;     /* waldoi_session_state */
	bool initiator : 1;
	bool dirty : 1;
	bool greeted : 1;    /* the peer's HELLO has come */
	bool has_bye : 1;    /* the last words are BYE or ABORT of ours */
	bool more_input : 1; /* frames wait in `in` for the next turn */
	bool overslept : 1;  /* the silence was perhaps only ours */
	bool warned : 1;     /* of a peer that goes on doing what it may not */
	bool expected : 1; /* its peer's key was known before it was dialled */
	bool as_another : 1; /* the peer has dialled not the first of our keys:
	                      * that is not how we show ourselves to others */
	uint16_t told_slot;  /* when (PROTOCOL.md F49) */

	waldoi_cutter in;
	uint64_t applied;   /* numbered frames taken */
	uint64_t told;      /* of them, acknowledged to the peer */
	uint64_t acked;     /* of ours, by the peer */
	uint64_t ack_at;    /* when we tell at the latest; 0: nothing to */
	uint32_t ack_bytes; /* taken since we told */
	uint32_t incoming_count;
	LIST_HEAD(, waldo_call) incoming; /* every call of the peer's */
	waldoi_output out;
	waldoi_names_in names_in;
	waldoi_table answers;       /* the peer's: waldo_call */
	waldo_call *arriving;       /* one that is being dispatched; it is among
	                       * those only if it stays */
	waldoi_table exports;       /* by id: waldoi_export */
	int64_t peer_call;          /* the last of the peer's */
	const waldo_limits *limits; /* what it may use of us: the node's, or a
	                             * copy if they were raised */
	/* Call windows: sums of the lengths of CALL frames, since the session
	 * began. */
	uint64_t window_taken, window_told; /* the peer's; as it was told */
	uint64_t window_total;              /* ours; as many as may be */
	uint64_t last; /* calls above it do not run: our GOAWAY; UINT64_MAX */

	waldoi_peer_limits peer;
	waldoi_caller *caller; /* never NULL */
	waldoi_paused *paused; /* NULL: none ever was */
	size_t parked_bytes;
	uint32_t flush_answers; /* the peer's, of answers */
	uint32_t kept_flushes;  /* of those, kept until their DROP */
	waldoi_table exported;  /* as `exports`, by reference */
	int64_t next_export;    /* the next id of ours */
	int64_t peer_export;    /* the last of the peer's */
	LIST_ENTRY(waldoi_session) entry;
	waldoi_timer timer;
	waldoi_job job; /* more input, or the end */

	uint64_t goaway_frame;    /* which has this number; 0 */
	waldoi_failure *farewell; /* the peer's GOAWAY; NULL */
	waldoi_failure *why;      /* it ended */
	uint64_t never_ran; /* ABORT: frames above did not run; UINT64_MAX */
};

/* ---- session.c: life; end.c: its end */

/* One without a link. NULL, and the node's message: no memory, or there are
 * too many. */
waldoi_session *waldoi_session_new(waldo_node *node, bool initiator);

/* ---- open.c: how it begins; guest.c: who has not proved who it is */

/* Dials; returns a session that may be used at once. Borrowed: it ends by
 * itself when nothing is held or under way through it. */
waldo_err waldoi_session_dial(waldo_node *node, const waldoi_uri *uri,
                              waldoi_session **ret_session) WALDO_MUST_CHECK;

/* One that is well and leads to what the URI names, or NULL: dialled by this
 * node or, if its peer has proved the key, by that. */
waldoi_session *waldoi_session_find(waldo_node *node, const waldoi_uri *uri);

/* Why nothing confidential may be told to its peer; NULL: it may. */
waldoi_failure *waldoi_session_distrust(const waldoi_session *session);

/* A session for a link whose channel is initialised, but has none yet. NULL: it
 * was logged, and the channel's session is none. */
waldoi_session *waldoi_session_welcome(waldo_node *node, waldoi_link *link);

/* What channels of sessions are initialised with. */
const waldoi_channel_user *waldoi_session_channel_user(void);

/* Time for a link to prove who it is. */
#define WALDOI_GUEST_MS 5000

void waldoi_guests_end(waldo_node *node);

/* ---- */

/* The reference to the peer's bootstrap object. New; NULL without memory. */
waldo_ref *waldoi_session_get_bootstrap(waldoi_session *session);

/* Before we ask the peer for anything; false without memory. */
bool waldoi_session_make_caller(waldoi_session *session) WALDO_MUST_CHECK;
static inline bool
waldoi_session_has_caller(const waldoi_session *session)
{
	return session->caller != &waldoi_no_caller;
}
/* Takes `limits`, which replace those that it has. */
void waldoi_session_set_limits(waldoi_session *session, waldo_limits *limits);

void waldoi_session_free(waldoi_session *session);
/* Off the list of those that have something to send. */
void waldoi_session_undirty(waldoi_session *session);

/* Decides the end: from here on nothing begins. The rest comes in the turn.
 * BYE (abort_code 0) or ABORT is told to the peer if there still is a link.
 * Takes `why`. */
WALDOI_COLD void waldoi_session_end(waldoi_session *session, int abort_code,
                                    waldoi_failure *why);

/* The peer broke the protocol: ABORT, and a line in the log. */
WALDOI_COLD void waldoi_session_abort(waldoi_session *session,
                                      const char *format, ...)
    WALDO_PRINTF(2, 3);

/* It costs more than a limit allows, which the text begins with: ABORT LIMIT,
 * and a line in the log. */
WALDOI_COLD void waldoi_session_end_over_limit(waldoi_session *session,
                                               const char *format, ...)
    WALDO_PRINTF(2, 3);

/* A line in the log, the first time in a session. */
WALDOI_COLD void waldoi_session_warn(waldoi_session *session, const char *what);

/* Something is to be sent. */
void waldoi_session_make_dirty(waldoi_session *session);
static inline void
waldoi_session_touch(waldoi_session *session)
{
	if (!session->dirty) {
		waldoi_session_make_dirty(session);
	}
}

/* Ends it if more waits for the peer than a peer that reads would leave. */
void waldoi_session_look_at_queue(waldoi_session *session);
static inline void
waldoi_session_check_queue(waldoi_session *session)
{
	const waldo_node *node = session->node;

	if (session->out.unsent > node->limits.queued_bytes ||
	    node->bytes > node->limits.total_bytes) {
		waldoi_session_look_at_queue(session);
	}
}

/* Ends it in the turn if it serves nobody any more. */
void waldoi_session_check_use(waldoi_session *session);

/* Its last words may have left: then it is over. */
void waldoi_session_check_closed(waldoi_session *session);

/* After each frame or call, of `size` bytes: true once the others' turn has
 * come. */
bool waldoi_share_is_used(waldoi_share *share, waldo_node *node, size_t size);

/* All sessions of a node. */
void waldoi_sessions_flush(waldo_node *node);
void waldoi_sessions_end_all(waldo_node *node, waldo_err code,
                             const char *reason);
void waldoi_sessions_free_all(waldo_node *node);
/* Calls of peers that are open here. */
size_t waldoi_sessions_count_open(const waldo_node *node);
/* There are some, or something is still to be sent. */
bool waldoi_sessions_are_busy(const waldo_node *node);

/* What a call of the peer's knows of its session. */
extern const waldoi_origin waldoi_session_origin;
void waldoi_session_answer(waldo_call *call, waldo_writer *writer,
                           waldoi_message *message, waldoi_failure *failure);
void waldoi_session_forget_call(waldo_call *call);
/* Whom its link leads to; never NULL. */
const waldo_peer *waldoi_session_get_peer(const waldoi_session *session);

/* Its RETURN has gone out, though the user has not answered. */
void waldoi_session_close_call(waldo_call *call);

/* ---- session.c: the channel's side */

uint8_t *waldoi_session_space(waldoi_session *session, size_t *ret_len);
void waldoi_session_received(waldoi_session *session, size_t len);
void waldoi_session_input(waldoi_session *session, uint8_t *data, size_t len);
size_t waldoi_session_output(waldoi_session *session, struct iovec *iov,
                             size_t max);
bool waldoi_session_sent(waldoi_session *session, size_t len);
void waldoi_session_lost(waldoi_session *session, waldo_err err,
                         const char *message);
/* The peer does not speak our protocol, or another version. */
void waldoi_session_refused(waldoi_session *session, const char *what);

/* ---- hello.c: what the sides tell each other of their limits */

/* False without memory. */
bool waldoi_session_say_hello(waldoi_session *session);
void waldoi_session_take_hello(waldoi_session *session, waldoi_cursor *c);
void waldoi_session_take_limits(waldoi_session *session, waldoi_cursor *c,
                                uint32_t count);
/* As waldoi_limits_raise(), or WALDO_ENOMEM; the peer is told. */
waldo_err waldoi_session_raise_limits(waldoi_session *session,
                                      const waldo_limits *limits,
                                      char message[200]) WALDO_MUST_CHECK;

/* ---- goaway.c */

/* No call that comes from here on runs, of no peer's. */
void waldoi_sessions_go_away(waldo_node *node);
void waldoi_session_take_goaway(waldoi_session *session, waldoi_cursor *c,
                                uint32_t count);
/* The last frame that may be acknowledged: an ACK overtakes GOAWAY, and must
 * not say of a one-way call above `last` that it was taken (F48). */
uint64_t waldoi_session_may_ack(const waldoi_session *session);

/* ---- link_frames.c */

/* Begins a link frame of `elements`, `code` included. */
uint8_t *waldoi_link_begin(uint8_t *frame, size_t elements, int code);
/* Queues it; false without memory. */
bool waldoi_link_say(waldoi_session *session, uint8_t *frame,
                     const uint8_t *end);
void waldoi_session_say(waldoi_session *session, int code, uint64_t number);
void waldoi_session_say_end(waldoi_session *session, int abort_code,
                            const char *text);
void waldoi_session_take_link_frame(waldoi_session *session,
                                    const waldoi_frame *frame);
/* Has the session look after silence, ours and the peer's, and what is to be
 * acknowledged. */
void waldoi_session_set_timer(waldoi_session *session);
/* Before a flush: an ACK goes along if there is something to send, or much was
 * taken; else later. */
void waldoi_session_add_ack(waldoi_session *session);
/* A numbered frame of `len` bytes was taken: the flush will tell, or see to it
 * that it is told. */
void waldoi_session_note_taken(waldoi_session *session, size_t len);

/* ---- incoming.c, incoming_call.c: operations */

void waldoi_session_take_op(waldoi_session *session, waldoi_frame *frame);
/* `frame_len` is the frame's `length`. */
void waldoi_session_take_call(waldoi_session *session, waldoi_cursor *c,
                              uint32_t count, size_t frame_len);
/* NULL unless the peer has as many calls here as it may, besides those that are
 * paused, and `listed` of them. */
waldoi_failure *waldoi_session_check_incoming(const waldoi_session *session,
                                              uint32_t listed);
/* To the target, or to what it is by now. Takes `call`. */
void waldoi_session_dispatch(waldoi_session *session, waldo_call *call,
                             waldo_ref *target);

/* The reference for a place in the result of the peer's call `id`. Borrowed.
 * Else NULL, and *ret_failure if there is none such; the session has ended if
 * that call was never made or memory ran out. */
waldo_ref *waldoi_answer_get_ref(waldoi_session *session, int64_t id,
                                 const waldoi_path *path,
                                 waldoi_failure **ret_failure);

/* ---- paused.c: calls of a peer that does not read */

bool waldoi_session_must_pause(const waldoi_session *session);
/* In place of the dispatch: it waits until the peer has read. Takes `call`. */
void waldoi_session_pause(waldoi_session *session, waldo_call *call,
                          waldo_ref *target, size_t frame_len);
/* The same for one that had been dispatched and waited for its object. */
bool waldoi_session_stall(waldo_call *call, void (*run)(waldoi_job *job));
/* One that is paused (window_bytes) is leaving. */
void waldoi_session_unpause(waldo_call *call);
static inline size_t
waldoi_session_paused_count(const waldoi_session *session)
{
	return session->paused == NULL ? 0 : session->paused->calls.count;
}
/* Bytes of their frames: they count as on their way. */
static inline size_t
waldoi_session_paused_bytes(const waldoi_session *session)
{
	return session->paused == NULL ? 0 : session->paused->bytes;
}
/* Nothing resumes any more. */
void waldoi_session_keep_paused(waldoi_session *session);
/* Some output has left: calls may go on. */
void waldoi_session_look_at_paused(waldoi_session *session);

/* ---- credit.c: the call windows */

void waldoi_session_take_credit(waldoi_session *session, waldoi_cursor *c,
                                uint32_t count);
/* A CALL with that `length` has come. False: it may not, the session has ended.
 */
bool waldoi_session_take_window(waldoi_session *session, size_t len);
/* Bytes were given back: perhaps the peer is to be told. */
void waldoi_session_look_at_credit(waldoi_session *session);
/* Before a flush: CREDIT, if it is worth telling. */
void waldoi_session_add_credit(waldoi_session *session);

/* ---- direct.c: what is small */

waldo_promise *waldoi_session_call_directly(waldoi_session *session,
                                            waldo_ref *target,
                                            int64_t target_id,
                                            const char *method,
                                            const char *format, va_list args);
bool waldoi_session_reply_directly(waldo_call *call, const char *format,
                                   va_list args);

/* ---- outgoing.c: operations */

/* A call with that method number has been queued, as the last frame, and is
 * among those that are open. */
void waldoi_session_expect_return(waldoi_session *session,
                                  waldo_promise *promise,
                                  uint32_t method_number);

/* ref->ops->invoke of far references and of pending results. */
waldo_promise *waldoi_session_invoke(waldoi_session *session, waldo_ref *target,
                                     waldo_request *request, bool wants,
                                     waldo_err *ret_err);
/* The same for what the result of a call through the session will be: for
 * waldoi_promise_source. */
waldo_promise *waldoi_session_pipeline(waldoi_pending *pending,
                                       waldo_request *request, bool wants,
                                       waldo_err *ret_err);
bool waldoi_session_pipeline_has_room(const waldo_promise *promise);

typedef enum waldoi_sending {
	WALDOI_SENT,
	WALDOI_MUST_WAIT, /* for room in the peer's call window */
	WALDOI_FAILED     /* *ret_failure says why */
} waldoi_sending;

/* The call enters the session, or nothing has happened. `promise` is NULL for
 * one without. Leaves `request`. */
waldoi_sending waldoi_session_send_call(waldoi_session *session,
                                        waldo_ref *target,
                                        waldo_request *request,
                                        waldo_promise *promise,
                                        waldoi_failure **ret_failure);
/* Every open call and every waiting request fails with session->why. */
void waldoi_session_fail_calls(waldoi_session *session);
/* One-way calls up to that frame have arrived. */
void waldoi_session_settle_one_way(waldoi_session *session, uint64_t frame);

/* ---- waiting.c: calls that wait for HELLO or for credit */

bool waldoi_session_must_wait(const waldoi_session *session,
                              const waldo_request *request);
/* Takes `request`, or says why it may not wait. */
waldoi_failure *waldoi_session_wait(waldoi_session *session,
                                    waldo_request *request,
                                    waldo_promise *promise);
/* More may be sent: what waited for it goes. */
void waldoi_session_send_waiting(waldoi_session *session);
/* What waits for a reference that does not lead through the session any more
 * goes where it leads, in order. */
void waldoi_session_move_waiting(waldoi_session *session);
/* As the peer counts them (PROTOCOL.md P34). */
uint32_t waldoi_session_open_calls(const waldoi_session *session);
/* Every waiting request fails with `why`, NOT_SENT; flushes, too, or not. */
void waldoi_session_fail_waiting(waldoi_session *session, waldoi_failure *why,
                                 bool flushes);
/* Whether `size` bytes more may be queued. */
static inline bool
waldoi_session_fits(const waldoi_session *session, size_t size)
{
	const waldo_node *node = session->node;

	return session->caller->waiting_bytes + session->out.unsent + size <=
	           node->limits.queued_bytes &&
	       node->bytes + size <= node->limits.total_bytes;
}

/* Why not; NULL if they may. */
waldoi_failure *waldoi_session_check_room(const waldoi_session *session,
                                          size_t size);
/* At most half of what may wait does, and a quarter of what all peers may cost
 * is left: waldo_ref_watch_room(). */
bool waldoi_session_has_room(const waldoi_session *session);
/* Less waits than before: whoever wants to know is told. */
void waldoi_session_tell_room(waldoi_session *session);

/* ---- replies.c */

/* A RETURN for a call that is no waldo_call yet. Takes `failure`. */
void waldoi_session_send_error(waldoi_session *session, int64_t id, int status,
                               waldoi_failure *failure);

/* ---- trace.c */

/* One line for a frame, decoded; `way` is '>' for ours, '<' for the peer's. */
void waldoi_trace_frame(waldoi_session *session, char way, uint8_t kind,
                        const uint8_t *body, size_t len);
/* The same for one that is about to be queued: header and payload apart. */
void waldoi_trace_sent(waldoi_session *session, const uint8_t *head,
                       size_t head_len, const uint8_t *payload, size_t len,
                       const waldo_writer *writer);

/* ---- ops.c: the small operations, and what all have in common */

/* A frame with a few numbers. */
#define WALDOI_OP_ROOM 64

/* Begins the header of `op` at `head`, behind the frame's own head. */
static inline uint8_t *
waldoi_op_begin(uint8_t *head, size_t elements, int op)
{
	uint8_t *p = head + WALDOI_FRAME_HEAD;

	head[4] = WALDOI_KIND_OP;
	p = waldoi_pack_array(p, elements);
	return waldoi_pack_uint(p, (uint64_t) op);
}

/* Queues it, as waldoi_output_frame(). */
static inline WALDO_MUST_CHECK bool
waldoi_op_queue(waldoi_session *session, uint8_t *head, size_t head_len,
                const uint8_t *payload, size_t len, waldo_writer *writer)
{
	if (session->node->trace != NULL) {
		waldoi_trace_sent(session, head, head_len, payload, len,
		                  writer);
	}
	return waldoi_output_frame(&session->out, session->node, head, head_len,
	                           payload, len, writer);
}

/* The same for one without a payload that must not fail. */
void waldoi_op_send(waldoi_session *session, uint8_t *head, const uint8_t *end);
/* What must not fail has found no room: the session ends. Takes `failure`. */
void waldoi_session_no_room(waldoi_session *session, waldoi_failure *failure);
void waldoi_session_send_cancel(waldoi_session *session, int64_t id);
void waldoi_session_send_drop(waldoi_session *session, int64_t id,
                              uint64_t count);
/* The peer may send calls of `total` bytes. */
void waldoi_session_send_credit(waldoi_session *session, uint64_t total);
void waldoi_session_send_unknown(waldoi_session *session, uint64_t op,
                                 int64_t id);
/* ---- exports.c */

/* The export of `ref` (followed), or NULL. */
waldoi_export *waldoi_export_of(waldoi_session *session, const waldo_ref *ref);
/* A new one, with no mention yet. NULL without memory. */
waldoi_export *waldoi_export_new(waldoi_session *session, waldo_ref *ref);
/* NULL: unknown. */
waldoi_export *waldoi_export_find(waldoi_session *session, int64_t id);
/* `count` mentions less; without any, the object is let go. */
void waldoi_export_drop(waldoi_session *session, waldoi_export *export,
                        uint64_t count);
void waldoi_exports_release(waldoi_session *session);

/* ---- imports.c */

/* Of one, for the node's pool. */
size_t waldoi_import_size(void);
/* One more mention of the peer's export `id`: its reference with a count for
 * the caller. NULL without memory. */
waldo_ref *waldoi_import_get(waldoi_session *session, int64_t id, bool promise);
/* Whether it can be mentioned as that: NULL, or what is wrong. */
const char *waldoi_import_check(const waldoi_session *session, int64_t id,
                                bool promise);
/* The id that `ref` (followed) has in this session; false if it is not far
 * through it. 0 is the peer's bootstrap. */
bool waldoi_import_id(const waldoi_session *session, const waldo_ref *ref,
                      int64_t *ret_id);
/* The session that a far reference leads through, or NULL. */
waldoi_session *waldoi_import_session(const waldo_ref *ref);
/* Mentions of a far reference since its last DROP. */
uint64_t waldoi_import_received(const waldo_ref *ref);
/* Breaks them all. */
void waldoi_imports_break(waldoi_session *session, waldoi_failure *why);

/* ---- settle.c: what pending references through a session become */

/* The places of a result, before anybody is told of it; `descs` is where its
 * references stand. */
void waldoi_session_settle_places(waldoi_session *session,
                                  waldo_promise *promise,
                                  const waldoi_message *value,
                                  waldoi_cursor descs);
/* What the export, a promise, has become: once. */
void waldoi_session_send_resolve(waldoi_session *session,
                                 waldoi_export *export);
void waldoi_session_take_resolve(waldoi_session *session, waldoi_cursor *c,
                                 uint32_t count);
/* A flush that waited has left, or never will. */
void waldoi_session_flush_left(waldoi_session *session, waldo_promise *of);

#endif
