/* SPDX-License-Identifier: MIT */
/* Links on real sockets: what listens, what is dialled, how it ends. */
#include "tests/unit/net_fixture.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define setup    net_setup
#define teardown net_teardown

/* ---- a name server of our own, in place of the C library's */

#define SLOW_MS 200

typedef int resolve_fn(const char *, const char *, const struct addrinfo *,
                       struct addrinfo **);

int
getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
            struct addrinfo **ret_list)
{
	resolve_fn *real;

	*(void **) &real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (strcmp(host, "slow.test") == 0) {
		usleep(SLOW_MS * 1000);
		return EAI_AGAIN;
	}
	if (strcmp(host, "nosuch.test") == 0) {
		return EAI_NONAME;
	}
	if (strcmp(host, "two.test") == 0) {
		/* Nobody listens at the first. */
		int error = real("127.0.0.2", service, hints, ret_list);

		return error != 0 ? error
		                  : real("127.0.0.1", service, hints,
		                         &(*ret_list)->ai_next);
	}
	return real(host, service, hints, ret_list);
}

/* ---- addresses */

static void
a_call_travels_over_every_kind_of_address(void **state)
{
	net_fixture *f = *state;

	net_expect_echo(f, net_unix_address(f, "x"));
	net_expect_echo(f, net_unix_address(f, "a b?%25"));
	net_expect_echo(f, "tcp-insecure:127.0.0.1:0");
	net_expect_echo(f, "tcp-insecure:localhost:0");
	net_expect_echo(f, "tcp-insecure:0.0.0.0:0");
	net_expect_echo(f, "tcp-insecure:[::1]:0");
	net_expect_echo(f, "tcp-insecure:[::]:0");
	net_expect_echo(f, "inproc:test");
}

static void
a_callee_sees_who_calls(void **state)
{
	net_fixture *f = *state;
	waldo_ref *ref = net_connect(f, net_unix_address(f, "x"));

	assert_ok(net_call(f, ref, "peer"));
	assert_string_equal(f->peer_address, "unix:");
	assert_int_equal(f->peer_uid, getuid());
	assert_int_equal(f->peer_pid, getpid());
	waldo_ref_release(ref);

	ref = net_connect(f, "tcp-insecure:[::]:0");
	assert_ok(net_call(f, ref, "peer"));
	assert_memory_equal(f->peer_address, "tcp-insecure:[::1]:", 19);
	assert_int_equal(f->peer_uid, -1);
	assert_int_equal(f->peer_pid, -1);
	waldo_ref_release(ref);

	ref = net_connect(f, "inproc:who");
	assert_ok(net_call(f, ref, "peer"));
	assert_string_equal(f->peer_address, "inproc:who");
	waldo_ref_release(ref);
}

static void
a_peer_of_a_dual_stack_listener_has_its_own_address(void **state)
{
	net_fixture *f = *state;
	waldo_listener *listener;
	waldo_ref *ref;
	char uri[64];

	assert_ok(waldo_listen(f->server, "tcp-insecure:[::]:0", &listener));
	snprintf(uri, sizeof(uri), "waldo+tcp-insecure://127.0.0.1%s/echo",
	         strrchr(waldo_listener_get_uri(listener), ':'));
	assert_ok(waldo_connect(f->client, uri, &ref));
	assert_ok(net_call(f, ref, "peer"));
	assert_memory_equal(f->peer_address, "tcp-insecure:127.0.0.1:", 23);
	waldo_ref_release(ref);
}

/* A7, A8. */
static void
a_listener_tells_the_port_that_was_bound(void **state)
{
	net_fixture *f = *state;
	waldo_listener *listener;
	const char *uri;

	assert_ok(waldo_listen(f->server, "tcp-insecure:0.0.0.0:0", &listener));
	uri = waldo_listener_get_uri(listener);
	assert_memory_equal(uri, "waldo+tcp-insecure://127.0.0.1:", 31);
	assert_in_range(atoi(uri + 31), 1, 65535);
}

/* A12, among others. */
static void
what_cannot_be_listened_on_is_refused_with_a_reason(void **state)
{
	static const struct {
		const char *address;
		waldo_err err;
		const char *message;
	} rows[] = {
	    {"tcp-insecure:192.0.2.1:1", WALDO_ESYSTEM,
	     "cannot listen at tcp-insecure:192.0.2.1:1: Cannot assign "
	     "requested address"},
	    {"unix:/nonexistent/x", WALDO_ESYSTEM,
	     "cannot listen at unix:/nonexistent/x: No such file or directory"},
	    {"fd:1000000", WALDO_ESYSTEM,
	     "cannot listen at fd:1000000: Bad file descriptor"},
	    {"tcp:192.0.2.1:1", WALDO_ESYSTEM,
	     "cannot listen at tcp:192.0.2.1:1: Cannot assign requested "
	     "address"},
	    {"inproc:taken", WALDO_ESYSTEM,
	     "cannot listen at inproc:taken: another node of this process "
	     "does"},
	    {"tcp-insecure:x", WALDO_EADDRESS,
	     "tcp-insecure:x: there is no ':' and port at character 15"},
	};
	net_fixture *f = *state;

	assert_ok(waldo_listen(f->client, "inproc:taken", NULL));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_err(waldo_listen(f->server, rows[i].address, NULL),
		           rows[i].err);
		assert_string_equal(waldo_node_get_message(f->server),
		                    rows[i].message);
	}
}

/* ---- socket files */

static int
make_socket_file(const char *address, bool listening)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", address + 5);
	assert_int_equal(bind(fd, (struct sockaddr *) &un, sizeof(un)), 0);
	assert_int_equal(listening ? listen(fd, 1) : 0, 0);
	return fd;
}

/* A11. */
static void
a_socket_file_that_nobody_answers_on_is_replaced(void **state)
{
	net_fixture *f = *state;
	const char *address = net_unix_address(f, "x");

	close(make_socket_file(address, true));
	net_expect_echo(f, address);
}

static void
a_socket_file_that_somebody_answers_on_stays(void **state)
{
	net_fixture *f = *state;
	const char *address = net_unix_address(f, "x");
	int fd = make_socket_file(address, true);

	assert_err(waldo_listen(f->server, address, NULL), WALDO_ESYSTEM);
	assert_non_null(strstr(waldo_node_get_message(f->server),
	                       "Address already in use"));
	assert_int_equal(access(address + 5, F_OK), 0);
	close(fd);
}

static void
a_file_that_is_not_a_socket_is_never_removed(void **state)
{
	net_fixture *f = *state;
	const char *address = net_unix_address(f, "x");

	close(open(address + 5, O_CREAT | O_WRONLY, 0600));
	assert_err(waldo_listen(f->server, address, NULL), WALDO_ESYSTEM);
	assert_non_null(strstr(waldo_node_get_message(f->server),
	                       "a file that is not a socket is in the way"));
	assert_int_equal(access(address + 5, F_OK), 0);
}

static void
a_listener_removes_its_own_file_and_no_other(void **state)
{
	net_fixture *f = *state;
	const char *address = net_unix_address(f, "x");
	waldo_listener *listener;
	int fd;

	assert_ok(waldo_listen(f->server, address, &listener));
	waldo_listener_close(listener);
	assert_int_equal(access(address + 5, F_OK), -1);

	assert_ok(waldo_listen(f->server, address, &listener));
	assert_int_equal(unlink(address + 5), 0);
	fd = make_socket_file(address, true);
	waldo_listener_close(listener);
	assert_int_equal(access(address + 5, F_OK), 0);
	close(fd);
}

static void
a_listener_of_a_node_that_has_stopped_can_be_closed(void **state)
{
	net_fixture *f = *state;
	const char *address = net_unix_address(f, "x");
	waldo_listener *listener;

	assert_ok(waldo_listen(f->server, address, &listener));
	waldo_node_stop(f->server, 0);
	assert_ok(waldo_node_run(f->server));
	assert_int_equal(access(address + 5, F_OK), -1);
	assert_non_null(strstr(waldo_listener_get_uri(listener), address + 5));
	waldo_listener_close(listener);
}

static void
an_inherited_socket_is_listened_on_and_its_file_stays(void **state)
{
	net_fixture *f = *state;
	const char *path;
	waldo_listener *listener;
	char address[32];
	int fd = make_socket_file(net_unix_address(f, "x"), true);

	path = f->address + 5;
	snprintf(address, sizeof(address), "fd:%d", fd);
	assert_ok(waldo_listen(f->server, address, &listener));
	assert_string_equal(waldo_listener_get_uri(listener) + 13, path);
	close(net_raw_connect(waldo_listener_get_uri(listener)));
	waldo_listener_close(listener);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(access(path, F_OK), 0);
}

/* A10: who inherits a socket of TCP has not asked for clear text. */
static void
an_inherited_socket_of_tcp_is_encrypted(void **state)
{
	net_fixture *f = *state;
	struct sockaddr_in where = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	waldo_listener *listener;
	char address[32];

	where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(
	    bind(fd, (const struct sockaddr *) &where, sizeof(where)), 0);
	assert_int_equal(listen(fd, 1), 0);
	snprintf(address, sizeof(address), "fd:%d", fd);
	assert_ok(waldo_listen(f->server, address, &listener));
	assert_memory_equal(waldo_listener_get_uri(listener), "waldo://", 8);
	waldo_listener_close(listener);
}

static void
an_inherited_socket_that_does_not_listen_is_refused_and_stays_open(void **state)
{
	net_fixture *f = *state;
	char address[32];
	int fd = make_socket_file(net_unix_address(f, "x"), false);

	snprintf(address, sizeof(address), "fd:%d", fd);
	assert_err(waldo_listen(f->server, address, NULL), WALDO_ESYSTEM);
	assert_non_null(strstr(waldo_node_get_message(f->server),
	                       "it is not a listening stream socket"));
	assert_int_equal(close(fd), 0);
}

/* ---- dialling in vain */

static void
a_dial_that_fails_says_where_and_why(void **state)
{
	static const struct {
		const char *uri, *failure;
	} rows[] = {
	    {"waldo+tcp-insecure://127.0.0.1:1/echo",
	     "waldo.Connect: cannot connect to tcp-insecure:127.0.0.1:1: "
	     "Connection refused"},
	    {"waldo+unix:///nonexistent/x/echo",
	     "waldo.Connect: cannot connect to unix:/nonexistent/x: No such "
	     "file or directory"},
	    {"waldo+inproc:nobody/echo",
	     "waldo.Connect: cannot connect to inproc:nobody: no node of this "
	     "process listens there"},
	};
	net_fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_string_equal(net_failure(f, rows[i].uri),
		                    rows[i].failure);
	}
}

static void
a_host_that_does_not_resolve_is_named(void **state)
{
	net_fixture *f = *state;

	assert_string_equal(
	    net_failure(f, "waldo+tcp-insecure://nosuch.test:1/echo"),
	    "waldo.Address: cannot resolve nosuch.test: Name or service not "
	    "known");
}

static void
a_connection_that_is_not_answered_times_out(void **state)
{
	net_fixture *f = *state;
	uint64_t begin = net_now_ms();
	char uri[64];
	int fd = net_silent_listener(0, uri);
	int first = net_raw_connect(uri); /* fills the queue */

	assert_non_null(strstr(net_failure(f, uri), "Connection timed out"));
	assert_in_range(net_now_ms() - begin, 400, 3000);
	close(first);
	close(fd);
}

static void
a_full_queue_of_a_socket_file_is_waited_for(void **state)
{
	net_fixture *f = *state;
	const char *address = net_unix_address(f, "x");
	int fd = make_socket_file(address, true), fds[3];
	waldo_ref *ref;
	char uri[160];

	snprintf(uri, sizeof(uri), "waldo+unix://%s", address + 5);
	fds[0] = net_raw_connect(uri);
	fds[1] = net_raw_connect(uri); /* a backlog of 1 holds 2 */
	strcat(uri, "/echo");
	assert_ok(waldo_connect(f->client, uri, &ref));
	for (int i = 0; i < 3; i++) {
		assert_ok(waldo_node_step(f->client, 30));
	}
	assert_int_equal(waldo_ref_get_state(ref), WALDO_PENDING);
	close(accept(fd, NULL, NULL));
	close(accept(fd, NULL, NULL));
	for (int i = 0; i < 5; i++) {
		assert_ok(waldo_node_step(f->client, 30));
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	fds[2] = accept(fd, NULL, NULL);
	assert_true(fds[2] >= 0);
	waldo_ref_release(ref);
	for (int i = 0; i < 3; i++) {
		close(fds[i]);
	}
	close(fd);
}

static void
every_address_of_a_host_is_tried(void **state)
{
	net_fixture *f = *state;
	waldo_listener *listener;
	waldo_ref *ref;
	char uri[64];

	assert_ok(
	    waldo_listen(f->server, "tcp-insecure:127.0.0.1:0", &listener));
	snprintf(uri, sizeof(uri), "waldo+tcp-insecure://two.test%s/echo",
	         strrchr(waldo_listener_get_uri(listener), ':'));
	assert_ok(waldo_connect(f->client, uri, &ref));
	assert_ok(net_call(f, ref, "echo"));
	waldo_ref_release(ref);
}

static void
a_slow_name_server_holds_up_nobody_else(void **state)
{
	net_fixture *f = *state;
	waldo_ref *ref = net_connect(f, "inproc:quick"), *slow;
	uint64_t begin = net_now_ms();

	assert_ok(waldo_connect(f->client, "waldo+tcp-insecure://slow.test:1/x",
	                        &slow));
	assert_ok(net_call(f, ref, "echo"));
	assert_int_equal(waldo_ref_get_state(slow), WALDO_PENDING);
	assert_in_range(net_now_ms() - begin, 0, SLOW_MS - 1);
	waldo_ref_release(slow);
	waldo_ref_release(ref);
}

static void
a_node_may_be_freed_while_it_resolves(void **state)
{
	waldo_node *node;
	waldo_ref *ref;

	(void) state;
	for (int i = 0; i < 10; i++) {
		assert_ok(waldo_node_new(NULL, &node));
		assert_ok(waldo_connect(
		    node, "waldo+tcp-insecure://slow.test:1/echo", &ref));
		assert_ok(waldo_node_step(node, 0));
		waldo_node_free(node);
		assert_int_equal(waldo_ref_get_state(ref), WALDO_BROKEN);
		waldo_ref_release(ref);
	}
	usleep(SLOW_MS * 1000 * 3); /* the threads come to their end */
}

static void
a_peer_that_says_nothing_is_given_up(void **state)
{
	net_fixture *f = *state;
	uint64_t begin = net_now_ms();
	char uri[64];
	int fd = net_silent_listener(8, uri);

	assert_non_null(strstr(net_failure(f, uri), "127.0.0.1"));
	assert_in_range(net_now_ms() - begin, 900, 3000);
	close(fd);
}

static void
a_peer_that_speaks_something_else_is_refused(void **state)
{
	static const char banner[] = "SSH-2.0-OpenSSH_9.2p1\r\n";
	net_fixture *f = *state;
	waldo_ref *ref;
	char uri[64];
	int fd = net_silent_listener(8, uri), stranger;

	assert_ok(waldo_connect(f->client, uri, &ref));
	for (int i = 0; i < 5; i++) {
		(void) waldo_node_step(f->client, 10);
	}
	stranger = accept(fd, NULL, NULL);
	assert_int_equal(send(stranger, banner, sizeof(banner) - 1, 0),
	                 sizeof(banner) - 1);
	assert_int_not_equal(net_call(f, ref, "echo"), WALDO_OK);
	assert_err(waldo_ref_get_failure(ref)->code, WALDO_ECONNECT);
	waldo_ref_release(ref);
	close(stranger);
	close(fd);
}

/* ---- which hosts are known */

static void
accept_host(waldo_trust *question, void *user)
{
	++*(int *) user;
	waldo_trust_accept(question);
}

/* Nobody is asked: who is asked of a host that was known would say yes. */
static void
where_others_may_write_known_hosts_nobody_is_trusted(void **state)
{
	net_fixture *f = *state;
	waldo_node_options options = {.size = sizeof(options),
	                              .trust = accept_host};
	waldo_listener *listener = NULL;
	char path[128], uri[200];
	waldo_ref *ref = NULL;
	int asked = 0;

	snprintf(path, sizeof(path), "%s/known", f->directory);
	options.known_hosts = path;
	options.trust_user = &asked;
	waldo_node_free(f->client);
	assert_ok(waldo_node_new(&options, &f->client));
	assert_ok(waldo_listen(f->server, "tcp:127.0.0.1:0", &listener));
	snprintf(uri, sizeof(uri), "waldo://@%s/echo",
	         strchr(waldo_listener_get_uri(listener), '@') + 1);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(chmod(path, 0622), 0);
	assert_non_null(strstr(net_failure(f, uri), "may write it"));
	assert_int_equal(asked, 0);
	assert_int_equal(chmod(path, 0600), 0);
	assert_ok(waldo_connect(f->client, uri, &ref));
	assert_ok(net_call(f, ref, "echo"));
	assert_int_equal(asked, 1);
	waldo_ref_release(ref);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    waldo_test(a_call_travels_over_every_kind_of_address),
	    waldo_test(a_callee_sees_who_calls),
	    waldo_test(a_peer_of_a_dual_stack_listener_has_its_own_address),
	    waldo_test(a_listener_tells_the_port_that_was_bound),
	    waldo_test(what_cannot_be_listened_on_is_refused_with_a_reason),
	    waldo_test(a_socket_file_that_nobody_answers_on_is_replaced),
	    waldo_test(a_socket_file_that_somebody_answers_on_stays),
	    waldo_test(a_file_that_is_not_a_socket_is_never_removed),
	    waldo_test(a_listener_removes_its_own_file_and_no_other),
	    waldo_test(a_listener_of_a_node_that_has_stopped_can_be_closed),
	    waldo_test(an_inherited_socket_is_listened_on_and_its_file_stays),
	    waldo_test(an_inherited_socket_of_tcp_is_encrypted),
	    waldo_test(
	        an_inherited_socket_that_does_not_listen_is_refused_and_stays_open),
	    waldo_test(a_dial_that_fails_says_where_and_why),
	    waldo_test(a_host_that_does_not_resolve_is_named),
	    waldo_test(a_node_may_be_freed_while_it_resolves),
	    waldo_test(a_connection_that_is_not_answered_times_out),
	    waldo_test(a_full_queue_of_a_socket_file_is_waited_for),
	    waldo_test(every_address_of_a_host_is_tried),
	    waldo_test(a_slow_name_server_holds_up_nobody_else),
	    waldo_test(a_peer_that_says_nothing_is_given_up),
	    waldo_test(a_peer_that_speaks_something_else_is_refused),
	    waldo_test(where_others_may_write_known_hosts_nobody_is_trusted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
