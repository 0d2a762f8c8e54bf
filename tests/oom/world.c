/* SPDX-License-Identifier: MIT */
#include "oom/world.h"
#include "broker/driver.h"
#include "oom/ground.h"

#include <stdio.h>
#include <string.h>

static const uint8_t big[BIG];

void
pump(void)
{
	ground_settle();
}

static void
interrupt(struct world *w, waldo_node *node)
{
	if (w->interrupt != NULL) {
		w->interrupt(w, node);
	}
}

/* ---- outcomes */

struct outcome *
expect(struct world *w, waldo_err want)
{
	struct outcome *outcome = &w->outcomes[w->outcome_count];

	outcome->w = w;
	outcome->number = (int) w->outcome_count++;
	outcome->want = want;
	return outcome;
}

static void
note(waldo_reader *result, const waldo_failure *failure, void *user)
{
	struct outcome *outcome = user;

	if (outcome->settled++ > 0) {
		return;
	}
	if (failure != NULL) {
		outcome->code = failure->code;
		outcome->fate = failure->fate;
	} else if (waldo_read_type(result) == WALDO_TYPE_REF) {
		outcome->ref = waldo_ref_retain(waldo_read_ref(result));
	}
	interrupt(outcome->w, outcome->w->client);
}

void
watch_outcome(struct outcome *outcome, waldo_promise *promise)
{
	outcome->registered =
	    waldo_promise_when(promise, note, outcome) == WALDO_OK;
}

/* ---- loans and watches */

static void
note_done(void *user)
{
	struct loan *loan = user;

	loan->done++;
	interrupt(loan->w, NULL);
}

void
lend(struct world *w, waldo_writer *writer, size_t len)
{
	struct loan *loan = &w->loans[w->loan_count++];

	loan->w = w;
	waldo_put_bytes_take(writer, big, len, note_done, loan);
}

static void
note_change(waldo_ref *ref, waldo_state state, void *user)
{
	struct watch *watch = user;

	(void) ref;
	watch->told += state == WALDO_BROKEN;
	interrupt(watch->w, watch->w->client);
}

void
watch_ref(struct world *w, waldo_ref *ref)
{
	struct watch *watch = &w->watches[w->watch_count++];

	watch->w = w;
	watch->registered = waldo_ref_watch(ref, note_change, watch,
	                                    &watch->handle) == WALDO_OK;
}

static void
note_room(waldo_ref *ref, waldo_state state, void *user)
{
	struct watch *watch = user;

	(void) ref;
	(void) state;
	watch->told++;
	interrupt(watch->w, watch->w->client);
}

void
watch_room(struct world *w, waldo_ref *ref)
{
	struct watch *watch = &w->watches[w->watch_count++];

	watch->w = w;
	watch->registered = waldo_ref_watch_room(ref, note_room, watch,
	                                         &watch->handle) == WALDO_OK;
}

static void
note_time(void *user)
{
	struct watch *watch = user;

	watch->told++;
	interrupt(watch->w, watch->w->client);
}

void
watch_time(struct world *w, waldo_node *node, uint32_t delay_ms)
{
	struct watch *watch = &w->watches[w->watch_count++];

	watch->w = w;
	watch->registered = waldo_node_after(node, delay_ms, note_time, watch,
	                                     &watch->handle) == WALDO_OK;
}

/* ---- the service */

/* Each call names its outcome, so that one that ran is told from one that did
 * not. */
static struct service *
enter(void *self, waldo_call *call)
{
	struct service *service = self;
	int64_t number =
	    waldo_read_int(waldo_call_get_args(call), 0, MAX_OUTCOMES - 1);

	if (waldo_read_error(waldo_call_get_args(call)) == WALDO_OK) {
		service->w->outcomes[number].runs++;
	}
	interrupt(service->w, service->node);
	return service;
}

/* echo(number, values...): a list of the values. */
static void
echo(void *self, waldo_call *call)
{
	waldo_reader *args = waldo_call_get_args(call);
	waldo_writer *result = waldo_call_get_result(call);

	(void) enter(self, call);
	waldo_put_list(result, waldo_read_count(args));
	waldo_put_rest(result, args);
	waldo_call_reply(call, "");
}

static void
make(void *self, waldo_call *call)
{
	struct service *service = enter(self, call);
	waldo_ref *ref = service_new(service->w, service->node);

	if (ref == NULL) {
		waldo_call_fail_err(call, WALDO_ENOMEM);
	} else {
		waldo_call_reply(call, "r", ref);
	}
	waldo_ref_release(ref);
}

/* many(number, count): so many new objects, in a list. */
static void
many(void *self, waldo_call *call)
{
	struct service *service = enter(self, call);
	waldo_writer *result = waldo_call_get_result(call);
	int64_t count = waldo_read_int(waldo_call_get_args(call), 0, 32);

	waldo_put_list(result, (size_t) count);
	for (int64_t i = 0; i < count; i++) {
		waldo_ref *ref = service_new(service->w, service->node);

		waldo_put_ref(result, ref);
		waldo_ref_release(ref);
	}
	waldo_call_reply(call, "");
}

static void
note_cancel(waldo_call *call, void *user)
{
	struct service *service = user;

	(void) call;
	service->cancelled++;
	interrupt(service->w, service->node);
}

static void
hold(void *self, waldo_call *call)
{
	struct service *service = enter(self, call);
	struct world *w = service->w;

	w->held[w->held_count++] = waldo_call_defer(call, note_cancel, service);
}

/* The reference that a call of its own will return: a promise. */
static void
promise(void *self, waldo_call *call)
{
	struct world *w = enter(self, call)->w;
	waldo_promise *later =
	    waldo_ref_invoke(w->service, "hold", "i", MAX_OUTCOMES - 1);

	waldo_call_reply(call, "r", waldo_promise_get_ref(later));
	waldo_promise_release(later);
}

static void
fail(void *self, waldo_call *call)
{
	(void) enter(self, call);
	waldo_call_fail(call, "test.Failed", "%s", "as was asked for");
}

static void
keep(void *self, waldo_call *call)
{
	struct world *w = enter(self, call)->w;
	waldo_ref *old = w->kept;

	w->kept = waldo_ref_retain(waldo_read_ref(waldo_call_get_args(call)));
	waldo_ref_release(old);
	waldo_call_reply(call, "");
}

static void
kept(void *self, waldo_call *call)
{
	waldo_call_reply(call, "r", enter(self, call)->w->kept);
}

/* call(number, ref, other): what ref.echo(other) answers. */
static void
call_back(void *self, waldo_call *call)
{
	waldo_reader *args = waldo_call_get_args(call);
	int64_t other;
	waldo_ref *ref;

	(void) enter(self, call);
	ref = waldo_read_ref(args);
	other = waldo_read_int(args, 0, MAX_OUTCOMES);
	if (waldo_call_check(call)) {
		waldo_call_follow(call,
		                  waldo_ref_invoke(ref, "echo", "I", other));
	}
}

static void
raise_limits(void *self, waldo_call *call)
{
	const waldo_limits limits = {
	    .size = sizeof(limits),
	    .open_calls = 2048,
	    .call_window = 256 * 1024,
	};
	waldo_err err;

	(void) enter(self, call);
	err = waldo_call_raise_limits(call, &limits);
	if (err == WALDO_OK) {
		waldo_call_reply(call, "");
	} else {
		waldo_call_fail_err(call, err);
	}
}

static void
give_big(void *self, waldo_call *call)
{
	struct service *service = enter(self, call);

	lend(service->w, waldo_call_get_result(call), BIG);
	waldo_call_reply(call, "");
}

static void
take_big(void *self, waldo_call *call)
{
	size_t len;
	const uint8_t *data;

	(void) enter(self, call);
	data = waldo_read_bytes(waldo_call_get_args(call), &len);
	if (!waldo_call_check(call)) {
		return;
	}
	if (len == BIG && data[0] == 0 && data[BIG - 1] == 0) {
		waldo_call_reply(call, "");
	} else {
		waldo_call_fail_err(call, WALDO_EARGS);
	}
}

static void
any_other(void *self, waldo_call *call)
{
	(void) enter(self, call);
	waldo_call_reply(call, "s", waldo_call_get_method(call));
}

static void
destroy(void *self)
{
	struct service *service = self;

	service->destroyed++;
	interrupt(service->w, service->node);
}

static const waldo_method methods[] = {
    {"echo", echo, "(number: i64, ...)", 0},
    {"make", make, NULL, 0},
    {"many", many, NULL, 0},
    {"hold", hold, NULL, 0},
    {"promise", promise, NULL, 0},
    {"fail", fail, NULL, 0},
    {"keep", keep, NULL, 0},
    {"kept", kept, NULL, 0},
    {"call", call_back, NULL, 0},
    {"raise", raise_limits, NULL, 0},
    {"give_big", give_big, NULL, 0},
    {"take_big", take_big, NULL, 0},
    {0},
};

static const waldo_class service_class = {
    WALDO_CLASS_SIZES, "Service", methods, destroy, any_other,
};

waldo_ref *
service_new(struct world *w, waldo_node *node)
{
	struct service *service = &w->services[w->service_count];
	waldo_ref *ref = NULL;

	service->w = w;
	service->node = node;
	if (waldo_object_new(node, &service_class, service, &ref) != WALDO_OK) {
		return NULL;
	}
	service->made = true;
	w->service_count++;
	return ref;
}

void
answer_held_with(struct world *w, waldo_ref *ref)
{
	size_t count = w->held_count;
	waldo_call *held[MAX_HELD];

	/* A reply may run callbacks, which may answer too. */
	memcpy(held, w->held, sizeof(held));
	w->held_count = 0;
	for (size_t i = 0; i < count; i++) {
		waldo_call_reply(held[i], "r", ref);
	}
}

void
answer_held(struct world *w)
{
	answer_held_with(w, w->service);
}

/* ---- the world */

static void
note_line(waldo_log_level level, const char *line, void *user)
{
	struct world *w = user;

	(void) level;
	w->broken |= strstr(line, "broke the protocol") != NULL;
}

waldo_node *
node_new(struct world *w)
{
	/* A few big messages fill what there is room for. */
	const waldo_limits limits = {.size = sizeof(limits),
	                             .message_bytes = 128 * 1024,
	                             .retained_bytes = 128 * 1024,
	                             .call_window = 128 * 1024,
	                             .queued_bytes = 512 * 1024};
	const waldo_node_options options = {.size = sizeof(options),
	                                    .limits = &limits,
	                                    .log = note_line,
	                                    .log_user = w};
	waldo_node *node = NULL;

	return ground_node_new(&options, &node) == WALDO_OK ? node : NULL;
}

bool
world_serve(struct world *w, const char *address)
{
	waldo_listener *listener = NULL;

	if (waldo_listen(w->server, address, &listener) != WALDO_OK) {
		return false;
	}
	(void) snprintf(w->uri, sizeof(w->uri), "%s",
	                waldo_listener_get_uri(listener));
	return waldo_publish(w->server, "gate", w->service) == WALDO_OK;
}

waldo_ref *
gate_of(const struct world *w, waldo_node *node)
{
	waldo_ref *ref = NULL;
	char uri[sizeof(w->uri) + 8];

	(void) snprintf(uri, sizeof(uri), "%s/gate", w->uri);
	return waldo_connect(node, uri, &ref) == WALDO_OK ? ref : NULL;
}

bool
world_open_server(struct world *w, const char *address)
{
	w->server = node_new(w);
	if (w->server == NULL) {
		return false;
	}
	w->service = service_new(w, w->server);
	return address == NULL || world_serve(w, address);
}

void
world_open_client(struct world *w)
{
	w->client = node_new(w);
	w->gate = gate_of(w, w->client); /* NULL: a broken one */
}

void
world_open(struct world *w, const char *address)
{
	*w = (struct world){.near = address == NULL};
	if (!world_open_server(w, address)) {
		return;
	}
	if (w->near) {
		w->client = w->server;
		w->gate = waldo_ref_retain(w->service);
	} else {
		world_open_client(w);
	}
}

void
world_settle(void)
{
	ground_outlast();
}

void
stop_watches(struct world *w)
{
	for (size_t i = 0; i < w->watch_count; i++) {
		waldo_watch_stop(w->watches[i].handle);
		w->watches[i].handle = NULL;
		w->watches[i].stopped = true;
	}
}

static void
release_refs(struct world *w)
{
	for (size_t i = 0; i < w->outcome_count; i++) {
		waldo_ref_release(w->outcomes[i].ref);
		w->outcomes[i].ref = NULL;
	}
	waldo_ref_release(w->kept);
	waldo_ref_release(w->hand);
	waldo_ref_release(w->service);
	w->kept = w->hand = w->service = NULL;
	waldo_promise_release(w->promise);
	w->promise = NULL;
}

void
world_close(struct world *w)
{
	stop_watches(w);
	if (w->client != w->server) {
		ground_node_free(w->client);
	}
	/* Some handles outlive their node. */
	release_refs(w);
	waldo_ref_release(w->gate);
	ground_node_free(w->third);
	ground_node_free(w->server);
	answer_held(w);
}

/* ---- what must hold */

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
	release_refs(w);
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
