/* SPDX-License-Identifier: MIT */
/*
 * torture/syscalls/main.c - every system call fails once
 *
 * Two nodes talk over sockets, and then again and again: first the first call
 * of a kind fails, then the second, with each error that fits; then the same
 * with all that follow failing too, where that can last. Whatever fails,
 * promises 1 and 2 hold, nobody hangs or spins, what was lent comes back, no
 * descriptor, no memory and no socket file is left; and unless it lasts, the
 * next one who connects is served. Allocations are among the calls: oom/ knows
 * no sockets.
 */
#include "world/ground.h"
#include "world/world.h"
#include "sim/memory.h"
#include "torture/syscalls/faults.h"
#include "torture/syscalls/ground.h"
#include "waldo_test.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_POINTS = 2000, PAYLOAD = 1024 * 1024 };

#define ERRORS(call, error)                                                    \
	{                                                                      \
		CALL_##call, FAULT_ERROR, error, false, true                   \
	}
#define ONCE(call, error)                                                      \
	{                                                                      \
		CALL_##call, FAULT_ERROR, error, false, false                  \
	}
#define NO_HARM(call, how, error, lasting)                                     \
	{                                                                      \
		CALL_##call, how, error, true, lasting                         \
	}

static const struct fault faults[] = {
    ERRORS(socket, EMFILE),
    ERRORS(socket, ENFILE),
    ERRORS(socket, ENOBUFS),
    ERRORS(socket, ENOMEM),
    ERRORS(socket, EACCES),
    ERRORS(socketpair, EMFILE),
    ERRORS(socketpair, ENFILE),
    ERRORS(socketpair, ENOMEM),
    ERRORS(bind, EADDRINUSE),
    ERRORS(bind, EACCES),
    ERRORS(bind, ENOMEM),
    ERRORS(bind, EADDRNOTAVAIL),
    ERRORS(listen, EADDRINUSE),
    ERRORS(accept4, EMFILE),
    ERRORS(accept4, ENFILE),
    ERRORS(accept4, ENOBUFS),
    ERRORS(accept4, ENOMEM),
    NO_HARM(accept4, FAULT_ERROR, EINTR, false),
    NO_HARM(accept4, FAULT_ERROR, EAGAIN, false),
    NO_HARM(accept4, FAULT_ERROR, ECONNABORTED, false),
    NO_HARM(accept4, FAULT_ERROR, EPROTO, false),
    ERRORS(connect, ECONNREFUSED),
    ERRORS(connect, ETIMEDOUT),
    ERRORS(connect, ENETUNREACH),
    ERRORS(connect, ENOENT),
    ERRORS(connect, EADDRNOTAVAIL),
    NO_HARM(connect, FAULT_ERROR, EAGAIN, true),
    NO_HARM(connect, FAULT_DONE, EINTR, true),
    ERRORS(getsockopt, ENOBUFS),
    NO_HARM(setsockopt, FAULT_ERROR, ENOPROTOOPT, true),
    NO_HARM(setsockopt, FAULT_ERROR, ENOMEM, true),
    ERRORS(getsockname, ENOBUFS),
    ERRORS(fcntl, EBADF),
    NO_HARM(recv, FAULT_ERROR, EINTR, false),
    NO_HARM(recv, FAULT_ERROR, EAGAIN, false),
    NO_HARM(recv, FAULT_SHORT, 0, false),
    ERRORS(recv, ECONNRESET),
    ERRORS(recv, ETIMEDOUT),
    ERRORS(recv, ENOMEM),
    {CALL_recv, FAULT_END, 0, false, true},
    NO_HARM(send, FAULT_ERROR, EINTR, false),
    NO_HARM(send, FAULT_ERROR, EAGAIN, false),
    NO_HARM(send, FAULT_SHORT, 0, false),
    ERRORS(send, EPIPE),
    ERRORS(send, ECONNRESET),
    ERRORS(send, ENOBUFS),
    ERRORS(send, ENOMEM),
    ERRORS(send, EMSGSIZE),
    NO_HARM(sendmsg, FAULT_ERROR, EINTR, false),
    NO_HARM(sendmsg, FAULT_ERROR, EAGAIN, false),
    NO_HARM(sendmsg, FAULT_SHORT, 0, false),
    ERRORS(sendmsg, EPIPE),
    ERRORS(sendmsg, ECONNRESET),
    ERRORS(sendmsg, ENOBUFS),
    ERRORS(sendmsg, ENOMEM),
    ERRORS(sendmsg, EMSGSIZE),
    ERRORS(shutdown, ENOTCONN),
    NO_HARM(close, FAULT_DONE, EINTR, true),
    NO_HARM(close, FAULT_DONE, EIO, true),
    NO_HARM(open, FAULT_ERROR, EMFILE, true),
    NO_HARM(fopen, FAULT_ERROR, EMFILE, true),
    NO_HARM(opendir, FAULT_ERROR, EMFILE, true),
    NO_HARM(readlink, FAULT_ERROR, EACCES, true),
    NO_HARM(lstat, FAULT_ERROR, EACCES, true),
    NO_HARM(unlink, FAULT_ERROR, EACCES, true),
    NO_HARM(getcwd, FAULT_ERROR, ENOENT, true),
    ERRORS(eventfd, EMFILE),
    ERRORS(eventfd, ENFILE),
    ERRORS(eventfd, ENOMEM),
    NO_HARM(read, FAULT_ERROR, EINTR, false),
    NO_HARM(write, FAULT_ERROR, EINTR, false),
    ERRORS(timerfd_create, EMFILE),
    ERRORS(timerfd_create, ENOMEM),
    NO_HARM(timerfd_settime, FAULT_ERROR, ECANCELED, true),
    ERRORS(epoll_create1, EMFILE),
    ERRORS(epoll_create1, ENOMEM),
    ERRORS(epoll_ctl, ENOMEM),
    ERRORS(epoll_ctl, ENOSPC),
    NO_HARM(epoll_wait, FAULT_ERROR, EINTR, false),
    ERRORS(pthread_create, EAGAIN),
    ERRORS(getaddrinfo, EAI_AGAIN),
    ERRORS(getaddrinfo, EAI_MEMORY),
    ERRORS(getaddrinfo, EAI_SYSTEM),
    ERRORS(malloc, ENOMEM),
};

enum { FAULTS = sizeof(faults) / sizeof(*faults) };

#define BY_NAME "tcp-insecure by name"
static const char *const transports[] = {"unix", "tcp-insecure", BY_NAME,
                                         "inproc"};

enum { TRANSPORTS = sizeof(transports) / sizeof(*transports) };

struct trial {
	const char *transport;
	enum fault_call call;
};

static char directory[] = "/tmp/waldo-torture-XXXXXX";
static size_t points, allocations;
static bool every_one; /* else, of many calls, those that are later thin out */
static uint8_t payload[PAYLOAD];
static struct world world;

/* ---- faults and allocations that fail */

static sim_memory memory;

static void
arm(const struct fault *fault, unsigned n, bool all)
{
	if (fault->call == CALL_malloc) {
		memory = (sim_memory){.fail_in = n, .fail_all = all};
		(void) sim_memory_of(&memory);
	} else {
		faults_arm(fault, n, all);
	}
}

static unsigned
struck(void)
{
	return faults_struck() + memory.failed;
}

static unsigned
disarm(void)
{
	unsigned count = struck();

	(void) sim_memory_of(NULL);
	(void) faults_disarm();
	memory.failed = 0;
	return count;
}

/* ---- what the nodes do */

static const char *
address_of(const char *transport)
{
	static char path[64];

	if (strcmp(transport, "unix") == 0) {
		(void) snprintf(path, sizeof(path), "unix:%s/socket",
		                directory);
		return path;
	}
	if (strcmp(transport, "inproc") == 0) {
		return "inproc:torture";
	}
	return strcmp(transport, "tcp-insecure") == 0
	           ? "tcp-insecure:127.0.0.1:0"
	           : "tcp-insecure:localhost:0";
}

/* There and back. */
static void
send_much(struct world *w)
{
	struct outcome *o = expect(w, WALDO_OK);
	waldo_request *request = waldo_request_new(w->gate, "echo", NULL);
	waldo_writer *args = waldo_request_get_args(request);

	waldo_put_int(args, o->number);
	waldo_put_bytes(args, payload, sizeof(payload));
	lend(w, args, BIG);
	watch_outcome(o, waldo_request_send(request));
}

static void
pipeline(struct world *w)
{
	struct outcome *o = expect(w, WALDO_OK);
	waldo_promise *made = waldo_ref_invoke(w->gate, "make", "i", o->number);
	waldo_ref *ref = waldo_ref_retain(waldo_promise_get_ref(made));

	watch_outcome(o, made);
	(void) ask(w, ref, "echo", WALDO_OK);
	waldo_ref_release(ref);
}

static void
act(struct world *w)
{
	(void) ask(w, w->gate, "echo", WALDO_OK);
	pipeline(w);
	pump();
	pass_a_callback(w);
	(void) waldo_ref_notify(w->gate, "keep", "ir", MAX_OUTCOMES - 1,
	                        w->gate);
	pump();
	send_much(w);
	(void) ask(w, w->gate, "hold", WALDO_OK);
	ground_advance(100); /* to dial again takes time */
	answer_held(w);
	pump();
}

/* ---- what must hold */

/* Whatever failed is over: whoever comes now is served. */
static const char *
serve_another(struct world *w, const char *address)
{
	waldo_ref *gate;
	struct outcome *o;
	waldo_err err;

	if (w->server == NULL || w->service == NULL) {
		return NULL;
	}
	if (w->uri[0] == '\0' && !world_serve(w, address)) {
		return "the server cannot listen any more";
	}
	err = waldo_publish(w->server, "gate", w->service);
	if (err != WALDO_OK && err != WALDO_EINVAL) { /* or it is, already */
		return "the server cannot publish any more";
	}
	w->third = node_new(w);
	gate = gate_of(w, w->third);
	if (gate == NULL) {
		return "another node cannot connect";
	}
	o = ask(w, gate, "echo", WALDO_OK);
	ground_outlast();
	waldo_ref_release(gate);
	return o->settled == 1 && o->code == WALDO_OK
	           ? NULL
	           : "another node is not served";
}

static const char *
stop_all(struct world *w)
{
	waldo_node *nodes[] = {w->client, w->server, w->third};

	for (int i = 0; i < 3; i++) {
		if (nodes[i] != NULL) {
			waldo_node_stop(nodes[i], 50);
		}
	}
	ground_outlast();
	for (int i = 0; i < 3; i++) {
		if (nodes[i] != NULL && waldo_node_is_running(nodes[i])) {
			return "a node does not stop";
		}
	}
	return NULL;
}

static size_t
count_entries(const char *path)
{
	DIR *dir = opendir(path);
	size_t count = 0;

	while (dir != NULL && readdir(dir) != NULL) {
		count++;
	}
	if (dir != NULL) {
		closedir(dir);
	}
	return count;
}

static bool
leaves_files(const struct fault *fault)
{
	char path[64];
	bool may = fault->call == CALL_lstat || fault->call == CALL_unlink;
	bool left;

	(void) snprintf(path, sizeof(path), "%s/socket", directory);
	left = unlink(path) == 0;
	return left && !may;
}

static const char *
check_left(const struct fault *fault, size_t descriptors, size_t blocks)
{
	if (count_entries("/proc/self/fd") != descriptors) {
		return "descriptors are left, or closed twice";
	}
	if (sim_memory_blocks() != blocks) {
		return "memory is left";
	}
	if (leaves_files(fault)) {
		return "a socket file is left";
	}
	return ground_spun() ? "a loop is busy with nothing" : NULL;
}

static const char *
live(const struct trial *trial, const struct fault *fault, bool lasts)
{
	const char *address = address_of(trial->transport);
	const char *bad = NULL;
	unsigned before;

	world_open(&world, address);
	act(&world);
	world_settle();
	before = struck();
	if (!lasts) {
		bad = serve_another(&world, address);
		/* May have been struck itself. */
		bad = struck() == before ? bad : NULL;
	}
	if (bad == NULL) {
		bad = stop_all(&world);
	}
	if (bad == NULL) {
		bad = world_check_settled(
		    &world, struck() > 0 && (!fault->harmless || lasts));
	}
	return bad;
}

/* One run; false once the n-th call was not reached any more. */
static bool
run(const struct trial *trial, const struct fault *fault, unsigned n,
    bool lasts)
{
	size_t descriptors = count_entries("/proc/self/fd");
	size_t blocks = sim_memory_blocks();
	const char *bad;
	unsigned count;

	arm(fault, n, lasts);
	bad = live(trial, fault, lasts);
	world_close(&world);
	ground_settle();
	count = disarm();
	if (bad == NULL) {
		bad = world_check_closed(&world);
	}
	if (bad == NULL) {
		bad = check_left(fault, descriptors, blocks);
	}
	if (bad != NULL) {
		fail_msg("%s() no. %u%s, how %d, errno %d (%s): %s",
		         fault_call_name(fault->call), n,
		         lasts ? " and all behind it" : "", (int) fault->how,
		         fault->error, strerror(fault->error), bad);
	}
	return count > 0;
}

/* What a name adds to an address; all else is as without it. */
static bool
is_of_names(enum fault_call call)
{
	return call == CALL_getaddrinfo || call == CALL_pthread_create ||
	       call == CALL_read || call == CALL_write ||
	       call == CALL_connect || call == CALL_socket ||
	       call == CALL_malloc;
}

/* What an error does is the same on every transport: but for the first, one of
 * each sort is enough. */
static bool
is_left_out(const struct trial *trial, const struct fault *fault)
{
	if (every_one || trial->transport == transports[0]) {
		return false;
	}
	for (const struct fault *f = faults; f < fault; f++) {
		if (f->call == fault->call && f->how == fault->how &&
		    f->harmless == fault->harmless) {
			return true;
		}
	}
	return false;
}

static void
survives(void **state)
{
	const struct trial *trial = *state;
	size_t *count = trial->call == CALL_malloc ? &allocations : &points;

	if (strcmp(trial->transport, BY_NAME) == 0 && !every_one &&
	    !is_of_names(trial->call)) {
		skip();
	}
	for (size_t i = 0; i < 2 * FAULTS; i++) {
		const struct fault *fault = &faults[i / 2];
		bool lasts = i % 2 == 1, more = true;

		if (fault->call != trial->call || (lasts && !fault->lasting) ||
		    is_left_out(trial, fault)) {
			continue;
		}
		for (unsigned n = 1; more; n += every_one ? 1 : 1 + n / 3) {
			assert_true(n < MOST_POINTS);
			more = run(trial, fault, n, lasts);
			*count += more;
		}
	}
}

static void
be_silent(int severity, const char *message)
{
	(void) severity;
	(void) message;
}

/* Arguments: --long, and which tests, "unix*". */
int
main(int argc, char **argv)
{
	static struct CMUnitTest tests[TRANSPORTS * CALL_COUNT];
	static struct trial trials[TRANSPORTS * CALL_COUNT];
	static char names[TRANSPORTS * CALL_COUNT][64];
	size_t count = sizeof(tests) / sizeof(*tests);
	int status;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--long") == 0) {
			every_one = true;
		} else {
			cmocka_set_test_filter(argv[i]);
		}
	}
	for (size_t i = 0; i < count; i++) {
		trials[i] = (struct trial){transports[i / CALL_COUNT],
		                           (enum fault_call)(i % CALL_COUNT)};
		(void) snprintf(names[i], sizeof(names[i]), "%s: %s",
		                trials[i].transport,
		                fault_call_name(trials[i].call));
		tests[i] = (struct CMUnitTest){.name = names[i],
		                               .test_func = survives,
		                               .initial_state = &trials[i]};
	}
	event_set_log_callback(be_silent);
	if (mkdtemp(directory) == NULL) {
		return 1;
	}
	status = _cmocka_run_group_tests("syscalls", tests, count, NULL, NULL);
	(void) rmdir(directory);
	(void) printf("%zu system calls failed in turn\n"
	              "%zu allocations of nodes on sockets failed in turn\n",
	              points, allocations);
	return status;
}
