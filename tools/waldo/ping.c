/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <math.h>
#include "tool.h"

struct ping {
	struct peer peer;
	uint64_t count;       /* how many to send; 0: until a signal */
	uint32_t interval_ms; /* between two that are sent */
	uint64_t sent, answered;
	double started, sent_at;      /* milliseconds, monotonic */
	double min, max, sum, sum_sq; /* of the round trips, milliseconds */
	int status;
};

static void
count_answer(struct ping *ping)
{
	double ms = now_ms() - ping->sent_at;

	ping->min = ping->answered == 0 ? ms : fmin(ping->min, ms);
	ping->max = fmax(ping->max, ms);
	ping->sum += ms;
	ping->sum_sq += ms * ms;
	ping->answered++;
	printf("answer from %s: seq=%" PRIu64 " time=%.3f ms\n", ping->peer.uri,
	       ping->sent, ms);
}

static void send_ping(void *user);

/* The next one leaves an interval after the last, but not before that was
 * answered: at most one is under way. */
static void
plan_next(struct ping *ping)
{
	double wait = ping->sent_at + ping->interval_ms - now_ms();

	if (flush_output(STATUS_OK) != STATUS_OK || ping->sent == ping->count ||
	    waldo_node_after(ping->peer.node,
	                     wait > 0 ? (uint32_t) ceil(wait) : 0, send_ping,
	                     ping, NULL) != WALDO_OK) {
		waldo_node_stop(ping->peer.node, 0);
	}
}

static void
on_answer(waldo_reader *result, const waldo_failure *failure, void *user)
{
	struct ping *ping = user;

	(void) result;
	if (failure == NULL) {
		count_answer(ping);
	} else if (was_signalled()) {
		return; /* with this one under way, which is not its fault */
	} else if (failure->code == WALDO_EDEADLINE) {
		printf("no answer in %.3f s: seq=%" PRIu64 "\n",
		       ping->peer.timeout_ms / 1e3, ping->sent);
	} else {
		ping->status = complain_failure(failure, &ping->peer);
		waldo_node_stop(ping->peer.node, 0);
		return;
	}
	plan_next(ping);
}

static void
send_ping(void *user)
{
	struct ping *ping = user;
	waldo_options options = {
	    .size = sizeof(options),
	    .timeout_ms = ping->peer.timeout_ms,
	};
	waldo_promise *promise;

	ping->sent++;
	ping->sent_at = now_ms();
	promise = waldo_request_send(
	    waldo_request_new(ping->peer.ref, ".ping", &options));
	if (waldo_promise_when(promise, on_answer, ping) != WALDO_OK) {
		ping->status = complain(STATUS_LOST, "out of memory");
		waldo_node_stop(ping->peer.node, 0);
	}
}

static void
print_statistics(const struct ping *ping)
{
	double n = (double) ping->answered;

	printf("\n--- %s statistics ---\n", ping->peer.uri);
	printf("%" PRIu64 " sent, %" PRIu64 " answered, %.0f%% lost, "
	       "time %.0f ms\n",
	       ping->sent, ping->answered,
	       ping->sent > 0 ? 100 - 100 * n / (double) ping->sent : 0.0,
	       now_ms() - ping->started);
	if (ping->answered > 0) {
		double mean = ping->sum / n;
		double variance = ping->sum_sq / n - mean * mean;

		printf("rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms\n",
		       ping->min, mean, ping->max,
		       sqrt(variance > 0 ? variance : 0));
	}
}

static int
perform(struct ping *ping)
{
	int status = peer_open(&ping->peer, ping->peer.uri);
	waldo_err err;

	if (status != STATUS_OK) {
		return status;
	}
	printf("PING %s\n", ping->peer.uri);
	status = flush_output(STATUS_OK);
	if (status != STATUS_OK) {
		return status;
	}
	ping->started = now_ms();
	stop_on_signal(ping->peer.node, 0);
	send_ping(ping);
	err = waldo_node_run(ping->peer.node);
	if (err != WALDO_OK) {
		return complain_err(err, ping->peer.node);
	}
	print_statistics(ping);
	if (ping->answered > 0) {
		return STATUS_OK;
	}
	return ping->status == STATUS_OK && ping->sent > 0 ? STATUS_DEADLINE
	                                                   : ping->status;
}

static int
run(const struct command *command, int argc, char **argv)
{
	struct ping ping = {.interval_ms = 1000};
	const struct option options[] = {
	    {'c', "count", "a number, 1 or more", option_count, &ping.count},
	    {'i', "interval", WANTS_SECONDS, option_seconds, &ping.interval_ms},
	    {'t', "timeout", WANTS_SECONDS, option_seconds,
	     &ping.peer.timeout_ms},
	    PEER_OPTIONS(ping.peer),
	    {0},
	};
	int status = STATUS_OK;

	if (!take_options(command, options, &argc, argv, &status)) {
		return status;
	}
	if (argc != 1) {
		return complain_usage(command->name, "one URI is wanted");
	}
	ping.peer.uri = argv[0];
	status = perform(&ping);
	peer_close(&ping.peer);
	return status;
}

static const char help[] =
    "usage: waldo ping [OPTION]... URI\n"
    "\n"
    "Asks the object that is published at URI for a sign of life, again and\n"
    "again, and prints how long each answer took; statistics follow in the "
    "end.\n"
    "\n"
    "  -c, --count N           stop after N; else SIGINT stops it\n"
    "  -i, --interval SECONDS  from one to the next; 1 if not given\n"
    "  -t, --timeout SECONDS   count it as lost after that time\n" PEER_HELP
    "\n"
    "Exit status 0 if there was an answer, 4 if there was none in time, else "
    "as\n"
    "for waldo call.\n";

const struct command ping_command = {
    "ping",
    run,
    "measure how long an object takes to answer",
    help,
};
