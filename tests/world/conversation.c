/* SPDX-License-Identifier: MIT */
#include "world/conversation.h"

#include "world/ground.h"

#include <string.h>

/* More than is copied on its way (and less than takes long). */
enum { LARGE = 20000 };

static const waldo_options one_way = {sizeof(one_way), 0, WALDO_ONE_WAY};
static const waldo_options in_50_ms = {sizeof(in_50_ms), 50, 0};

/* The reference that a call will return, of which this keeps the promise. */
static waldo_ref *
ask_for_ref(struct world *w, const char *method)
{
	struct outcome *o = expect(w, WALDO_OK);
	waldo_promise *promise =
	    waldo_ref_invoke(w->gate, method, "i", o->number);
	waldo_ref *ref = waldo_ref_retain(waldo_promise_get_ref(promise));

	watch_outcome(o, promise);
	return ref;
}

/* At once, and more than may be said before the HELLO is there. */
static void
connect_first(struct world *w)
{
	world_open_client(w);
	watch_ref(w, w->gate);
	for (int i = 0; i < 18; i++) {
		(void) ask(w, w->gate, "echo", WALDO_OK);
	}
}

static void
pass_values(struct world *w)
{
	struct outcome *o = expect(w, WALDO_OK);
	waldo_request *request = waldo_request_new(w->gate, "echo", NULL);
	waldo_writer *args = waldo_request_get_args(request);

	waldo_putf(args, "indbs[i[i]]{sUsI}", o->number, 0.5, 1, "text", 1, 2,
	           "a", UINT64_MAX, "b", INT64_MIN);
	waldo_put_time(args, 1);
	watch_outcome(o, waldo_request_send(request));
}

static void
fail_calls(struct world *w)
{
	(void) ask(w, w->gate, ".none", WALDO_EMETHOD);
	(void) ask(w, w->gate, "fail", WALDO_EREMOTE);
	watch_outcome(expect(w, WALDO_EARGS),
	              waldo_ref_invoke(w->gate, "call", "s", "?"));
}

static void
pipeline(struct world *w)
{
	waldo_ref *made = ask_for_ref(w, "make");
	struct outcome *o = expect(w, WALDO_OK);
	waldo_promise *list =
	    waldo_ref_invoke(w->gate, "many", "ii", o->number, 2);
	waldo_ref *item = waldo_ref_retain(waldo_promise_get_ref_at(list, "1"));

	watch_outcome(o, list);
	(void) ask(w, made, "echo", WALDO_OK);
	(void) ask(w, item, "echo", WALDO_OK);
	waldo_ref_release(item);
	waldo_ref_release(made);

	made = ask_for_ref(w, "fail");
	w->outcomes[w->outcome_count - 1].want = WALDO_EREMOTE;
	(void) ask(w, made, "echo", WALDO_EREMOTE);
	waldo_ref_release(made);
}

/* On what will be there when the server answers. */
static void
call_what_is_held(struct world *w)
{
	waldo_ref *held = ask_for_ref(w, "hold");

	(void) ask(w, held, "echo", WALDO_OK);
	waldo_ref_release(held);
}

static void
hold_on(struct world *w)
{
	struct outcome *o = expect(w, WALDO_ECANCELLED);

	w->promise = waldo_ref_invoke(w->gate, "hold", "i", o->number);
	watch_outcome(o, waldo_promise_retain(w->promise));
}

static void
give_up(struct world *w)
{
	waldo_promise_cancel(w->promise);
	waldo_promise_release(w->promise);
	w->promise = NULL;
}

static void
come_late(struct world *w)
{
	struct outcome *o = expect(w, WALDO_EDEADLINE);
	waldo_request *request = waldo_request_new(w->gate, "hold", &in_50_ms);

	waldo_putf(waldo_request_get_args(request), "i", o->number);
	watch_outcome(o, waldo_request_send(request));
}

static void
notify(struct world *w)
{
	struct outcome *o = expect(w, WALDO_OK);
	waldo_request *request = waldo_request_new(w->gate, "echo", &one_way);

	o->unseen = true;
	waldo_putf(waldo_request_get_args(request), "i", o->number);
	watch_outcome(o, waldo_request_send(request));
	(void) waldo_ref_notify(w->gate, "keep", "ir", MAX_OUTCOMES - 2,
	                        w->gate);
}

static void
send_much(struct world *w)
{
	struct outcome *o = expect(w, WALDO_OK);
	waldo_request *request = waldo_request_new(w->gate, "echo", NULL);

	waldo_put_int(waldo_request_get_args(request), o->number);
	lend(w, waldo_request_get_args(request), LARGE);
	watch_outcome(o, waldo_request_send(request));
}

/* In the hand until it is called again. */
static void
call_hand(struct world *w)
{
	(void) ask(w, w->hand, "echo", WALDO_OK);
	waldo_ref_release(w->hand);
	w->hand = NULL;
}

/* A promise of the server's, which is resolved when that answers. */
static void
ask_for_a_promise(struct world *w)
{
	w->hand = ask_for_ref(w, "promise");
	(void) ask(w, w->hand, "echo", WALDO_OK);
}

/* A reference comes home: what is called on the promise of it goes there and
 * back, what is called when it has settled must not overtake that. */
static void
give_mine(struct world *w)
{
	waldo_ref *mine = service_new(w, w->client);
	struct outcome *o = expect(w, WALDO_OK);

	watch_outcome(o,
	              waldo_ref_invoke(w->gate, "keep", "ir", o->number, mine));
	waldo_ref_release(mine);
	w->hand = ask_for_ref(w, "hold");
	watch_ref(w, w->hand);
	(void) ask(w, w->hand, "echo", WALDO_OK);
}

static void
answer_with_what_is_kept(struct world *w)
{
	answer_held_with(w, w->kept);
}

/* What the server will answer, as an argument of another call. */
static void
pass_a_promise(struct world *w)
{
	struct outcome *o;

	w->hand = ask_for_ref(w, "hold");
	o = expect(w, WALDO_OK);
	watch_outcome(
	    o, waldo_ref_invoke(w->gate, "keep", "ir", o->number, w->hand));
	(void) ask(w, w->hand, "echo", WALDO_OK);
}

/* What is held here, and is called from there before it is there. */
static void
pass_my_promise(struct world *w)
{
	struct outcome *held = expect(w, WALDO_OK);
	struct outcome *outer = expect(w, WALDO_OK);
	struct outcome *inner = expect(w, WALDO_OK);
	waldo_promise *promise;

	w->hand = service_new(w, w->client);
	promise = waldo_ref_invoke(w->hand, "hold", "i", held->number);
	inner->not_ours = true;
	watch_outcome(outer,
	              waldo_ref_invoke(w->gate, "call", "iri", outer->number,
	                               waldo_promise_get_ref(promise),
	                               inner->number));
	watch_outcome(held, promise);
}

static void
keep_my_promise(struct world *w)
{
	answer_held_with(w, w->hand);
	call_hand(w);
}

static void
be_silent(struct world *w)
{
	(void) w;
}

static void
let_go_of_kept(struct world *w)
{
	waldo_ref_release(w->kept);
	w->kept = NULL;
}

static void
let_go(struct world *w)
{
	stop_watches(w);
	for (size_t i = 0; i < w->outcome_count; i++) {
		waldo_ref_release(w->outcomes[i].ref);
		w->outcomes[i].ref = NULL;
	}
	waldo_ref_release(w->gate);
	w->gate = NULL;
}

/* More than it was told at first. */
static void
raise_limits(struct world *w)
{
	(void) ask(w, w->gate, "raise", WALDO_OK);
}

/* Another session, to be ended by the server. */
static void
connect_again(struct world *w)
{
	w->gate = gate_of(w, w->client);
	(void) ask(w, w->gate, "echo", WALDO_OK);
	(void) ask(w, w->gate, "hold", WALDO_OK);
}

static void
stop_server(struct world *w)
{
	waldo_node_stop(w->server, 5000);
}

static void
call_in_vain(struct world *w)
{
	(void) ask(w, w->gate, "echo", WALDO_ELOST);
}

/* What was called before is still answered: with nothing that would have to be
 * dropped while the server says BYE. */
static void
answer_with_nil(struct world *w)
{
	answer_held_with(w, NULL);
}

const struct step conversation[] = {
    {"connect", CLIENT, connect_first, 0, true},
    {"pass values", CLIENT, pass_values, 0, false},
    {"fail", CLIENT, fail_calls, 0, false},
    {"pipeline", CLIENT, pipeline, 0, false},
    {"pass a callback", CLIENT, pass_a_callback, 0, false},
    {"call what is held", CLIENT, call_what_is_held, 0, false},
    {"answer it", SERVER, answer_held, 0, false},
    {"hold on", CLIENT, hold_on, 0, false},
    {"give up", CLIENT, give_up, 0, false},
    {"answer who gave up", SERVER, answer_held, 0, false},
    {"wait for too long", CLIENT, come_late, 100, false},
    {"answer too late", SERVER, answer_held, 0, false},
    {"notify", CLIENT, notify, 0, false},
    {"send much", CLIENT, send_much, 0, false},
    {"ask for a promise", CLIENT, ask_for_a_promise, 0, false},
    {"resolve it", SERVER, answer_held, 0, false},
    {"call what was promised", CLIENT, call_hand, 0, false},
    {"give an own object", CLIENT, give_mine, 0, false},
    {"return it", SERVER, answer_with_what_is_kept, 0, false},
    {"call it at home", CLIENT, call_hand, 0, false},
    {"pass a promise", CLIENT, pass_a_promise, 0, false},
    {"settle it", SERVER, answer_held, 0, false},
    {"call what it was", CLIENT, call_hand, 0, false},
    {"pass an own promise", CLIENT, pass_my_promise, 0, false},
    {"resolve that", CLIENT, keep_my_promise, 0, false},
    {"raise limits", CLIENT, raise_limits, 0, false},
    {"be silent", CLIENT, be_silent, 10000, false},
    {"forget", SERVER, let_go_of_kept, 0, false},
    {"let go", CLIENT, let_go, 3000, false},
    {"connect again", CLIENT, connect_again, 0, true},
    {"stop", SERVER, stop_server, 100, false},
    {"call in vain", CLIENT, call_in_vain, 0, false},
    {"answer at last", SERVER, answer_with_nil, 2000, false},
    {"let go again", CLIENT, let_go, 2000, false},
};

const size_t conversation_steps = sizeof(conversation) / sizeof(*conversation);

void
converse_from(struct world *w, const char *first, const char *last)
{
	size_t i = 0;

	while (strcmp(conversation[i].name, first) != 0) {
		i++;
	}
	do {
		conversation[i].act(w);
		ground_advance(conversation[i].ms);
	} while (strcmp(conversation[i++].name, last) != 0);
}
