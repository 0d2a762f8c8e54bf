/* SPDX-License-Identifier: MIT */
#include <string.h>
#include "tool.h"

/* {"name": str, "signature": str or nil, "flags": int} and what later versions
 * may add. */
static void
print_method(waldo_reader *reader)
{
	size_t pairs = waldo_read_map(reader);
	const char *name = "";
	const char *signature = "(...)"; /* what is not told may be anything */
	uint64_t flags = 0;

	while (pairs-- > 0) {
		const char *key = waldo_read_str(reader, NULL);

		if (strcmp(key, "name") == 0) {
			name = waldo_read_str(reader, NULL);
		} else if (strcmp(key, "signature") == 0 &&
		           waldo_read_type(reader) == WALDO_TYPE_STR) {
			signature = waldo_read_str(reader, NULL);
		} else if (strcmp(key, "flags") == 0) {
			flags = waldo_read_uint(reader, UINT32_MAX);
		} else {
			waldo_read_skip(reader);
		}
	}
	if (waldo_read_error(reader) == WALDO_OK) {
		fputs("  ", stdout);
		print_text(stdout, name);
		print_text(stdout, signature);
		fputs(flags & WALDO_READONLY ? "  [readonly]" : "", stdout);
		fputs(flags & WALDO_REPEATABLE ? "  [repeatable]" : "", stdout);
		fputc('\n', stdout);
	}
}

/* {"class": str, "methods": [...]}; the class comes first. */
static int
print_description(waldo_reader *reader)
{
	size_t pairs = waldo_read_map(reader);

	while (pairs-- > 0) {
		const char *key = waldo_read_str(reader, NULL);

		if (strcmp(key, "class") == 0) {
			print_text(stdout, waldo_read_str(reader, NULL));
			fputc('\n', stdout);
		} else if (strcmp(key, "methods") == 0) {
			size_t count = waldo_read_list(reader);

			while (count-- > 0) {
				print_method(reader);
			}
		} else {
			waldo_read_skip(reader);
		}
	}
	if (waldo_read_end(reader) != WALDO_OK) {
		return complain(STATUS_CALLEE, "the peer's description: %s",
		                waldo_read_message(reader));
	}
	return flush_output(STATUS_OK);
}

static int
run(const struct command *command, int argc, char **argv)
{
	struct peer peer = {0};
	const struct option options[] = {
	    {'t', "timeout", WANTS_SECONDS, option_seconds, &peer.timeout_ms},
	    PEER_OPTIONS(peer),
	    {0},
	};
	waldo_promise *answer = NULL;
	int status = STATUS_OK;

	if (!take_options(command, options, &argc, argv, &status)) {
		return status;
	}
	if (argc != 1) {
		return complain_usage(command->name, "one URI is wanted");
	}
	peer.uri = argv[0];
	status = peer_open(&peer, peer.uri);
	if (status == STATUS_OK) {
		status = peer_ask(&peer, ".describe", &answer);
	}
	if (status == STATUS_OK) {
		status = print_description(waldo_promise_get_result(answer));
	}
	waldo_promise_release(answer);
	peer_close(&peer);
	return status;
}

static const char help[] =
    "usage: waldo describe [OPTION]... URI\n"
    "\n"
    "Prints the class of the object that is published at URI, and its methods\n"
    "with their signatures, one a line.\n"
    "\n"
    "  -t, --timeout SECONDS  give up after that time\n" PEER_HELP;

const struct command describe_command = {
    "describe",
    run,
    "print the methods of an object",
    help,
};
