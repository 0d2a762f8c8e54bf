/* SPDX-License-Identifier: MIT */
/*
 * test_restart gentle|harsh unix|tcp [SECONDS [RATE]] - restarts a server 20
 * times under the calls of 4 clients, always by SIGTERM, or now and then by
 * SIGKILL; SECONDS is how long all that takes, RATE the calls of one client in
 * a second.
 */
#include "tests/restart/restart.h"

#include <waldo.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SECONDS = 8, RATE = 1250, EVERY_KILLED = 3, BACKLOG = 128 };

static char directory[] = "/tmp/waldo-restart-XXXXXX";

void
ledger_path(char path[256], const char *in)
{
	(void) snprintf(path, 256, "%s/ledger", in);
}

void
key_path(char path[256], const char *in)
{
	(void) snprintf(path, 256, "%s/key", in);
}

void
client_path(char path[256], const char *in, uint64_t number)
{
	(void) snprintf(path, 256, "%s/client%" PRIu64, in, number);
}

static _Noreturn void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- the socket, which outlives every server */

static int
listen_unix(char uri[256])
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void) snprintf(address.sun_path, sizeof(address.sun_path), "%s/s",
	                directory);
	(void) snprintf(uri, 256, "waldo+unix://%s/ledger", address.sun_path);
	if (fd < 0 ||
	    bind(fd, (struct sockaddr *) &address, sizeof(address)) != 0) {
		die("bind");
	}
	return fd;
}

/* All servers are the same peer, for they have the same key. */
static void
make_key(char text[WALDO_KEY_TEXT])
{
	char path[256];
	waldo_key *key;

	key_path(path, directory);
	if (waldo_key_load(path, &key) != WALDO_OK) {
		(void) fprintf(stderr, "%s\n", waldo_node_get_message(NULL));
		exit(1);
	}
	waldo_key_format(waldo_key_get_public(key), text);
	waldo_key_release(key);
}

static int
listen_tcp(char uri[256])
{
	char key[WALDO_KEY_TEXT];
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	make_key(key);
	if (fd < 0 ||
	    bind(fd, (struct sockaddr *) &address, sizeof(address)) != 0 ||
	    getsockname(fd, (struct sockaddr *) &address, &len) != 0) {
		die("bind");
	}
	(void) snprintf(uri, 256, "waldo://%s@127.0.0.1:%u/ledger", key,
	                ntohs(address.sin_port));
	return fd;
}

/* Above LISTENING_FD, and nobody's who is not given it. */
static int
open_socket(bool tcp, char uri[256])
{
	int fd = tcp ? listen_tcp(uri) : listen_unix(uri);
	int out = fcntl(fd, F_DUPFD_CLOEXEC, LISTENING_FD + 1);

	if (out < 0 || listen(out, BACKLOG) != 0) {
		die("listen");
	}
	(void) close(fd);
	return out;
}

/* ---- the other roles */

static pid_t
start(int fd, const char *role, const char *path, uint64_t number,
      const char *uri, const char *rate, const char *seconds)
{
	char text[24];
	sigset_t early; /* a server takes it when it can */
	pid_t pid = fork();

	sigemptyset(&early);
	sigaddset(&early, SIGTERM);
	if (pid < 0) {
		die("fork");
	}
	if (pid > 0) {
		return pid;
	}
	(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void) sigprocmask(SIG_BLOCK, &early, NULL);
	if (fd >= 0 && dup2(fd, LISTENING_FD) < 0) {
		die("dup2");
	}
	(void) snprintf(text, sizeof(text), "%" PRIu64, number);
	(void) execl("/proc/self/exe", "test_restart", role, path, text, uri,
	             rate, seconds, (char *) NULL);
	die("execl");
}

static pid_t
start_server(int fd, uint64_t number)
{
	return start(fd, "server", directory, number, NULL, NULL, NULL);
}

static pid_t
start_client(const char *uri, uint64_t number, unsigned rate, unsigned seconds)
{
	char path[256], rate_text[16], seconds_text[16];

	client_path(path, directory, number);
	(void) snprintf(rate_text, sizeof(rate_text), "%u", rate);
	(void) snprintf(seconds_text, sizeof(seconds_text), "%u", seconds);
	return start(-1, "client", path, number, uri, rate_text, seconds_text);
}

/* True if it went as it was told to. */
static bool
await(pid_t pid, bool killed, const char *who)
{
	int status;

	if (waitpid(pid, &status, 0) != pid) {
		die("waitpid");
	}
	if (killed ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL
	           : WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		return true;
	}
	(void) fprintf(stderr, "a %s ended with status %d\n", who, status);
	return false;
}

static double
now(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static void
sleep_until(double at)
{
	struct timespec t = {.tv_sec = (time_t) at};

	t.tv_nsec = (long) ((at - (double) t.tv_sec) * 1e9);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) ==
	       EINTR) {
	}
}

/* ---- the driver */

struct plan {
	bool harsh, tcp;
	unsigned seconds, rate;
};

static bool
restart_often(const struct plan *plan, int fd, pid_t *server)
{
	double begin = now(),
	       interval = (double) plan->seconds / (RESTARTS + 1);
	bool good = true;

	for (uint64_t i = 1; i <= RESTARTS; i++) {
		bool kills = plan->harsh && i % EVERY_KILLED == 0;
		pid_t next;

		sleep_until(begin + (double) i * interval);
		next = start_server(fd, i);
		(void) kill(*server, kills ? SIGKILL : SIGTERM);
		good = await(*server, kills, "server") && good;
		*server = next;
	}
	return good;
}

static bool
run_all(const struct plan *plan)
{
	char uri[256];
	int fd = open_socket(plan->tcp, uri);
	pid_t clients[CLIENTS], server = start_server(fd, 0);
	bool good;

	for (uint64_t i = 0; i < CLIENTS; i++) {
		clients[i] = start_client(uri, i, plan->rate, plan->seconds);
	}
	good = restart_often(plan, fd, &server);
	for (int i = 0; i < CLIENTS; i++) {
		good = await(clients[i], false, "client") && good;
	}
	(void) kill(server, SIGTERM);
	good = await(server, false, "server") && good;
	(void) close(fd);
	return good;
}

/* What the run must have had in it, or nothing was shown. */
static bool
is_telling(const struct plan *plan, const struct report *report)
{
	const size_t wanted = (size_t) CLIENTS * plan->rate * plan->seconds;
	size_t maybe = report->outcomes[MAYBE_EXECUTED];

	if (report->operations != wanted) {
		(void) fprintf(stderr, "%zu operations, not %zu\n",
		               report->operations, wanted);
		return false;
	}
	if (report->outcomes[NOT_SENT] == 0) {
		(void) fprintf(stderr, "no call crossed a GOAWAY\n");
		return false;
	}
	if (plan->harsh ? maybe == 0 : maybe != 0) {
		(void) fprintf(stderr, "%zu fates are open\n", maybe);
		return false;
	}
	if (report->servers < RESTARTS / 2) {
		(void) fprintf(stderr, "only %zu servers did anything\n",
		               report->servers);
		return false;
	}
	return true;
}

static void
remove_files(void)
{
	char path[256];

	ledger_path(path, directory);
	(void) unlink(path);
	for (uint64_t i = 0; i < CLIENTS; i++) {
		client_path(path, directory, i);
		(void) unlink(path);
	}
	(void) snprintf(path, sizeof(path), "%s/s", directory);
	(void) unlink(path);
	key_path(path, directory);
	(void) unlink(path);
	(void) rmdir(directory);
}

static int
drive(const struct plan *plan)
{
	struct report report = {0};
	double took = now();
	bool good;

	if (mkdtemp(directory) == NULL) {
		die(directory);
	}
	good = run_all(plan);
	took = now() - took;
	good = check_files(directory, &report) && good;
	(void) printf("%zu operations in %.1f s, %.0f a second; %zu attempts: "
	              "%zu succeeded, %zu not sent, %zu maybe executed; %zu "
	              "executed by %zu servers\n",
	              report.operations, took,
	              (double) report.operations / took, report.attempts,
	              report.outcomes[SUCCEEDED], report.outcomes[NOT_SENT],
	              report.outcomes[MAYBE_EXECUTED], report.executed,
	              report.servers);
	good = is_telling(plan, &report) && good;
	remove_files();
	if (good) {
		(void) printf("%d tests\n", RESTARTS);
	}
	return good ? 0 : 1;
}

static unsigned
number_or(const char *text, unsigned otherwise)
{
	return text == NULL ? otherwise : (unsigned) strtoul(text, NULL, 10);
}

int
main(int argc, char **argv)
{
	struct plan plan = {.seconds = SECONDS, .rate = RATE};

	if (argc == 4 && strcmp(argv[1], "server") == 0) {
		return run_server(argv[2], strtoull(argv[3], NULL, 10));
	}
	if (argc == 7 && strcmp(argv[1], "client") == 0) {
		return run_client(argv[4], argv[2], strtoull(argv[3], NULL, 10),
		                  number_or(argv[5], 0), number_or(argv[6], 0));
	}
	if (argc < 3 || argc > 5) {
		(void) fprintf(stderr,
		               "usage: %s gentle|harsh unix|tcp "
		               "[SECONDS [RATE]]\n",
		               argv[0]);
		return 2;
	}
	plan.harsh = strcmp(argv[1], "harsh") == 0;
	plan.tcp = strcmp(argv[2], "tcp") == 0;
	plan.seconds = number_or(argv[3], SECONDS);
	plan.rate = number_or(argc > 4 ? argv[4] : NULL, RATE);
	return drive(&plan);
}
