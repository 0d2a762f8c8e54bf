/* SPDX-License-Identifier: MIT */
/*
 * abuse/connections.c - what a call costs beside connections that are idle
 *
 * The server is a process of its own, under callgrind, which counts the
 * instructions of its turns; it has one when it is told to, by a byte on its
 * standard input. So how many calls share a turn does not depend on chance, and
 * two runs differ by the idle connections alone.
 */
#include <waldo/client.h>
#include <waldo/object.h>
#include <waldo/server.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	ACTIVE = 10,
	MANY = 10000,
	OTHER_FDS = 100, /* of valgrind, too */
	WARM_UP = 100,
	ROUNDS = 500,
	CALLS = ROUNDS * ACTIVE,
	MOST_TURNS = 10000, /* in which something must happen */
	BATCH = 50,         /* connections that are not accepted yet */
	AN_HOUR = 3600 * 1000,
	LATER_US = 1100000,
	MOST_PERMILLE = 50,
	SKIPPED = 77
};

static const waldo_limits patient = {
    .size = sizeof(patient),
    .dead_peer_ms = AN_HOUR, /* no timer runs out meanwhile */
};
static const waldo_node_options options = {
    .size = sizeof(options),
    .limits = &patient,
};

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- the server */

static void
echo(void *self, waldo_call *call)
{
	waldo_reader *args = waldo_call_get_args(call);
	int64_t number = waldo_read_int(args, INT64_MIN, INT64_MAX);
	const char *text = waldo_read_str(args, NULL);

	(void) self;
	if (waldo_call_check(call)) {
		waldo_call_reply(call, "[Is]", number, text);
	}
}

/* What callgrind knows by name. */
void have_counted_turn(waldo_node *node);

__attribute__((noinline)) void
have_counted_turn(waldo_node *node)
{
	if (waldo_node_step(node, 0) != WALDO_OK) {
		die("a turn");
	}
}

static int
serve(const char *address)
{
	static const waldo_method methods[] = {
	    {"echo", echo, "(number: i64, text: string) -> [i64, string]", 0},
	    {0},
	};
	static const waldo_class class = {
	    WALDO_CLASS_SIZES, "Echo", methods, NULL, NULL,
	};
	waldo_node *node;
	waldo_ref *ref;
	char order;

	if (waldo_node_new(&options, &node) != WALDO_OK ||
	    waldo_object_new(node, &class, NULL, &ref) != WALDO_OK ||
	    waldo_publish(node, "echo", ref) != WALDO_OK ||
	    waldo_listen(node, address, NULL) != WALDO_OK) {
		die("the server");
	}
	do {
		if (write(STDOUT_FILENO, "", 1) != 1 ||
		    read(STDIN_FILENO, &order, 1) != 1) {
			break;
		}
		if (order == 'c') {
			have_counted_turn(node);
		} else if (waldo_node_step(node, 0) != WALDO_OK) {
			break;
		}
	} while (true);
	waldo_ref_release(ref);
	waldo_node_free(node);
	return 0;
}

/* ---- the client's view of it */

struct server {
	pid_t process;
	int orders, done;
	char directory[64], path[100], out[100];
};

static void
exec_server(const struct server *server, const int orders[2], const int done[2],
            const char *program)
{
	char out[sizeof(server->out) + 32], address[sizeof(server->path) + 8];

	(void) snprintf(out, sizeof(out), "--callgrind-out-file=%s",
	                server->out);
	(void) snprintf(address, sizeof(address), "unix:%s", server->path);
	(void) dup2(orders[0], STDIN_FILENO);
	(void) dup2(done[1], STDOUT_FILENO);
	(void) close(orders[1]);
	(void) close(done[0]);
	execlp("valgrind", "valgrind", "-q", "--tool=callgrind",
	       "--toggle-collect=have_counted_turn", out, program, address,
	       (char *) NULL);
	_exit(127);
}

static void
await_server(struct server *server)
{
	char byte;
	int status;

	if (read(server->done, &byte, 1) == 1) {
		return;
	}
	(void) waitpid(server->process, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
		puts("valgrind is not installed");
		exit(SKIPPED);
	}
	puts("the server has ended");
	exit(1);
}

static void
start_server(struct server *server, const char *program)
{
	int orders[2], done[2];

	(void) snprintf(server->directory, sizeof(server->directory),
	                "/tmp/waldo-connections-XXXXXX");
	if (mkdtemp(server->directory) == NULL ||
	    pipe2(orders, O_CLOEXEC) != 0 || pipe2(done, O_CLOEXEC) != 0) {
		die("the server");
	}
	(void) snprintf(server->path, sizeof(server->path), "%s/socket",
	                server->directory);
	(void) snprintf(server->out, sizeof(server->out), "%s/out",
	                server->directory);
	server->process = fork();
	if (server->process == 0) {
		exec_server(server, orders, done, program);
	}
	(void) close(orders[0]);
	(void) close(done[1]);
	server->orders = orders[1];
	server->done = done[0];
	await_server(server);
}

static void
order_turn(struct server *server, char how)
{
	if (write(server->orders, &how, 1) != 1) {
		die("the server");
	}
	await_server(server);
}

/* Returns how many instructions were counted. */
static long long
end_server(struct server *server)
{
	long long total = 0;
	char line[200];
	FILE *file;

	(void) close(server->orders);
	(void) waitpid(server->process, NULL, 0);
	(void) close(server->done);
	file = fopen(server->out, "r");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "totals: %lld", &total) == 1) {
			break;
		}
	}
	if (file != NULL) {
		(void) fclose(file);
	}
	(void) unlink(server->out);
	(void) unlink(server->path);
	(void) rmdir(server->directory);
	return total;
}

/* ---- connections */

static struct pollfd idle[MANY];

/* A turn accepts as many as it has time for, which may be few. */
static void
await_greetings(struct server *server, int from, int to)
{
	int greeted = 0, count = to - from;

	for (int i = 0; i < MOST_TURNS && greeted < count; i++) {
		order_turn(server, 't');
		greeted = poll(idle + from, (nfds_t) count, 0);
	}
	if (greeted < count) {
		printf("%d of %d were greeted\n", from + greeted, to);
		exit(1);
	}
}

static void
open_idle(struct server *server, int count)
{
	/* The preamble; HELLO [0, {0: [1, 1], 12: an hour}]. */
	static const uint8_t hello[] = {
	    0xc1, 'W',  'D',  0x01, 0,    0,    0,    0,    0,    0,
	    0,    0,    0,    0,    0,    14,   0x02, 0x92, 0x00, 0x82,
	    0x00, 0x92, 0x01, 0x01, 0x0c, 0xce, 0x00, 0x36, 0xee, 0x80};
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	memcpy(to.sun_path, server->path, strlen(server->path));
	for (int i = 0; i < count; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0 ||
		    connect(fd, (struct sockaddr *) &to, sizeof(to)) != 0 ||
		    write(fd, hello, sizeof(hello)) != sizeof(hello)) {
			die("a connection");
		}
		idle[i] = (struct pollfd){.fd = fd, .events = POLLIN};
		if ((i + 1) % BATCH == 0 || i + 1 == count) {
			await_greetings(server, i / BATCH * BATCH, i + 1);
		}
	}
}

static void
close_idle(int count)
{
	char end;

	for (int i = 0; i < count; i++) {
		/* It must have been there until now. */
		while (recv(idle[i].fd, &end, 1, MSG_DONTWAIT) == 1) {
		}
		if (recv(idle[i].fd, &end, 1, MSG_DONTWAIT) == 0) {
			puts("an idle connection was closed");
			exit(1);
		}
		(void) close(idle[i].fd);
	}
}

struct client {
	waldo_node *node;
	waldo_ref *echo;
};

static struct client clients[ACTIVE];
static int answered;

static void
open_clients(const struct server *server)
{
	char uri[120];

	(void) snprintf(uri, sizeof(uri), "waldo+unix://%s/echo", server->path);
	for (int i = 0; i < ACTIVE; i++) {
		if (waldo_node_new(&options, &clients[i].node) != WALDO_OK ||
		    waldo_connect(clients[i].node, uri, &clients[i].echo) !=
		        WALDO_OK) {
			die(waldo_node_get_message(clients[i].node));
		}
	}
}

static void
close_clients(void)
{
	for (int i = 0; i < ACTIVE; i++) {
		waldo_ref_release(clients[i].echo);
		waldo_node_free(clients[i].node);
	}
}

static void
on_answer(waldo_reader *result, const waldo_failure *failure, void *user)
{
	(void) user;
	if (failure != NULL || waldo_read_list(result) != 2 ||
	    waldo_read_int(result, INT64_MIN, INT64_MAX) != 7) {
		puts(failure != NULL ? failure->message : "another answer");
		exit(1);
	}
	answered++;
}

static void
step_clients(void)
{
	for (int i = 0; i < ACTIVE; i++) {
		if (waldo_node_step(clients[i].node, 0) != WALDO_OK) {
			die("a client");
		}
	}
}

/* One call of each. */
static void
call_all(struct server *server, char how)
{
	answered = 0;
	for (int i = 0; i < ACTIVE; i++) {
		if (waldo_promise_when(waldo_ref_invoke(clients[i].echo, "echo",
		                                        "Is", (int64_t) 7,
		                                        "0123456789abcdef"),
		                       on_answer, NULL) != WALDO_OK) {
			die("a call");
		}
	}
	for (int i = 0; i < MOST_TURNS && answered < ACTIVE; i++) {
		step_clients();
		order_turn(server, how);
		step_clients();
	}
	if (answered < ACTIVE) {
		puts("not all calls were answered");
		exit(1);
	}
}

/* ---- measuring */

/* Instructions of the server for a call, beside so many idle connections. */
static double
measure(const char *program, int others)
{
	struct server server;
	long long total;

	start_server(&server, program);
	open_clients(&server);
	call_all(&server, 't');
	open_idle(&server, others);
	(void) usleep(LATER_US); /* what an ACK waits for at most */
	for (int i = 0; i < WARM_UP; i++) {
		call_all(&server, 't');
	}
	for (int i = 0; i < ROUNDS; i++) {
		call_all(&server, 'c');
	}
	close_idle(others);
	total = end_server(&server);
	close_clients();
	printf("%d connections, %d of them active: %.1f instructions of the "
	       "server for a call\n",
	       others + ACTIVE, ACTIVE, (double) total / CALLS);
	(void) fflush(stdout);
	if (total < CALLS) {
		puts("callgrind counted nothing");
		exit(1);
	}
	return (double) total / CALLS;
}

/* As many descriptors as may be. */
static bool
may_have_many(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
		return false;
	}
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	       limit.rlim_max >= MANY + OTHER_FDS;
}

int
main(int argc, char **argv)
{
	double few, many, permille;

	if (argc > 1) {
		return serve(argv[1]);
	}
	if (!may_have_many()) {
		printf("%d descriptors are not allowed here\n",
		       MANY + OTHER_FDS);
		return SKIPPED;
	}
	few = measure(argv[0], 0);
	many = measure(argv[0], MANY - ACTIVE);
	permille = (many - few) / few * 1000;
	printf("difference: %.1f %%, at most %d %%\n1 tests\n", permille / 10,
	       MOST_PERMILLE / 10);
	return permille < MOST_PERMILLE && permille > -MOST_PERMILLE ? 0 : 1;
}
