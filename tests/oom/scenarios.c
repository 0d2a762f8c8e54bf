/* SPDX-License-Identifier: MIT */
#include "oom/scenarios.h"
#include "world/ground.h"
#include "world/conversation.h"

#include <stdio.h>
#include <stdlib.h>
#include <waldo/facet.h>
#include <waldo/portal.h>

static const waldo_options one_way = {sizeof(one_way), 0, WALDO_ONE_WAY};
static const waldo_options in_50_ms = {sizeof(in_50_ms), 50, 0};

/* NULL near, or without memory. */
static waldo_ref *
get_bootstrap(struct world *w)
{
	waldo_ref *ref = NULL;

	if (w->near || w->client == NULL ||
	    waldo_connect(w->client, w->uri, &ref) != WALDO_OK) {
		return NULL;
	}
	return ref;
}

/* Twice by the same session, which the bootstrap object keeps. */
static void
connecting(struct world *w)
{
	waldo_ref *bootstrap = get_bootstrap(w);
	waldo_ref *again;

	(void) ask(w, w->gate, "echo", WALDO_OK);
	pump();
	again = gate_of(w, w->client);
	if (again != NULL) {
		(void) ask(w, again, "echo", WALDO_OK);
	}
	(void) ask(w, w->gate, "echo", WALDO_OK);
	waldo_ref_release(again);
	waldo_ref_release(bootstrap);
}

static void
passing_values(struct world *w)
{
	struct outcome *o = expect(w, WALDO_OK);
	waldo_request *request = waldo_request_new(w->gate, "echo", NULL);
	waldo_writer *args = waldo_request_get_args(request);

	waldo_putf(args, "indbs[i[i]]{sUsI}", o->number, 0.5, 1, "text", 1, 2,
	           "a", UINT64_MAX, "b", INT64_MIN);
	waldo_put_time(args, 1);
	waldo_put_map(args, 64);
	for (int i = 0; i < 64; i++) {
		char key[64];

		(void) snprintf(key, sizeof(key), "a key of some length %d", i);
		waldo_putf(args, "si", key, i);
	}
	watch_outcome(o, waldo_request_send(request));
}

static void
failing(struct world *w)
{
	(void) ask(w, w->gate, ".none", WALDO_EMETHOD);
	(void) ask(w, w->gate, "fail", WALDO_EREMOTE);
	watch_outcome(expect(w, WALDO_EARGS),
	              waldo_ref_invoke(w->gate, "call", "s", "?"));
	watch_outcome(expect(w, WALDO_EINVAL),
	              waldo_ref_invoke(w->gate, "echo", "?"));
}

static void
sending_home(struct world *w)
{
	waldo_ref *mine = service_new(w, w->client);
	struct outcome *o = expect(w, WALDO_OK);

	watch_outcome(o,
	              waldo_ref_invoke(w->gate, "keep", "ir", o->number, mine));
	waldo_ref_release(mine);
	(void) ask(w, w->gate, "kept", WALDO_OK);
	pump();
	o = expect(w, WALDO_OK);
	watch_outcome(
	    o, waldo_ref_invoke(w->gate, "keep", "ir", o->number, w->gate));
}

static void
pipelining(struct world *w)
{
	struct outcome *o = expect(w, WALDO_OK);
	waldo_promise *made = waldo_ref_invoke(w->gate, "make", "i", o->number);
	waldo_promise *held, *list;
	waldo_ref *ref = waldo_ref_retain(waldo_promise_get_ref(made));

	watch_outcome(o, made);
	(void) ask(w, ref, "echo", WALDO_OK);
	o = expect(w, WALDO_OK);
	watch_outcome(o,
	              waldo_ref_invoke(w->gate, "keep", "ir", o->number, ref));
	waldo_ref_release(ref);

	/* On a call that is deferred: it is parked there. */
	o = expect(w, WALDO_OK);
	held = waldo_ref_invoke(w->gate, "hold", "i", o->number);
	ref = waldo_ref_retain(waldo_promise_get_ref(held));
	watch_outcome(o, held);
	(void) ask(w, ref, "echo", WALDO_OK);
	waldo_ref_release(ref);

	/* In the middle of a result. */
	o = expect(w, WALDO_OK);
	list = waldo_ref_invoke(w->gate, "many", "ii", o->number, 2);
	ref = waldo_ref_retain(waldo_promise_get_ref_at(list, "1"));
	(void) ask(w, ref, "echo", WALDO_OK);
	(void) ask(w, waldo_promise_get_ref_at(list, "x"), "echo",
	           WALDO_EINVAL);
	watch_outcome(o, list);
	waldo_ref_release(ref);
	pump();
	answer_held(w);
}

static void
pipelining_on_a_failure(struct world *w)
{
	struct outcome *o = expect(w, WALDO_EREMOTE);
	waldo_promise *failed =
	    waldo_ref_invoke(w->gate, "fail", "i", o->number);
	waldo_ref *ref = waldo_ref_retain(waldo_promise_get_ref(failed));

	watch_outcome(o, failed);
	(void) ask(w, ref, "echo", WALDO_EREMOTE);
	pump();
	(void) ask(w, ref, "echo", WALDO_EREMOTE);
	waldo_ref_release(ref);
}

static void
deferring(struct world *w)
{
	(void) ask(w, w->gate, "hold", WALDO_OK);
	(void) ask(w, w->gate, "hold", WALDO_OK);
	pump();
	answer_held(w);
}

static void
cancelling(struct world *w)
{
	struct outcome *o = expect(w, WALDO_ECANCELLED);
	waldo_promise *promise =
	    waldo_ref_invoke(w->gate, "hold", "i", o->number);

	watch_outcome(o, waldo_promise_retain(promise));
	pump();
	waldo_promise_cancel(promise);
	waldo_promise_release(promise);
	pump();
	answer_held(w);

	/* And before it has left. */
	o = expect(w, WALDO_ECANCELLED);
	promise = waldo_ref_invoke(w->gate, "echo", "i", o->number);
	watch_outcome(o, waldo_promise_retain(promise));
	waldo_promise_cancel(promise);
	waldo_promise_release(promise);
}

static void
missing_a_deadline(struct world *w)
{
	struct outcome *o = expect(w, WALDO_EDEADLINE);
	waldo_request *request = waldo_request_new(w->gate, "hold", &in_50_ms);

	waldo_putf(waldo_request_get_args(request), "i", o->number);
	watch_outcome(o, waldo_request_send(request));
	ground_advance(1000);
	answer_held(w);
}

static void
sending_big_bytes(struct world *w)
{
	struct outcome *o = expect(w, WALDO_OK);
	waldo_request *request = waldo_request_new(w->gate, "take_big", NULL);

	waldo_putf(waldo_request_get_args(request), "i", o->number);
	lend(w, waldo_request_get_args(request), BIG);
	watch_outcome(o, waldo_request_send(request));
	(void) ask(w, w->gate, "give_big", WALDO_OK);
	pump();

	/* Once more, and never sent. */
	request = waldo_request_new(w->gate, "take_big", NULL);
	lend(w, waldo_request_get_args(request), BIG);
	waldo_request_free(request);
}

/* P38: one fits in the window, and the others wait for credit. */
static void
waiting_for_credit(struct world *w)
{
	pump();
	for (int i = 0; i < 3; i++) {
		struct outcome *o = expect(w, WALDO_OK);
		waldo_request *request =
		    waldo_request_new(w->gate, "take_big", NULL);

		waldo_putf(waldo_request_get_args(request), "i", o->number);
		lend(w, waldo_request_get_args(request), BIG);
		watch_outcome(o, waldo_request_send(request));
	}
	watch_room(w, w->gate);
	(void) ask(w, w->gate, "echo", WALDO_OK);
}

/* P39: what comes behind the second result waits until they are read. */
static void
asking_for_more_than_is_read(struct world *w)
{
	pump();
	for (int i = 0; i < 4; i++) {
		(void) ask(w, w->gate, "give_big", WALDO_OK);
	}
	(void) ask(w, w->gate, "echo", WALDO_OK);
	(void) ask(w, w->gate, "make", WALDO_OK);
}

/* P10: what was promised is the caller's own, so that the path changes. */
static void
settling_to_ones_own(struct world *w)
{
	waldo_ref *mine = service_new(w, w->client), *ref;
	struct outcome *o = expect(w, WALDO_OK);
	waldo_promise *kept;

	watch_outcome(o,
	              waldo_ref_invoke(w->gate, "keep", "ir", o->number, mine));
	o = expect(w, WALDO_OK);
	kept = waldo_ref_invoke(w->gate, "kept", "i", o->number);
	ref = waldo_ref_retain(waldo_promise_get_ref(kept));
	watch_outcome(o, kept);
	(void) ask(w, ref, "echo", WALDO_OK);
	waldo_node_flush(w->client);
	(void) waldo_node_step(w->server, 0);
	(void) waldo_node_step(w->client, 0);
	/* Held, unless the flush is back already. */
	(void) ask(w, ref, "echo", WALDO_OK);
	pump();
	(void) ask(w, ref, "echo", WALDO_OK);
	waldo_ref_release(ref);
	waldo_ref_release(mine);
}

/* A promise of this node's own is an argument, and RESOLVE tells what it
 * became. */
static void
passing_a_promise(struct world *w)
{
	waldo_ref *mine = service_new(w, w->client), *ref;
	struct outcome *outer = expect(w, WALDO_OK), *inner, *o;
	waldo_promise *held;

	held = waldo_ref_invoke(mine, "hold", "i", outer->number);
	ref = waldo_ref_retain(waldo_promise_get_ref(held));
	watch_outcome(outer, held);
	o = expect(w, WALDO_OK);
	watch_outcome(o,
	              waldo_ref_invoke(w->gate, "keep", "ir", o->number, ref));
	outer = expect(w, WALDO_OK);
	inner = expect(w, WALDO_OK);
	inner->not_ours = true;
	watch_outcome(outer,
	              waldo_ref_invoke(w->gate, "call", "iri", outer->number,
	                               ref, inner->number));
	waldo_ref_release(ref);
	pump();
	for (size_t i = 0; i < w->held_count; i++) {
		waldo_call_reply(w->held[i], "r", i % 2 == 0 ? mine : w->gate);
	}
	w->held_count = 0;
	waldo_ref_release(mine);
	pump();
	(void) ask(w, w->gate, "echo", WALDO_OK);
}

static void
passing_many_references(struct world *w)
{
	struct outcome *o = expect(w, WALDO_OK);
	waldo_request *request;

	watch_outcome(o,
	              waldo_ref_invoke(w->gate, "many", "ii", o->number, 20));
	pump();
	o = expect(w, WALDO_OK);
	request = waldo_request_new(w->gate, "echo", NULL);
	waldo_putf(waldo_request_get_args(request), "i", o->number);
	for (int i = 0; i < 20; i++) {
		waldo_ref *ref = service_new(w, w->client);

		waldo_put_ref(waldo_request_get_args(request), ref);
		waldo_ref_release(ref);
	}
	watch_outcome(o, waldo_request_send(request));
}

static void
calling_many_methods(struct world *w)
{
	char name[32];

	pump();
	for (int i = 0; i < 20; i++) {
		(void) snprintf(name, sizeof(name), "method%d", i);
		(void) ask(w, w->gate, name, WALDO_OK);
	}
}

/* More than may be sent before the peer has said HELLO. */
static void
calling_before_the_hello(struct world *w)
{
	for (int i = 0; i < 24; i++) {
		(void) ask(w, w->gate, "echo", WALDO_OK);
	}
}

/* So many that their acknowledgement, behind the PONGs, needs memory. */
static void
notifying(struct world *w)
{
	pump();
	for (int i = 0; i < 5; i++) {
		struct outcome *o = expect(w, WALDO_OK);
		waldo_request *request =
		    waldo_request_new(w->gate, "echo", &one_way);

		o->unseen = true;
		waldo_putf(waldo_request_get_args(request), "i", o->number);
		watch_outcome(o, waldo_request_send(request));
	}
	pump();
	(void) waldo_ref_notify(w->gate, "keep", "ir", MAX_OUTCOMES - 1,
	                        w->gate);
	(void) ask(w, w->gate, "echo", WALDO_OK);
}

static void
watching(struct world *w)
{
	watch_ref(w, w->gate);
	watch_time(w, w->client, 10);
	pump();
	watch_ref(w, w->gate);
	if (w->near) {
		waldo_object_revoke(w->gate);
	} else {
		waldo_ref_end_session(w->gate, "no more");
	}
	watch_ref(w, w->gate);
}

static void
revoking(struct world *w)
{
	struct outcome *o = expect(w, WALDO_OK);
	waldo_ref *ref = service_new(w, w->server);

	watch_outcome(
	    o, waldo_ref_invoke(w->service, "keep", "ir", o->number, ref));
	o = ask(w, w->gate, "kept", WALDO_OK);
	pump();
	(void) ask(w, o->ref, "hold", WALDO_EREVOKED);
	pump();
	waldo_object_revoke(ref);
	waldo_ref_release(ref);
	(void) ask(w, o->ref, "echo", WALDO_EREVOKED);
	pump();
	answer_held(w);
}

static void
ending_the_session(struct world *w)
{
	waldo_err want = w->near ? WALDO_OK : WALDO_ELOST;

	pump();
	(void) ask(w, w->gate, "hold", want);
	pump();
	waldo_ref_end_session(w->gate, "no more");
	(void) ask(w, w->gate, "echo", want);
	pump();
	answer_held(w);
}

static void
losing_the_peer(struct world *w)
{
	struct outcome *o;

	pump();
	o = ask(w, w->gate, "hold", WALDO_ELOST);
	o->at_end = true;
	pump();
	if (!w->near) {
		ground_node_free(w->server);
		w->server = NULL;
	}
	/* With both ends in one node, the end of the world ends it. */
}

static void
relaying(struct world *w)
{
	waldo_listener *listener;
	waldo_ref *there = NULL, *far = NULL;
	struct outcome *o;

	pump();
	w->third = node_new(w);
	if (w->third == NULL) {
		return;
	}
	there = service_new(w, w->third);
	if (waldo_listen(w->third, "inproc:third", &listener) != WALDO_OK ||
	    waldo_publish(w->third, "gate", there) != WALDO_OK ||
	    waldo_connect(w->server, "waldo+inproc:third/gate", &far) !=
	        WALDO_OK) {
		far = NULL;
	}
	o = expect(w, WALDO_OK);
	watch_outcome(
	    o, waldo_ref_invoke(w->service, "keep", "ir", o->number, far));
	o = ask(w, w->gate, "kept", WALDO_OK);
	pump();
	(void) ask(w, o->ref, "echo", WALDO_OK);
	(void) ask(w, o->ref, "fail", WALDO_EREMOTE);
	waldo_ref_release(far);
	waldo_ref_release(there);
}

static void
describing(struct world *w)
{
	struct outcome *o = expect(w, WALDO_OK);

	o->unseen = true; /* no method of the service runs for it */
	watch_outcome(o, waldo_ref_invoke(w->gate, ".describe", ""));
}

/* With a perspective; what is not let through, what is filtered, and a call
 * under way when it is revoked. */
static void
passing_through_a_facet(struct world *w)
{
	static const char *const some[] = {"echo", "hold", NULL};
	const waldo_facet_options options = {.size = sizeof(options),
	                                     .methods = some,
	                                     .calls_per_second = 100,
	                                     .lifetime_ms = 60 * 1000,
	                                     .perspective = w->gate};
	waldo_ref *facet = NULL;
	struct outcome *o;

	if (waldo_facet_new(w->gate, &options, &facet) != WALDO_OK) {
		return;
	}
	(void) ask(w, facet, "echo", WALDO_OK);
	(void) ask(w, facet, "kept", WALDO_EDENIED);
	o = expect(w, WALDO_OK);
	o->unseen = true;
	watch_outcome(o, waldo_ref_invoke(facet, ".describe", ""));
	pump();
	(void) ask(w, facet, "hold", WALDO_EREVOKED);
	pump();
	waldo_object_revoke(facet);
	waldo_ref_release(facet);
	pump();
	answer_held(w);
}

/* Who was admitted and not logged out yet; none when a world has ended. */
static int inside;

static void
logged_out(void *user)
{
	(void) user;
	inside--;
}

static void
admit(void *self, waldo_login *login)
{
	struct world *w = self;

	inside++;
	waldo_login_admit(login, w->service, logged_out, w);
}

static void
logging_in(struct world *w)
{
	const waldo_portal_options options = {
	    .size = sizeof(options),
	    .realm = admit,
	    .self = w,
	    .second = WALDO_SECOND_REPLACE,
	};
	waldo_portal *portal = NULL;
	waldo_ref *gate = NULL;
	waldo_promise *login;

	if (inside != 0) {
		abort();
	}
	if (waldo_portal_new(w->server, &options, &portal, &gate) != WALDO_OK) {
		return;
	}
	if (waldo_portal_allow_anonymous(portal, "ann") == WALDO_OK) {
		login = waldo_ref_invoke(gate, "login", "{}n");
		pump();
		waldo_promise_release(login);
		waldo_promise_release(waldo_ref_invoke(gate, "login", "{}n"));
		pump();
	}
	waldo_ref_release(gate);
}

static void
stopping(struct world *w)
{
	pump();
	(void) ask(w, w->gate, "hold", WALDO_OK);
	(void) ask(w, w->gate, "echo", WALDO_OK);
	pump();
	w->stopping = w->server != NULL;
	waldo_node_stop(w->server, 1000);
	pump();
	answer_held(w);
}

/* A name that is not published: the finder is asked. */
static void
finding(struct world *w)
{
	/* any_other() answers with a string; near, nobody listens. */
	waldo_err want = w->near ? WALDO_ECONNECT : WALDO_EINVAL;
	waldo_ref *found = NULL;
	char uri[sizeof(w->uri) + 16];

	if (waldo_set_finder(w->server, w->service) != WALDO_OK) {
		return;
	}
	for (int i = 0; i < 2 && w->client != NULL; i++) {
		(void) snprintf(uri, sizeof(uri), "%s/name%d",
		                w->near ? "waldo+inproc:oom" : w->uri, i);
		if (waldo_connect(w->client, uri, &found) == WALDO_OK) {
			(void) ask(w, found, "echo", want);
			waldo_ref_release(found);
		}
	}
}

/* Promises that travel, and what they become. */
static void
resolving(struct world *w)
{
	converse_from(w, "ask for a promise", "call what was promised");
}

static void
passing_what_is_held(struct world *w)
{
	converse_from(w, "pass a promise", "call what it was");
}

const struct scenario scenarios[] = {
    {"connecting", connecting},
    {"passing values", passing_values},
    {"failing", failing},
    {"passing a callback", pass_a_callback},
    {"sending a reference home", sending_home},
    {"pipelining", pipelining},
    {"pipelining on a failure", pipelining_on_a_failure},
    {"deferring", deferring},
    {"cancelling", cancelling},
    {"missing a deadline", missing_a_deadline},
    {"sending big bytes", sending_big_bytes},
    {"waiting for credit", waiting_for_credit},
    {"asking for more than is read", asking_for_more_than_is_read},
    {"settling to one's own", settling_to_ones_own},
    {"passing a promise", passing_a_promise},
    {"passing many references", passing_many_references},
    {"calling many methods", calling_many_methods},
    {"calling before the HELLO", calling_before_the_hello},
    {"notifying", notifying},
    {"watching", watching},
    {"revoking", revoking},
    {"ending the session", ending_the_session},
    {"losing the peer", losing_the_peer},
    {"relaying", relaying},
    {"describing", describing},
    {"passing through a facet", passing_through_a_facet},
    {"logging in", logging_in},
    {"resolving a promise", resolving},
    {"passing what is held", passing_what_is_held},
    {"stopping", stopping},
    {"finding", finding},
    {"trusting a host", trusting_a_host},
    {"trusting a host later", trusting_a_host_later},
    {"trying two places", trying_two_places},
    {"meeting a cluster", meeting_a_cluster},
    {"following a rotation", following_a_rotation},
    {"fetching a grant", fetching_a_grant},
};

const size_t scenario_count = sizeof(scenarios) / sizeof(*scenarios);
