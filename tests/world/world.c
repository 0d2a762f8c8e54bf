/* SPDX-License-Identifier: MIT */
#include "world/world.h"
#include "world/ground.h"

#include <stdio.h>
#include <string.h>

static const uint8_t big[BIG];

void
pump(void)
{
	ground_settle();
}

void
world_interrupt(struct world *w, waldo_node *node)
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
	world_interrupt(outcome->w, outcome->w->client);
}

void
watch_outcome(struct outcome *outcome, waldo_promise *promise)
{
	outcome->registered =
	    waldo_promise_when(promise, note, outcome) == WALDO_OK;
}

struct outcome *
ask(struct world *w, waldo_ref *ref, const char *method, waldo_err want)
{
	struct outcome *o = expect(w, want);

	watch_outcome(o, waldo_ref_invoke(ref, method, "i", o->number));
	return o;
}

void
pass_a_callback(struct world *w)
{
	waldo_ref *mine = service_new(w, w->client);
	struct outcome *outer = expect(w, WALDO_OK);
	struct outcome *inner = expect(w, WALDO_OK);

	inner->not_ours = true;
	watch_outcome(outer,
	              waldo_ref_invoke(w->gate, "call", "iri", outer->number,
	                               mine, inner->number));
	waldo_ref_release(mine);
}

/* ---- loans and watches */

static void
note_done(void *user)
{
	struct loan *loan = user;

	loan->done++;
	world_interrupt(loan->w, NULL);
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
	world_interrupt(watch->w, watch->w->client);
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
	world_interrupt(watch->w, watch->w->client);
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
	world_interrupt(watch->w, watch->w->client);
}

void
watch_time(struct world *w, waldo_node *node, uint32_t delay_ms)
{
	struct watch *watch = &w->watches[w->watch_count++];

	watch->w = w;
	watch->registered = waldo_node_after(node, delay_ms, note_time, watch,
	                                     &watch->handle) == WALDO_OK;
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

void
world_release_refs(struct world *w)
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
	world_release_refs(w);
	waldo_ref_release(w->gate);
	ground_node_free(w->third);
	ground_node_free(w->server);
	answer_held(w);
}
