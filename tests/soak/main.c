/* SPDX-License-Identifier: MIT */
/*
 * waldo-soak [--seconds N | --minutes N] [--connections N] [--samples FILE] -
 * 500 connections of 10 processes, which are stopped, silenced and killed, for
 * a minute; FILE gets what the server's memory was all the time
 */
#include "tests/soak/soak.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SECONDS = 60, CONNECTIONS = 500, SILENCE_MS = 2 * DEAD_PEER_MS };

struct board *board;

static volatile sig_atomic_t told_to_stop;
static char directory[] = "/tmp/waldo-soak-XXXXXX";

/* ---- for all processes */

double
soak_now(void)
{
	struct timespec t = {0};

	(void) clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

void
soak_wrong(const char *format, ...)
{
	va_list args;
	char text[300];

	va_start(args, format);
	(void) vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (atomic_fetch_add(&board->wrong, 1) < 20) {
		(void) fprintf(stderr, "soak: %s\n", text);
	}
}

bool
soak_is_told_to_stop(void)
{
	return told_to_stop != 0;
}

static void
stop(int number)
{
	(void) number;
	told_to_stop = 1;
}

/* ---- the driver's */

static _Noreturn void
die(const char *what)
{
	perror(what);
	exit(1);
}

enum role { SERVER, CALM, CROWD };

static pid_t
start(enum role role, unsigned number, unsigned users)
{
	const struct sigaction action = {.sa_handler = stop};
	struct sigaction ours;
	char socket[64];
	pid_t pid;

	/* It may be told to stop as soon as it is there. */
	(void) sigaction(SIGTERM, &action, &ours);
	pid = fork();
	if (pid < 0) {
		die("fork");
	}
	if (pid > 0) {
		(void) sigaction(SIGTERM, &ours, NULL);
		return pid;
	}
	(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
	srandom((unsigned) getpid());
	switch (role) {
	case SERVER:
		(void) snprintf(socket, sizeof(socket), "%s/s", directory);
		exit(soak_server(socket));
	case CALM: exit(soak_calm());
	default: exit(soak_crowd(number, users));
	}
}

static void
await(pid_t pid, bool killed, const char *who)
{
	int status;

	if (waitpid(pid, &status, 0) != pid) {
		die("waitpid");
	}
	if (killed ? !WIFSIGNALED(status)
	           : !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		soak_wrong("%s ended with status %x", who, (unsigned) status);
	}
}

static void
end(pid_t pid, const char *who)
{
	(void) kill(pid, SIGTERM);
	await(pid, false, who);
}

static void
rest(unsigned ms)
{
	struct timespec t = {ms / 1000, (long) (ms % 1000) * 1000000};

	while (nanosleep(&t, &t) != 0 && errno == EINTR) {
	}
}

/* A crowd stands still for a moment, or until it is given up, or is gone. */
static void
upset(pid_t *crowds, unsigned users)
{
	unsigned i = (unsigned) random() % CROWDS;
	unsigned what = (unsigned) random() % 20;

	if (what < 8) {
		(void) kill(crowds[i], SIGKILL);
		await(crowds[i], true, "a crowd that was killed");
		rest((unsigned) random() % 200);
		crowds[i] = start(CROWD, i, users);
		return;
	}
	(void) kill(crowds[i], SIGSTOP);
	rest(what < 19 ? (unsigned) random() % 300 : SILENCE_MS);
	(void) kill(crowds[i], SIGCONT);
}

static pid_t
start_server(void)
{
	pid_t server = start(SERVER, 0, 0);

	for (int i = 0; i < 1000 && !atomic_load(&board->is_up) &&
	                !atomic_load(&board->server_failed);
	     i++) {
		rest(10);
	}
	if (!atomic_load(&board->is_up)) {
		(void) kill(server, SIGKILL);
		(void) fprintf(stderr, "soak: the server does not come up\n");
		exit(1);
	}
	return server;
}

static void
run(unsigned seconds, unsigned users)
{
	pid_t server = start_server(), calm = start(CALM, 0, 0);
	pid_t crowds[CROWDS];

	for (unsigned i = 0; i < CROWDS; i++) {
		crowds[i] = start(CROWD, i, users);
	}
	for (double over = soak_now() + seconds; soak_now() < over;) {
		rest(100 + (unsigned) random() % 400);
		upset(crowds, users);
	}
	atomic_store(&board->is_over, true);
	for (unsigned i = 0; i < CROWDS; i++) {
		end(crowds[i], "a crowd");
	}
	end(calm, "the calm client");
	end(server, "the server");
}

static void
write_samples(const char *path)
{
	FILE *file = fopen(path, "w");

	if (file == NULL) {
		die(path);
	}
	soak_write_samples(file);
	if (fclose(file) != 0) {
		die(path);
	}
}

static unsigned
number(const char *text)
{
	char *end;
	unsigned long n = text == NULL ? 0 : strtoul(text, &end, 10);

	if (n == 0 || n > 1000000 || *end != '\0') {
		(void) fprintf(stderr, "usage: waldo-soak [--seconds N | "
		                       "--minutes N] [--connections N] "
		                       "[--samples FILE]\n");
		exit(2);
	}
	return (unsigned) n;
}

int
main(int argc, char **argv)
{
	unsigned seconds = SECONDS, connections = CONNECTIONS;
	const char *samples = NULL;
	char path[64];
	bool good;

	for (int i = 1; i < argc; i += 2) {
		if (strcmp(argv[i], "--seconds") == 0) {
			seconds = number(argv[i + 1]);
		} else if (strcmp(argv[i], "--minutes") == 0) {
			seconds = 60 * number(argv[i + 1]);
		} else if (strcmp(argv[i], "--connections") == 0) {
			connections = number(argv[i + 1]);
		} else if (strcmp(argv[i], "--samples") == 0 &&
		           argv[i + 1] != NULL) {
			samples = argv[i + 1];
		} else {
			(void) number(NULL);
		}
	}
	connections = (connections + CROWDS - 1) / CROWDS * CROWDS;
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
	             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board == MAP_FAILED || mkdtemp(directory) == NULL) {
		die("waldo-soak");
	}
	run(seconds, connections / CROWDS);
	(void) snprintf(path, sizeof(path), "%s/s", directory);
	(void) unlink(path);
	(void) rmdir(directory);
	if (samples != NULL) {
		write_samples(samples);
	}
	good = soak_report(connections, seconds);
	if (good) {
		(void) printf("1 tests\n");
	}
	return good ? 0 : 1;
}
