/* SPDX-License-Identifier: MIT */
/*
 * How fast this version of Waldo is on this machine. The two ends keep the
 * contract of the peers of tools/bench, whose runner compares them.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bench.h"

/* A port of 127.0.0.1 and a path are short for an address. */
static char *
expand_address(const char *text, bool secure)
{
	const char *prefix = "";
	char *address = NULL;

	if (text[0] != '\0' && strspn(text, "0123456789") == strlen(text)) {
		prefix = secure ? "tcp:127.0.0.1:" : "tcp-insecure:127.0.0.1:";
	} else if (text[0] == '/') {
		prefix = "unix:";
	}
	return asprintf(&address, "%s%s", prefix, text) < 0 ? NULL : address;
}

#define LOOPBACK "tcp-insecure:127.0.0.1:"
#define SECURE   "tcp:"

/* Secrets that everybody knows, but for a letter, which tells them apart: the
 * contract of the bench tells who calls an address, and nothing else. */
#define KEY_LINE                                                               \
	"waldo-secret-key "                                                    \
	"%cbcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrsq\n"

static bool
is_secure_address(const char *address)
{
	return strncmp(address, SECURE, strlen(SECURE)) == 0;
}

static waldo_err
load_key(int which, waldo_key **ret_key)
{
	char path[] = "/tmp/waldo-bench-XXXXXX";
	int fd = mkstemp(path);
	waldo_err err = WALDO_ESYSTEM;

	if (fd < 0) {
		return err;
	}
	if (dprintf(fd, KEY_LINE, 'a' + which) > 0) {
		err = waldo_key_load(path, ret_key);
	}
	close(fd);
	unlink(path);
	return err;
}

waldo_err
bench_get_key(const char *address, int host, waldo_key **ret_key)
{
	static waldo_key *keys[BENCH_KEYS];
	waldo_err err = WALDO_OK;

	*ret_key = NULL;
	if (!is_secure_address(address) || host >= BENCH_KEYS) {
		return WALDO_OK;
	}
	if (keys[host] == NULL) {
		err = load_key(host, &keys[host]);
	}
	*ret_key = keys[host];
	return err;
}

int
bench_count_hosts(const char *address)
{
	if (is_secure_address(address)) {
		return BENCH_KEYS;
	}
	return strncmp(address, LOOPBACK, strlen(LOOPBACK)) == 0 ? BENCH_HOSTS
	                                                         : 1;
}

char *
bench_make_address(const char *address, int host)
{
	char *made = NULL;

	if (host == 0 || is_secure_address(address)) {
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
	waldo_key *key = NULL;
	int scheme, len;

	if (at == NULL) {
		return NULL;
	}
	if (bench_get_key(at, host, &key) != WALDO_OK) {
		free(at);
		return NULL;
	}
	if (key != NULL) {
		char text[WALDO_KEY_TEXT];

		waldo_key_format(waldo_key_get_public(key), text);
		len = asprintf(&uri, "waldo://%s@%s/%s", text,
		               at + strlen(SECURE), BENCH_NAME);
		free(at);
		return len < 0 ? NULL : uri;
	}
	scheme = (int) strcspn(at, ":");
	len = asprintf(&uri, "waldo+%.*s://%s/%s", scheme, at,
	               at + scheme + (at[scheme] != '\0'), BENCH_NAME);
	free(at);
	return len < 0 ? NULL : uri;
}

/* The last word may say that a port is one of encrypted links. */
static bool
is_secure(int *argc, char **argv)
{
	bool secure = *argc > 1 && strcmp(argv[*argc - 1], "secure") == 0;

	*argc -= secure;
	return secure;
}

static int
serve(const struct command *command, int argc, char **argv)
{
	bool secure = is_secure(&argc, argv);
	char *address;
	int status;

	if (argc != 1) {
		return complain_usage(command->name, "serve wants one ADDRESS");
	}
	address = expand_address(argv[0], secure);
	status = address != NULL ? bench_serve(address)
	                         : complain(STATUS_LOST, "out of memory");
	free(address);
	return status;
}

static int
run_workload(const struct command *command, int argc, char **argv)
{
	bool secure = is_secure(&argc, argv);
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
	if (meter_is(&m, "open") && m.connections != 1) {
		return complain_usage(command->name,
		                      "open has one connection at a time");
	}
	address = expand_address(argv[1], secure);
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
    "usage: waldo bench serve ADDRESS [secure]\n"
    "       waldo bench run WORKLOAD ADDRESS SECONDS SERVER_PID CONNECTIONS "
    "WINDOW\n"
    "                       [secure]\n"
    "\n"
    "serve publishes an object, prints 'READY' and serves until SIGINT or\n"
    "SIGTERM; run has WINDOW calls in flight, on all connections together, "
    "and\n"
    "prints what it measured in one line of JSON. SERVER_PID is the process\n"
    "whose CPU time and memory are told beside its own. tools/bench/bench\n"
    "compares with others.\n"
    "\n"
    "  ADDRESS   as for waldo serve; also a port of 127.0.0.1, or a path.\n"
    "            With tcp:HOST:PORT, or a port and the word secure, the "
    "server\n"
    "            has keys that are no secret, by which run knows it\n"
    "  WORKLOAD  lat     one call after the other\n"
    "            pipe    many calls in flight\n"
    "            fan     the same on many connections\n"
    "            large   1 MiB there and back\n"
    "            churn   make an object, call it when it is there, release "
    "it\n"
    "            churnp  the same, called before it is there\n"
    "            event   calls that the server makes to an object of ours\n"
    "            open    make a node, connect it, call once, end it; with 1 "
    "as\n"
    "                    CONNECTIONS\n"
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
