/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include "bench.h"

/* ---- what make() returns */

static void
item_poke(void *self, waldo_call *call)
{
	int64_t x =
	    waldo_read_int(waldo_call_get_args(call), INT64_MIN, INT64_MAX - 1);

	(void) self;
	if (waldo_call_check(call)) {
		waldo_call_reply(call, "I", x + 1);
	}
}

static const waldo_method item_methods[] = {
    {"poke", item_poke, "(x: i64) -> i64", 0},
    {0},
};

static const waldo_class item_class = {
    WALDO_CLASS_SIZES, "BenchItem", item_methods, free, NULL,
};

static void
bench_make(void *self, waldo_call *call)
{
	waldo_ref *ref = NULL;
	void *item;
	waldo_err err = WALDO_ENOMEM;

	(void) self;
	if (!waldo_call_check(call)) {
		return;
	}
	item = malloc(1);
	if (item != NULL) {
		err = waldo_object_new(waldo_call_get_node(call), &item_class,
		                       item, &ref);
	}
	if (err != WALDO_OK) {
		free(item);
		waldo_call_fail_err(call, err);
		return;
	}
	waldo_call_reply(call, "r", ref);
	waldo_ref_release(ref);
}

/* ---- events */

/* So many events are under way; whenever one is answered the next leaves. */
struct pusher {
	waldo_ref *sink;
	uint64_t in_flight;
	int64_t sent;
};

static void push_one(struct pusher *pusher);

static void
on_pushed(waldo_reader *result, const waldo_failure *failure, void *user)
{
	struct pusher *pusher = user;

	(void) result;
	pusher->in_flight--;
	if (failure == NULL) {
		push_one(pusher);
	}
	if (pusher->in_flight == 0) {
		waldo_ref_release(pusher->sink);
		free(pusher);
	}
}

static void
push_one(struct pusher *pusher)
{
	waldo_promise *promise =
	    waldo_ref_invoke(pusher->sink, "event", "Is",
	                     BENCH_NUMBER + pusher->sent, METER_TEXT);

	if (waldo_promise_when(promise, on_pushed, pusher) == WALDO_OK) {
		pusher->sent++;
		pusher->in_flight++;
	}
}

static void
bench_push(void *self, waldo_call *call)
{
	waldo_reader *args = waldo_call_get_args(call);
	waldo_ref *sink = waldo_read_ref(args);
	uint64_t count = waldo_read_uint(args, 1000000);
	struct pusher *pusher;

	(void) self;
	if (!waldo_call_check(call)) {
		return;
	}
	pusher = calloc(1, sizeof(*pusher));
	if (pusher == NULL) {
		waldo_call_fail_err(call, WALDO_ENOMEM);
		return;
	}
	pusher->sink = waldo_ref_retain(sink);
	while (count-- > 0) {
		push_one(pusher);
	}
	if (pusher->in_flight == 0) {
		waldo_ref_release(pusher->sink);
		free(pusher);
	}
	waldo_call_reply(call, "");
}

/* ---- small calls */

static void
bench_echo(void *self, waldo_call *call)
{
	waldo_reader *args = waldo_call_get_args(call);
	int64_t number = waldo_read_int(args, INT64_MIN, INT64_MAX);
	const char *text = waldo_read_str(args, NULL);

	(void) self;
	if (waldo_call_check(call)) {
		waldo_call_reply(call, "[Is]", number, text);
	}
}

/* ---- large payloads */

struct buffer {
	struct server *server;
	struct buffer *next; /* that is free too */
	uint8_t data[METER_LARGE];
};

/* Buffers that have been sent are used again. */
struct server {
	struct buffer *free;
};

static void
give_buffer(void *user)
{
	struct buffer *buffer = user;

	buffer->next = buffer->server->free;
	buffer->server->free = buffer;
}

static struct buffer *
take_buffer(struct server *server)
{
	struct buffer *buffer = server->free;

	if (buffer == NULL) {
		buffer = malloc(sizeof(*buffer));
		if (buffer != NULL) {
			buffer->server = server;
		}
		return buffer;
	}
	server->free = buffer->next;
	return buffer;
}

static void
free_buffers(struct server *server)
{
	struct buffer *buffer;

	while ((buffer = server->free) != NULL) {
		server->free = buffer->next;
		free(buffer);
	}
}

/* The arguments are borrowed: one copy, and the library makes none. */
static void
bench_large(void *self, waldo_call *call)
{
	size_t len;
	const void *data = waldo_read_bytes(waldo_call_get_args(call), &len);
	struct buffer *buffer;

	if (!waldo_call_check(call)) {
		return;
	}
	if (len > METER_LARGE) {
		waldo_call_fail(call, "bench.TooLarge", "%zu bytes at most",
		                METER_LARGE);
		return;
	}
	buffer = take_buffer(self);
	if (buffer == NULL) {
		waldo_call_fail_err(call, WALDO_ENOMEM);
		return;
	}
	memcpy(buffer->data, data, len);
	waldo_put_bytes_take(waldo_call_get_result(call), buffer->data, len,
	                     give_buffer, buffer);
	waldo_call_reply(call, "");
}

static const waldo_method bench_methods[] = {
    {"echo", bench_echo, "(number: i64, text: string) -> [i64, string]", 0},
    {"large", bench_large, "(data: bytes) -> bytes", 0},
    {"make", bench_make, "() -> ref BenchItem", 0},
    {"push", bench_push, "(sink: ref, count: u64)", 0},
    {0},
};

static const waldo_class bench_class = {
    WALDO_CLASS_SIZES, "Bench", bench_methods, NULL, NULL,
};

static waldo_err
listen_at(waldo_node *node, const char *address)
{
	int count = bench_count_hosts(address);
	waldo_err err = WALDO_OK;

	for (int i = 0; i < count && err == WALDO_OK; i++) {
		char *one = bench_make_address(address, i);

		err =
		    one != NULL ? waldo_listen(node, one, NULL) : WALDO_ENOMEM;
		free(one);
	}
	return err;
}

/* With all keys at one address. */
static waldo_err
listen_secure(waldo_node *node, const char *address)
{
	waldo_err err = WALDO_OK;
	waldo_key *key = NULL;

	for (int i = 1; err == WALDO_OK; i++) {
		err = bench_get_key(address, i, &key);
		if (err != WALDO_OK || key == NULL) {
			break;
		}
		err = waldo_node_add_key(node, key);
	}
	return err == WALDO_OK ? waldo_listen(node, address, NULL) : err;
}

int
bench_serve(const char *address)
{
	struct server server = {0};
	struct peer peer = {0};
	waldo_node_options options = {.size = sizeof(options)};
	waldo_err err;
	int status = STATUS_OK;

	meter_raise_limits();
	err = bench_get_key(address, 0, &options.key);
	if (err == WALDO_OK) {
		err = waldo_node_new(&options, &peer.node);
	}
	if (err == WALDO_OK) {
		err = waldo_object_new(peer.node, &bench_class, &server,
		                       &peer.ref);
	}
	if (err == WALDO_OK) {
		err = waldo_publish(peer.node, BENCH_NAME, peer.ref);
	}
	if (err == WALDO_OK) {
		err = options.key != NULL ? listen_secure(peer.node, address)
		                          : listen_at(peer.node, address);
	}
	if (err == WALDO_OK) {
		stop_on_signal(peer.node, 0);
		puts("READY");
		status = flush_output(STATUS_OK);
		err = status == STATUS_OK ? waldo_node_run(peer.node) : err;
	}
	if (err != WALDO_OK) {
		status = complain_err(err, peer.node);
	}
	peer_close(&peer);
	free_buffers(&server);
	return status;
}
