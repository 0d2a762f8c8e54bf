/* SPDX-License-Identifier: MIT */
/* What strangers do to a listener, and what becomes of the others. */
#include "tests/unit/net_fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define setup    net_setup
#define teardown net_teardown

static void
a_peer_that_closes_its_half_is_closed(void **state)
{
	net_fixture *f = *state;
	waldo_listener *listener;
	int fd;

	assert_ok(waldo_listen(f->server, net_unix_address(f, "x"), &listener));
	fd = net_raw_connect(waldo_listener_get_uri(listener));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_in_range(net_wait_for_end(f, fd), 0, 500);
	close(fd);
}

static void
a_peer_that_resets_harms_nobody_else(void **state)
{
	const struct linger at_once = {.l_onoff = 1};
	net_fixture *f = *state;
	waldo_ref *ref = net_connect(f, "tcp-insecure:127.0.0.1:0");
	waldo_listener *listener;
	int fd;

	assert_ok(
	    waldo_listen(f->server, "tcp-insecure:127.0.0.1:0", &listener));
	for (int i = 0; i < 20; i++) {
		fd = net_raw_connect(waldo_listener_get_uri(listener));
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once,
		           sizeof(at_once));
		if (i % 2 == 0) {
			assert_ok(net_call(f, ref, "echo"));
		}
		close(fd);
	}
	assert_ok(net_call(f, ref, "echo"));
	waldo_ref_release(ref);
}

/* Takes every descriptor there is. */
static size_t
exhaust(int *fds, size_t max)
{
	size_t count = 0;

	while (count < max && (fds[count] = dup(0)) >= 0) {
		count++;
	}
	return count;
}

/* Microseconds of processor that the server uses in 300 ms. */
static long
measure_idleness(net_fixture *f)
{
	struct rusage before, after;

	getrusage(RUSAGE_SELF, &before);
	for (uint64_t end = net_now_ms() + 300; net_now_ms() < end;) {
		(void) waldo_node_step(f->server, 50);
	}
	getrusage(RUSAGE_SELF, &after);
	return (after.ru_utime.tv_sec - before.ru_utime.tv_sec +
	        after.ru_stime.tv_sec - before.ru_stime.tv_sec) *
	           1000000 +
	       after.ru_utime.tv_usec - before.ru_utime.tv_usec +
	       after.ru_stime.tv_usec - before.ru_stime.tv_usec;
}

static void
limit_descriptors(rlim_t count, struct rlimit *ret_old)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	*ret_old = limit;
	limit.rlim_cur = count;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void
give_back(int *fds, size_t count, const struct rlimit *old)
{
	while (count > 0) {
		close(fds[--count]);
	}
	setrlimit(RLIMIT_NOFILE, old);
}

static void
without_descriptors_links_are_refused(void **state)
{
	net_fixture *f = *state;
	waldo_listener *listener;
	struct rlimit old;
	int fds[64], client;
	size_t count;

	skip_under_valgrind();
	assert_ok(
	    waldo_listen(f->server, "tcp-insecure:127.0.0.1:0", &listener));
	client = net_raw_connect(waldo_listener_get_uri(listener));
	limit_descriptors(64, &old);
	count = exhaust(fds, 64);
	assert_in_range(net_wait_for_end(f, client), 0, 500);
	assert_int_equal(f->logged, 1);
	assert_non_null(strstr(f->log, "Too many open files"));
	assert_in_range(measure_idleness(f), 0, 100000);

	give_back(fds, count, &old);
	close(client);
	net_expect_echo(f, "tcp-insecure:127.0.0.1:0");
}

static void
a_listener_that_cannot_even_refuse_rests(void **state)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fds[64], client = socket(AF_UNIX, SOCK_STREAM, 0);
	net_fixture *f = *state;
	struct rlimit old;
	size_t count;

	strcpy(un.sun_path, net_unix_address(f, "x") + 5);
	limit_descriptors(64, &old);
	count = exhaust(fds, 64);
	close(fds[--count]); /* for the listener, and no other */
	assert_ok(waldo_listen(f->server, f->address, NULL));
	assert_int_equal(connect(client, (struct sockaddr *) &un, sizeof(un)),
	                 0);
	assert_in_range(measure_idleness(f), 0, 100000);
	assert_int_equal(f->logged, 1);

	give_back(fds, count, &old);
	assert_int_equal(shutdown(client, SHUT_WR), 0);
	assert_in_range(net_wait_for_end(f, client), 0, 500);
	close(client);
}

static void
ignore_signal(int signal)
{
	(void) signal;
}

static void
interrupted_system_calls_are_nobodys_business(void **state)
{
	net_fixture *f = *state;
	struct sigaction action = {.sa_handler = ignore_signal}, old;
	struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
	waldo_ref *ref = net_connect(f, net_unix_address(f, "x"));

	sigaction(SIGALRM, &action, &old);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 200; i++) {
		assert_ok(net_call(f, ref, "echo"));
	}
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &old, NULL);
	waldo_ref_release(ref);
}

/* Nothing can be said to it any more, and that is found out while it is on its
 * way out for what it has said (PROTOCOL.md N2). */
static void
a_stranger_that_is_refused_may_be_gone_already(void **state)
{
	static const uint8_t newer[12] = {0xc1, 'W', 'D', 2};
	const struct linger now = {1, 0};
	net_fixture *f = *state;
	waldo_listener *listener;

	assert_ok(waldo_listen(f->server, "tcp:127.0.0.1:0", &listener));
	for (int i = 0; i < 3; i++) {
		int fd = net_raw_connect(waldo_listener_get_uri(listener));

		/* Accepted, and then all of it is there at once. */
		assert_ok(waldo_node_step(f->server, 100));
		assert_int_equal(send(fd, newer, sizeof(newer), 0),
		                 sizeof(newer));
		assert_int_equal(
		    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)),
		    0);
		close(fd);
		for (int k = 0; k < 5; k++) {
			assert_ok(waldo_node_step(f->server, 10));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    waldo_test(a_stranger_that_is_refused_may_be_gone_already),
	    waldo_test(a_peer_that_closes_its_half_is_closed),
	    waldo_test(a_peer_that_resets_harms_nobody_else),
	    waldo_test(without_descriptors_links_are_refused),
	    waldo_test(a_listener_that_cannot_even_refuse_rests),
	    waldo_test(interrupted_system_calls_are_nobodys_business),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
