/* SPDX-License-Identifier: MIT */
#include <string.h>
#include "bench_calls.h"

/* ---- how a call ends */

static void
stop(struct bench_runner *runner, int status)
{
	runner->status = runner->status == STATUS_OK ? status : runner->status;
	waldo_node_stop(runner->nodes[0], 0);
}

/* What fails when it is over was still in flight. True if there is a result
 * to look at. */
static bool
has_result(struct bench_runner *runner, const waldo_failure *failure)
{
	if (runner->meter->phase == METER_OVER || runner->status != STATUS_OK) {
		return false;
	}
	if (failure != NULL) {
		const struct peer peer = {.uri = runner->meter->address};

		stop(runner, complain_failure(failure, &peer));
		return false;
	}
	return true;
}

static void
fail_result(struct bench_runner *runner)
{
	stop(runner, complain(STATUS_CALLEE, "%s: a result is wrong",
	                      runner->meter->workload));
}

static void
count_call(struct bench_slot *slot)
{
	struct bench_runner *runner = slot->runner;

	if (meter_count(runner->meter)) {
		slot->connection = meter_next(runner->meter, slot->connection);
		runner->start(slot);
	} else {
		stop(runner, STATUS_OK);
	}
}

static void
when(struct bench_slot *slot, waldo_promise *promise, waldo_done_cb *cb)
{
	if (waldo_promise_when(promise, cb, slot) != WALDO_OK) {
		stop(slot->runner, complain(STATUS_LOST, "out of memory"));
	}
}

/* ---- small calls */

static bool
is_echo(waldo_reader *values, int64_t number)
{
	bool same = waldo_read_int(values, INT64_MIN, INT64_MAX) == number &&
	            strcmp(waldo_read_str(values, NULL), METER_TEXT) == 0;

	return waldo_read_end(values) == WALDO_OK && same;
}

static void
on_echo(waldo_reader *result, const waldo_failure *failure, void *user)
{
	struct bench_slot *slot = user;
	struct bench_runner *runner = slot->runner;
	struct bench_connection *c = &runner->connections[slot->connection];

	if (!has_result(runner, failure)) {
		return;
	}
	if (waldo_read_list(result) != 2 ||
	    !is_echo(result, BENCH_NUMBER + c->answered++)) {
		fail_result(runner);
	} else {
		count_call(slot);
	}
}

static void
call_echo(struct bench_slot *slot)
{
	struct bench_connection *c =
	    &slot->runner->connections[slot->connection];

	when(slot,
	     waldo_ref_invoke(c->target, "echo", "Is", BENCH_NUMBER + c->sent++,
	                      METER_TEXT),
	     on_echo);
}

/* ---- large ones */

/* All of it while the bench warms up; then eight bytes of each page, others
 * each time: to look at all would be measured too. */
static bool
is_payload(struct bench_slot *slot, const uint8_t *data, size_t len)
{
	const struct bench_runner *runner = slot->runner;
	const uint8_t *payload = runner->payload;
	size_t at = slot->calls++ % 512 * 8;

	if (data == NULL || len != METER_LARGE) {
		return false;
	}
	if (runner->meter->phase == METER_WARM_UP) {
		return memcmp(data, payload, len) == 0;
	}
	for (; at < len; at += 4096) {
		if (memcmp(data + at, payload + at, 8) != 0) {
			return false;
		}
	}
	return true;
}

static void
on_large(waldo_reader *result, const waldo_failure *failure, void *user)
{
	struct bench_slot *slot = user;
	const uint8_t *data;
	size_t len;

	if (!has_result(slot->runner, failure)) {
		return;
	}
	data = waldo_read_bytes(result, &len);
	if (!is_payload(slot, data, len)) {
		fail_result(slot->runner);
	} else {
		count_call(slot);
	}
}

static void
call_large(struct bench_slot *slot)
{
	const struct bench_runner *runner = slot->runner;
	waldo_request *request = waldo_request_new(
	    runner->connections[slot->connection].target, "large", NULL);

	waldo_put_bytes_take(waldo_request_get_args(request), runner->payload,
	                     METER_LARGE, NULL, NULL);
	when(slot, waldo_request_send(request), on_large);
}

/* ---- objects */

static void
on_poked(waldo_reader *result, const waldo_failure *failure, void *user)
{
	struct bench_slot *slot = user;

	waldo_ref_release(slot->object);
	slot->object = NULL;
	if (!has_result(slot->runner, failure)) {
		return;
	}
	if (waldo_read_int(result, INT64_MIN, INT64_MAX) != slot->calls + 1 ||
	    waldo_read_end(result) != WALDO_OK) {
		fail_result(slot->runner);
		return;
	}
	slot->calls++;
	count_call(slot);
}

static void
poke(struct bench_slot *slot)
{
	when(slot,
	     waldo_ref_invoke(slot->object, "poke", "I", (int64_t) slot->calls),
	     on_poked);
}

static void
on_made(waldo_reader *result, const waldo_failure *failure, void *user)
{
	struct bench_slot *slot = user;
	waldo_ref *object;

	if (!has_result(slot->runner, failure)) {
		return;
	}
	object = waldo_read_ref(result);
	if (object == NULL) {
		fail_result(slot->runner);
		return;
	}
	slot->object = waldo_ref_retain(object);
	poke(slot);
}

static void
call_churn(struct bench_slot *slot)
{
	struct bench_connection *c =
	    &slot->runner->connections[slot->connection];

	when(slot, waldo_ref_invoke(c->target, "make", ""), on_made);
}

static void
call_churn_pipelined(struct bench_slot *slot)
{
	struct bench_connection *c =
	    &slot->runner->connections[slot->connection];
	waldo_promise *made = waldo_ref_invoke(c->target, "make", "");

	slot->object = waldo_ref_retain(waldo_promise_get_ref(made));
	waldo_promise_release(made);
	poke(slot);
}

/* ---- events */

static void
sink_event(void *self, waldo_call *call)
{
	struct bench_runner *runner = self;
	struct bench_connection *c = &runner->connections[0];

	if (!is_echo(waldo_call_get_args(call), BENCH_NUMBER + c->answered)) {
		waldo_call_fail(call, "bench.Wrong", "that was not the event");
		fail_result(runner);
		return;
	}
	c->answered++;
	waldo_call_reply(call, "");
	if (runner->meter->phase != METER_OVER && !meter_count(runner->meter)) {
		stop(runner, STATUS_OK);
	}
}

static const waldo_method sink_methods[] = {
    {"event", sink_event, "(number: i64, text: string)", 0},
    {0},
};

static const waldo_class sink_class = {
    WALDO_CLASS_SIZES, "BenchSink", sink_methods, NULL, NULL,
};

static void
on_push(waldo_reader *result, const waldo_failure *failure, void *user)
{
	(void) result;
	(void) has_result(user, failure);
}

int
bench_start_events(struct bench_runner *runner)
{
	struct bench_connection *c = &runner->connections[0];
	waldo_ref *sink = NULL;
	waldo_err err =
	    waldo_object_new(runner->nodes[0], &sink_class, runner, &sink);

	if (err == WALDO_OK) {
		err = waldo_promise_when(
		    waldo_ref_invoke(c->target, "push", "rU", sink,
		                     (uint64_t) runner->meter->window),
		    on_push, runner);
	}
	waldo_ref_release(sink);
	return err == WALDO_OK ? STATUS_OK
	                       : complain_err(err, runner->nodes[0]);
}

bench_call_fn *
bench_find_call(const meter *m)
{
	return m->is_large             ? call_large
	       : meter_is(m, "churn")  ? call_churn
	       : meter_is(m, "churnp") ? call_churn_pipelined
	                               : call_echo;
}
