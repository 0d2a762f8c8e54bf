/* SPDX-License-Identifier: MIT */
/*
 * How fast this version of Waldo is on this machine. The two ends keep the
 * contract of the peers of tools/bench, whose runner compares them.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"

/* A port of 127.0.0.1 and a path are short for an address. */
static char *
expand_address(const char *text)
{
	const char *prefix = "";
	char *address = NULL;

	if (text[0] != '\0' && strspn(text, "0123456789") == strlen(text)) {
		prefix = "tcp-insecure:127.0.0.1:";
	} else if (text[0] == '/') {
		prefix = "unix:";
	}
	return asprintf(&address, "%s%s", prefix, text) < 0 ? NULL : address;
}

#define LOOPBACK "tcp-insecure:127.0.0.1:"

int
bench_count_hosts(const char *address)
{
	return strncmp(address, LOOPBACK, strlen(LOOPBACK)) == 0 ? BENCH_HOSTS
	                                                         : 1;
}

char *
bench_make_address(const char *address, int host)
{
	char *made = NULL;

	if (host == 0) {
		return strdup(address);
	}
	return asprintf(&made, "tcp-insecure:127.0.0.%d:%s", host + 1,
	                address + strlen(LOOPBACK)) < 0
	           ? NULL
	           : made;
}

char *
bench_make_uri(const char *address, int host)
{
	char *at = bench_make_address(address, host), *uri = NULL;
	int scheme, len;

	if (at == NULL) {
		return NULL;
	}
	scheme = (int) strcspn(at, ":");
	len = asprintf(&uri, "waldo+%.*s://%s/%s", scheme, at,
	               at + scheme + (at[scheme] != '\0'), BENCH_NAME);
	free(at);
	return len < 0 ? NULL : uri;
}

static int
serve(const struct command *command, int argc, char **argv)
{
	char *address;
	int status;

	if (argc != 1) {
		return complain_usage(command->name, "serve wants one ADDRESS");
	}
	address = expand_address(argv[0]);
	status = address != NULL ? bench_serve(address)
	                         : complain(STATUS_LOST, "out of memory");
	free(address);
	return status;
}

static int
run_workload(const struct command *command, int argc, char **argv)
{
	char *address;
	const char *wrong;
	int status;
	meter m;

	if (argc != 6) {
		return complain_usage(command->name,
		                      "run wants WORKLOAD ADDRESS SECONDS "
		                      "SERVER_PID CONNECTIONS WINDOW");
	}
	wrong = meter_parse(&m, argv, BENCH_WORKLOADS);
	if (wrong != NULL) {
		return complain_usage(command->name, "%s", wrong);
	}
	address = expand_address(argv[1]);
	status = address != NULL ? bench_run(&m, address)
	                         : complain(STATUS_LOST, "out of memory");
	free(m.latencies);
	free(address);
	return status;
}

static int
run(const struct command *command, int argc, char **argv)
{
	const struct option options[] = {{0}};
	int status = STATUS_OK;

	if (!take_options(command, options, &argc, argv, &status)) {
		return status;
	}
	if (argc > 0 && strcmp(argv[0], "serve") == 0) {
		return serve(command, argc - 1, argv + 1);
	}
	if (argc > 0 && strcmp(argv[0], "run") == 0) {
		return run_workload(command, argc - 1, argv + 1);
	}
	return complain_usage(command->name, "serve or run is wanted");
}

static const char help[] =
    "usage: waldo bench serve ADDRESS\n"
    "       waldo bench run WORKLOAD ADDRESS SECONDS SERVER_PID CONNECTIONS "
    "WINDOW\n"
    "\n"
    "serve publishes an object, prints 'READY' and serves until SIGINT or\n"
    "SIGTERM; run has WINDOW calls in flight, on all connections together, "
    "and\n"
    "prints what it measured in one line of JSON. SERVER_PID is the process\n"
    "whose CPU time and memory are told beside its own. tools/bench/bench\n"
    "compares with others.\n"
    "\n"
    "  ADDRESS   as for waldo serve; also a port of 127.0.0.1, or a path\n"
    "  WORKLOAD  lat     one call after the other\n"
    "            pipe    many calls in flight\n"
    "            fan     the same on many connections\n"
    "            large   1 MiB there and back\n"
    "            churn   make an object, call it when it is there, release "
    "it\n"
    "            churnp  the same, called before it is there\n"
    "            event   calls that the server makes to an object of ours\n"
    "\n"
    "  {\"wl\", \"conns\", \"window\": as given; \"n\": calls; \"secs\": in "
    "that time;\n"
    "  \"rate\": per second; \"p50\", \"p99\": latency, us (lat); \"ccpu\", "
    "\"scpu\": CPU\n"
    "  time of a call at client and server, us; \"rss_conn\": bytes of the\n"
    "  server's memory for a connection; \"MBps\": one way (large)}\n";

const struct command bench_command = {
    "bench",
    run,
    "measure how fast calls are",
    help,
};
