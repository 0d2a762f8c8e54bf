/* SPDX-License-Identifier: MIT */
/* SIGUSR1 has a node tell who holds what, on stderr. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include "tool.h"

/* A handler may not do what telling takes, nor ask for it but by a thread: one
 * that waits for the signal and posts. */
static struct {
	pthread_t thread;
	waldo_node *node; /* NULL: no thread runs */
	atomic_bool ends;
} dumper;

static void
print_line(const char *line, void *user)
{
	(void) user;
	print_text(stderr, line);
	fputc('\n', stderr);
}

static void
dump(void *node)
{
	waldo_node_dump(node, print_line, NULL);
	fflush(stderr);
}

static void
set_of_usr1(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGUSR1);
}

static void *
wait_for_signals(void *user)
{
	waldo_node *node = user;
	sigset_t usr1;
	int number;

	set_of_usr1(&usr1);
	while (sigwait(&usr1, &number) == 0 && !atomic_load(&dumper.ends)) {
		/* Without memory it is not told; one may ask again. */
		(void) !waldo_node_post(node, dump, node);
	}
	return NULL;
}

void
dump_on_signal(waldo_node *node)
{
	sigset_t usr1, all, before;

	/* No thread is to be interrupted by it, and the new one by nothing. */
	set_of_usr1(&usr1);
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	if (pthread_create(&dumper.thread, NULL, wait_for_signals, node) == 0) {
		dumper.node = node;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void
dump_no_more(void)
{
	if (dumper.node != NULL) {
		atomic_store(&dumper.ends, true);
		pthread_kill(dumper.thread, SIGUSR1);
		pthread_join(dumper.thread, NULL);
		dumper.node = NULL;
	}
}
