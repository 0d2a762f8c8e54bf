/* SPDX-License-Identifier: MIT */
#include "tests/unit/net_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* ---- what is published */

static void
echo(void *self, waldo_call *call)
{
	const char *text = waldo_read_str(waldo_call_get_args(call), NULL);

	(void) self;
	if (waldo_call_check(call)) {
		waldo_call_reply(call, "s", text);
	}
}

static void
tell_peer(void *self, waldo_call *call)
{
	const waldo_peer *peer = waldo_call_get_peer(call);
	net_fixture *f = self;

	waldo_read_skip(waldo_call_get_args(call));
	if (!waldo_call_check(call)) {
		return;
	}
	snprintf(f->peer_address, sizeof(f->peer_address), "%s", peer->address);
	f->peer_uid = peer->uid;
	f->peer_pid = peer->pid;
	waldo_call_reply(call, "");
}

static const waldo_method echo_methods[] = {
    {"echo", echo, "(text: string) -> string", 0},
    {"peer", tell_peer, NULL, 0},
    {0},
};

static const waldo_class echo_class = {
    WALDO_CLASS_SIZES, "Echo", echo_methods, NULL, NULL,
};

/* ---- the two nodes */

static void
keep_log(waldo_log_level level, const char *line, void *user)
{
	net_fixture *f = user;

	if (level <= WALDO_LOG_WARN) {
		f->logged++;
		snprintf(f->log, sizeof(f->log), "%s", line);
	}
}

int
net_setup(void **state)
{
	net_fixture *f = calloc(1, sizeof(*f));
	const waldo_limits limits = {.size = sizeof(limits),
	                             .dead_peer_ms = 1000};
	waldo_node_options options = {.size = sizeof(options),
	                              .limits = &limits};
	waldo_ref *object = NULL;

	if (f == NULL) {
		return -1;
	}
	*state = f;
	if (waldo_node_new(&options, &f->client) != WALDO_OK) {
		return -1;
	}
	options.log = keep_log;
	options.log_user = f;
	strcpy(f->directory, "/tmp/waldo-net-XXXXXX");
	if (mkdtemp(f->directory) == NULL ||
	    waldo_node_new(&options, &f->server) != WALDO_OK ||
	    waldo_object_new(f->server, &echo_class, f, &object) != WALDO_OK ||
	    waldo_publish(f->server, "echo", object) != WALDO_OK) {
		return -1;
	}
	waldo_ref_release(object);
	return 0;
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void) st;
	(void) type;
	(void) ftw;
	return remove(path);
}

int
net_teardown(void **state)
{
	net_fixture *f = *state;

	waldo_node_free(f->client);
	waldo_node_free(f->server);
	nftw(f->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

uint64_t
net_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

static void
step_both(net_fixture *f)
{
	(void) waldo_node_step(f->client, 0);
	(void) waldo_node_step(f->server, 1);
}

bool
net_until(net_fixture *f, const bool *claim)
{
	uint64_t end = net_now_ms() + PATIENCE_MS;

	while (!*claim && net_now_ms() < end) {
		step_both(f);
	}
	return *claim;
}

waldo_ref *
net_connect(net_fixture *f, const char *address)
{
	waldo_listener *listener;
	waldo_ref *ref;
	char uri[600];

	assert_ok(waldo_listen(f->server, address, &listener));
	snprintf(uri, sizeof(uri), "%s/echo", waldo_listener_get_uri(listener));
	assert_ok(waldo_connect(f->client, uri, &ref));
	return ref;
}

typedef struct outcome {
	bool there;
	waldo_err err;
	char text[512];
} outcome;

static void
keep_outcome(waldo_reader *result, const waldo_failure *failure, void *user)
{
	outcome *o = user;

	(void) result;
	o->there = true;
	if (failure != NULL) {
		o->err = failure->code;
		snprintf(o->text, sizeof(o->text), "%s: %s",
		         waldo_err_type(failure->code), failure->message);
	}
}

static outcome
call(net_fixture *f, waldo_ref *ref, const char *method)
{
	/* Static, for a call that outlasts our patience. */
	static outcome o;

	o = (outcome){0};
	assert_ok(waldo_promise_when(
	    waldo_ref_invoke(ref, method, "s", "hello"), keep_outcome, &o));
	assert_true(net_until(f, &o.there));
	return o;
}

waldo_err
net_call(net_fixture *f, waldo_ref *ref, const char *method)
{
	return call(f, ref, method).err;
}

const char *
net_failure(net_fixture *f, const char *uri)
{
	static outcome o;
	waldo_ref *ref;

	assert_ok(waldo_connect(f->client, uri, &ref));
	o = call(f, ref, "echo");
	waldo_ref_release(ref);
	return o.text;
}

/* ---- without Waldo */

int
net_raw_connect(const char *uri)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct sockaddr_in in = {.sin_family = AF_INET};
	int fd;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (strncmp(uri, "waldo+unix://", 13) == 0) {
		snprintf(un.sun_path, sizeof(un.sun_path), "%s", uri + 13);
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		assert_int_equal(
		    connect(fd, (struct sockaddr *) &un, sizeof(un)), 0);
	} else {
		in.sin_port = htons((uint16_t) atoi(strrchr(uri, ':') + 1));
		fd = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(
		    connect(fd, (struct sockaddr *) &in, sizeof(in)), 0);
	}
	return fd;
}

int64_t
net_wait_for_end(net_fixture *f, int fd)
{
	uint64_t begin = net_now_ms();
	char bytes[512];
	ssize_t got;

	while (net_now_ms() < begin + PATIENCE_MS) {
		step_both(f);
		got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN)) {
			return (int64_t) (net_now_ms() - begin);
		}
	}
	return -1;
}

int
net_silent_listener(int backlog, char uri[64])
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *) &in, len), 0);
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *) &in, &len), 0);
	snprintf(uri, 64, "waldo+tcp-insecure://127.0.0.1:%d",
	         ntohs(in.sin_port));
	return fd;
}

/* The path of a socket file as an address. */
const char *
net_unix_address(net_fixture *f, const char *name)
{
	snprintf(f->address, sizeof(f->address), "unix:%s/%s", f->directory,
	         name);
	return f->address;
}

void
net_expect_echo(net_fixture *f, const char *address)
{
	waldo_ref *ref = net_connect(f, address);

	assert_ok(net_call(f, ref, "echo"));
	waldo_ref_release(ref);
}
