/* SPDX-License-Identifier: MIT */
/*
 * broker/call.h - the inside of a call (callee) and a promise (caller)
 *
 * One invocation has two ends. A near one has both here: the call holds the
 * promise and settles it. A far one has a promise at the caller's node and a
 * call at the callee's, and the session between them.
 */
#ifndef WALDOI_CALL_H
#define WALDOI_CALL_H

#include "broker/places.h"
#include "broker/ref.h"
#include "serial/check.h"
#include <waldo/call.h>
#include <waldo/object.h>

#include <stdlib.h>
#include <string.h>

#define WALDOI_FEW        4 /* references that fit without an allocation */
#define WALDOI_MAX_METHOD 128
#define WALDOI_FLUSH      ".flush" /* what method number 0 is called */
#define WALDOI_MAX_HOPS   16       /* PROTOCOL.md P12 */

/* A method's name, counted, since a deferred call may outlive its session. */
typedef struct waldoi_name {
	uint32_t count;
	uint32_t hash; /* of one that the node calls (methods.h) */
	uint16_t len;
	bool flush; /* WALDOI_FLUSH */
	/* The method that it meant last, in which class: it means another in
	 * another. */
	const waldo_class *kind;
	const waldo_method *method;
	char text[];
} waldoi_name;

waldoi_name *waldoi_name_new(const char *text, size_t len);

static inline waldoi_name *
waldoi_name_retain(waldoi_name *name)
{
	name->count++;
	return name;
}

static inline void
waldoi_name_release(waldoi_name *name)
{
	if (name != NULL && --name->count == 0) {
		free(name);
	}
}

/* 1 to 128 bytes of UTF-8 without control characters or a slash. */
bool waldoi_method_is_valid(const char *text, size_t len);

/* A payload and the references it names by position. */
typedef struct waldoi_message {
	uint8_t *body; /* owned if `owned`, else borrowed from a frame */
	size_t len;
	waldo_ref **refs; /* retained; few, or malloc'ed */
	uint32_t ref_count;
	bool owned;
	uint8_t unchecked; /* not 0: nobody has looked at the body yet; it may
	                    * have so many levels */
	waldo_ref *few[WALDOI_FEW];
} waldoi_message;

static inline void
waldoi_message_init(waldoi_message *message)
{
	message->body = NULL;
	message->len = 0;
	message->refs = message->few;
	message->ref_count = 0;
	message->owned = false;
	message->unchecked = 0;
}

/* Its references and its own memory, if it has any: most have not. Empty
 * again. */
void waldoi_message_let_go(waldoi_message *message);

/* Releases the references and what is owned; empty again. */
static inline void
waldoi_message_fini(waldoi_message *message)
{
	if (message->ref_count > 0 || message->owned) {
		waldoi_message_let_go(message);
	} else {
		message->body = NULL;
		message->len = 0;
		message->unchecked = 0;
	}
}

/* Makes room for `count` references; they are NULL until set. */
bool waldoi_message_room(waldoi_message *message, size_t count);
/* Checks a body that is not checked yet, before somebody reads it: messages
 * that are only passed on are never looked into. False, and why, if it is not
 * valid. */
static inline bool
waldoi_message_check(waldoi_message *message, waldo_err *ret_err,
                     char why[WALDOI_CHECK_MESSAGE])
{
	*ret_err = WALDO_OK;
	if (message->unchecked == 0) {
		return true;
	}
	if (!waldoi_is_plain(message->body, message->len, message->unchecked)) {
		*ret_err = waldoi_check_any(message->body, message->len,
		                            message->unchecked,
		                            message->ref_count, why);
		if (*ret_err != WALDO_OK) {
			return false;
		}
	}
	message->unchecked = 0;
	return true;
}
/* Takes a borrowed body into memory of its own. */
bool waldoi_message_own(waldoi_message *message);

/* Moves everything; `from` is empty afterwards. */
static inline void
waldoi_message_move(waldoi_message *to, waldoi_message *from)
{
	to->body = from->body;
	to->len = from->len;
	to->refs = from->refs == from->few ? to->few : from->refs;
	to->ref_count = from->ref_count;
	to->owned = from->owned;
	to->unchecked = from->unchecked;
	if (from->ref_count > 0) {
		memcpy(to->few, from->few, sizeof(to->few));
	}
	waldoi_message_init(from);
}

/* From a finished writer, which keeps its handles: they are retained. */
waldo_err waldoi_message_from(waldoi_message *message, waldo_writer *writer,
                              bool list);

/* References that were asked for inside a result before it was known
 * (pending.h); the head of a list. */
struct waldoi_pending;

typedef enum waldoi_phase {
	WALDOI_WAITING,  /* parked or queued: it has not begun */
	WALDOI_RUNNING,  /* its method is on the stack */
	WALDOI_DEFERRED, /* the user holds it */
	WALDOI_KEPT,     /* answered; a peer may still pipeline on its result */
	WALDOI_ENDED     /* answered; freed when its method returns */
} waldoi_phase;

/* About what a reference costs that is a peer's to make at will: one that is
 * broken. */
#define WALDOI_REF_COST 256

/* Who gets the answer of a call that came from another node: a session, which
 * a call knows by these only. */
typedef struct waldoi_origin {
	/* Exactly one of writer (finished or not), message and failure. */
	void (*answer)(waldo_call *call, waldo_writer *writer,
	               waldoi_message *message, waldoi_failure *failure);
	/* The same of a small result, given as waldo_call_reply() is, where it
	 * can be sent at once; the call leaves its session then. False: nothing
	 * has happened. */
	bool (*answer_directly)(waldo_call *call, const char *format,
	                        va_list args);
	/* The call leaves its session, which it is being freed or given up. */
	void (*forget)(waldo_call *call);
	const waldo_peer *(*get_peer)(const waldoi_session *session);
	/* Its turn at its object has come. True: it has to wait, since its peer
	 * leaves too much unread; `run` will be run again. */
	bool (*stall)(waldo_call *call, void (*run)(waldoi_job *job));
} waldoi_origin;

/* What a call that is answered at once needs stands in front; the rest is for
 * those that wait, are deferred, or are kept. */
struct waldo_call {
	waldo_node *node; /* NULL once the node is gone */
	LIST_ENTRY(waldo_call) entry;
	waldo_ref *target; /* retained until it is answered */
	waldoi_name *method;
	uint64_t deadline; /* by our clock; WALDOI_NEVER if there is none */
	uint64_t since;    /* it came, or was made here */
	uint8_t phase;     /* waldoi_phase */
	bool answered;
	bool queued;    /* among those of its object */
	bool on_stack;  /* its method has not returned */
	bool cancelled; /* the caller wants it no more */
	bool gave_up;   /* nobody waits for the answer any more */
	bool told;      /* on_cancel has run, or never will */
	bool remote;    /* it came through a session */
	bool on_answer; /* it was made on the result of another call */
	bool no_target; /* which turned out to be no reference */
	bool one_way;   /* its promise wants to know of its arrival only */
	bool no_result; /* NO_RESULT: the caller wants only the promise */
	bool flush;     /* of method number 0, which has slots of its own */
	/* As its caller said, for whoever it is passed on to. */
	bool idempotent, confidential;
	bool passed_on;  /* to where its target leads: it never ran here */
	bool of_object;  /* in its object's list */
	bool has_writer; /* `result` has been begun */
	uint8_t hops;

	/* who gets the answer */
	waldoi_session *session;     /* or NULL */
	const waldoi_origin *origin; /* of `session` */
	LIST_ENTRY(waldo_call) session_entry;
	int64_t id;               /* 0: one-way */
	waldo_promise *promise;   /* a near call's; retained */
	waldo_promise *following; /* waldo_call_follow(); retained */
	/* Answers with what it makes of the result of that; NULL: as it is. The
	 * result has been checked. */
	void (*filter)(waldo_call *call, waldoi_message *result);
	waldo_ref *perspective; /* of the view that it came through, which alone
	                         * sets it; retained, or NULL */

	struct waldoi_pending *pendings;
	size_t place_bytes;  /* of those that a peer named, in its session's
	                      * parked_bytes */
	size_t parked_bytes; /* while it is parked, counted in *parked_in */
	size_t *parked_in;   /* the session's total; or NULL */
	size_t window_bytes; /* of its frame, while it is paused */
	waldo_cancel_cb *on_cancel;
	void *cancel_user;
	waldoi_places kept; /* of the result, while phase is KEPT */
	waldoi_message args;
	waldoi_job job;     /* delivery, later the news of a cancellation */
	waldoi_timer timer; /* the caller's deadline */
	LIST_ENTRY(waldo_call) object_entry; /* of the object that runs it */
	waldo_reader reader;
	waldo_writer result;
};

/* NULL without memory. Retains both; `target` may be NULL until it is
 * delivered. */
waldo_call *waldoi_call_new(waldo_node *node, waldo_ref *target,
                            waldoi_name *method);

/* Frees it, whatever it holds. */
void waldoi_call_free(waldo_call *call);

/* Answers with a failure. Takes `failure`. */
WALDOI_COLD void waldoi_call_fail(waldo_call *call, waldoi_failure *failure);

/* Nobody waits any more: on_cancel runs from the loop; a call that has not
 * begun ends here, unanswered, and is freed. */
void waldoi_call_give_up(waldo_call *call);

/* The caller has cancelled: on_cancel runs from the loop; the answer still
 * counts. The call has begun. */
void waldoi_call_cancel(waldo_call *call);

/* The node is going: the call is left to the user, who will answer it, or is
 * freed. */
void waldoi_call_orphan(waldo_call *call);

/* Answers in the user's place and then gives up; the user's own answer, still
 * to come, only frees the call. Takes `failure`. */
WALDOI_COLD void waldoi_call_preempt(waldo_call *call, waldoi_failure *failure);

/* It goes on waiting, or running, where the turn leaves it: only from here on
 * its deadline, if it has one, needs a timer. */
void waldoi_call_stay(waldo_call *call);

/* What it was passed on as, to the end of that way in this node, is cancelled
 * now: what has not begun there never does. It still waits for the outcome. */
void waldoi_call_withdraw(waldo_call *call);

/* About what it costs while it waits. */
size_t waldoi_call_size(const waldo_call *call);

/* It is parked no longer; the first for one that is. */
void waldoi_call_leave_park(waldo_call *call);
static inline void
waldoi_call_unpark(waldo_call *call)
{
	if (call->parked_in != NULL) {
		waldoi_call_leave_park(call);
	}
}

/* Runs `fn` of `self` with the call, and looks after what it left. */
void waldoi_call_run(waldo_call *call, waldo_method_fn *fn, void *self);

/* Answers with the outcome of a promise that has settled. */
void waldoi_call_answer_with(waldo_call *call, waldoi_message *result,
                             waldoi_failure *failure);

/* ---- the caller's end */

/* What one that is sent at once needs stands in front. */
struct waldo_request {
	waldo_node *node;  /* NULL: the target was NULL or its node is gone */
	waldo_ref *target; /* retained; may be NULL */
	waldo_ref *perspective; /* of the call that is passed on; retained */
	waldoi_name *method;    /* retained; NULL: it cannot be sent */
	uint64_t deadline;      /* WALDOI_NEVER; set when it is sent */
	uint32_t timeout_ms;    /* 0: none */
	uint32_t flags;
	uint8_t hops;
	uint8_t unchecked; /* as of a message: the arguments are another's */
	bool pinned;       /* it goes to that very target, whatever this has
	                    * become, and before all that waits: the flush of a
	                    * path */
	bool listed;       /* in the node's list: the user made it */
	bool waits;        /* in a session's queue */
	uint32_t method_number; /* in the session; 0: it is spelled */
	const uint8_t *payload; /* of `args`, once it is sent */
	size_t len;             /* of that, without what is taken */

	LIST_ENTRY(waldo_request) node_entry; /* if it is listed */

	/* while it waits */
	TAILQ_ENTRY(waldo_request) entry; /* of a session's queue */
	waldo_promise *promise;           /* retained */
	waldo_promise *of; /* a flush's: whose result it was made on, which is
	                    * not dropped before; retained */
	waldo_writer args;
};

/* What became of a promise. */
typedef enum waldoi_settled {
	WALDOI_OPEN,
	WALDOI_SETTLING, /* its callback is queued */
	WALDOI_SETTLED
} waldoi_settled;

struct waldo_promise {
	waldo_node *node;
	uint32_t count;  /* the user's, the session's, a near call's */
	uint8_t settled; /* waldoi_settled */
	bool has_callback;
	bool read;        /* a reader was made of the value */
	bool telling;     /* that is node->telling: the callback is running */
	bool kept;        /* its DROP waits for `flushes` */
	bool flush;       /* it is a call of method number 0 */
	uint32_t flushes; /* that name its result and have not left */
	LIST_ENTRY(waldo_promise) entry;
	uint64_t since; /* it was made */
	waldo_done_cb *done;
	void *user;

	/* who will settle it */
	const struct waldoi_promise_source *source; /* NULL once settled */
	waldoi_session *session;
	int64_t id;             /* of the sent call; 0 until then, or one-way */
	uint64_t frame;         /* the number of its frame */
	uint32_t method_number; /* as the request's; for people */
	uint32_t timeout_ms;    /* for the message */
	waldo_ref *on;          /* the promised result that a sent call was made
	                         * on; retained */
	waldo_request *request; /* while it waits to be sent */
	waldo_call *call;       /* a near one's */
	waldo_call *follower;   /* a call that has waldo_call_follow()ed it */

	struct waldoi_pending *pendings;
	waldoi_failure *failure;
	waldoi_message value;
	waldoi_job job;
	waldoi_timer timer;                 /* its deadline */
	TAILQ_ENTRY(waldo_promise) one_way; /* in the session, until its ACK */
	waldo_reader reader;
};

typedef struct waldoi_promise_source {
	/* The promise has been given up (cancelled, or late): tell the callee,
	 * forget it. Returns the fate. */
	waldo_fate (*give_up)(waldo_promise *promise);
	/* A call on the reference that the result will be, as ops->invoke.
	 * NULL: it waits here until the result is known. */
	waldo_promise *(*pipeline)(struct waldoi_pending *pending,
	                           waldo_request *request, bool wants,
	                           waldo_err *ret_err);
	/* As ops->has_room, for those that `pipeline` sends; set if that is. */
	bool (*has_room)(const waldo_promise *promise);
} waldoi_promise_source;

/* What will be looked at when it settles, into the cache: of many that are
 * open, it is not there any more. NULL will do. */
static inline void
waldoi_promise_prefetch(const waldo_promise *promise)
{
	if (promise == NULL) {
		return;
	}
	__builtin_prefetch(promise);
	__builtin_prefetch(&promise->source);
	__builtin_prefetch(&promise->failure);
	__builtin_prefetch(&promise->job);
	__builtin_prefetch(&promise->timer);
}

/* With one count, the caller's. NULL without memory. */
waldo_promise *waldoi_promise_new(waldo_node *node);

/*
 * Settles it, once; later calls are ignored and release what they bring. The
 * caller holds a count, which is still there afterwards.
 * Moves `value` out, takes `failure`; exactly one of them. With `now` true
 * (only from the loop) the callback runs here, on a borrowed body; else from
 * the queue.
 */
void waldoi_promise_settle(waldo_promise *promise, waldoi_message *value,
                           waldoi_failure *failure, bool now);

/* Settles it with that failure, from the queue, as if it had been cancelled. */
void waldoi_promise_give_up(waldo_promise *promise, waldo_err code,
                            const char *message);

/* Settles it with nil. */
void waldoi_promise_settle_nil(waldo_promise *promise, bool now);

/* Starts the deadline of a request that has been sent. */
void waldoi_promise_set_deadline(waldo_promise *promise,
                                 const waldo_request *request);

/* A promise that has failed already. Takes `failure`. */
waldo_promise *waldoi_promise_new_failed(waldo_node *node,
                                         waldoi_failure *failure);

/* waldo_request_new() for one that is sent or freed before anybody else has
 * his turn: the node need not know of it. */
waldo_request *waldoi_request_new(waldo_ref *target, const char *method,
                                  const waldo_options *options);

/* waldo_request_send(), and with `wants` false one-way without a promise:
 * then NULL is returned and *ret_err tells. Takes `request`. */
waldo_promise *waldoi_request_send_for(waldo_request *request, bool wants,
                                       waldo_err *ret_err);

/* The node is going: it fails with `gone` (borrowed) if it is open. */
void waldoi_promise_orphan(waldo_promise *promise, waldoi_failure *gone);
void waldoi_request_orphan(waldo_request *request);

/* A request that waited elsewhere is delivered to `ref`, for its promise (NULL
 * if it has none), which is nobody else's any more. Takes `request`. False: it
 * failed, and the end of what it held may have done anything. */
bool waldoi_near_deliver(waldo_ref *ref, waldo_request *request,
                         waldo_promise *promise);

/* What a failed invocation gives back: a failed promise, or NULL and the
 * error for one that wants none. Takes both. */
waldo_promise *waldoi_request_fail(waldo_request *request, bool wants,
                                   waldo_err *ret_err, waldoi_failure *failure);

/* ops->invoke for what calls wait for in this node: the request becomes a call
 * that is delivered to `ref`. */
waldo_promise *waldoi_near_invoke(waldo_ref *ref, waldo_request *request,
                                  bool wants, waldo_err *ret_err);
/* ops->has_room of the same. */
bool waldoi_near_has_room(const waldo_ref *ref);

#endif
