/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "tool.h"

#define UNIX_URI "waldo+unix://"

static bool
is_socket(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

/*
 * The URI of the bootstrap object at `where`, which is a URI, with a name or
 * without, or an address: "unix:/run/x", "tcp-insecure:host:port". To be
 * freed; NULL if memory ran out.
 */
static char *
bootstrap_uri(const char *where)
{
	const char *authority = strstr(where, "://");
	const char *colon = strchr(where, ':');
	const char *slash;
	char *uri = NULL;
	int len;

	if (authority == NULL && colon != NULL) {
		bool is_unix = strncmp(where, "unix:", 5) == 0;

		len = asprintf(&uri, "waldo+%.*s://%s%s", (int) (colon - where),
		               where, colon + 1, is_unix ? "/" : "");
		return len < 0 ? NULL : uri;
	}
	if (strncmp(where, UNIX_URI, strlen(UNIX_URI)) == 0) {
		/* The last part of the path is a name, unless it is the socket.
		 */
		slash = strrchr(where + strlen(UNIX_URI), '/');
		if (slash == NULL || is_socket(where + strlen(UNIX_URI))) {
			len = asprintf(&uri, "%s/", where);
		} else {
			len = asprintf(&uri, "%.*s/", (int) (slash - where),
			               where);
		}
		return len < 0 ? NULL : uri;
	}
	slash = authority != NULL ? strchr(authority + 3, '/') : NULL;
	return slash != NULL ? strndup(where, (size_t) (slash - where))
	                     : strdup(where);
}

static int
print_names(waldo_reader *names)
{
	size_t count = waldo_read_list(names);

	while (count-- > 0) {
		const char *name = waldo_read_str(names, NULL);

		if (waldo_read_error(names) == WALDO_OK) {
			print_text(stdout, name);
			fputc('\n', stdout);
		}
	}
	if (waldo_read_end(names) != WALDO_OK) {
		return complain(STATUS_CALLEE, "the peer's names: %s",
		                waldo_read_message(names));
	}
	return STATUS_OK;
}

static int
list(const char *uri, uint32_t timeout_ms)
{
	waldo_promise *names = NULL;
	struct peer peer = {0};
	int status = peer_open(&peer, uri);

	if (status == STATUS_OK) {
		status = peer_ask(&peer, "names", timeout_ms, &names);
	}
	if (status == STATUS_OK) {
		status = print_names(waldo_promise_get_result(names));
	}
	waldo_promise_release(names);
	peer_close(&peer);
	return status;
}

static int
run(const struct command *command, int argc, char **argv)
{
	uint32_t timeout_ms = 0;
	const struct option options[] = {
	    {'t', "timeout", "seconds, like 2.5", option_seconds, &timeout_ms},
	    {0},
	};
	int status = STATUS_OK;
	char *uri;

	if (!take_options(command, options, &argc, argv, &status)) {
		return status;
	}
	if (argc != 1) {
		return complain_usage(command->name,
		                      "one URI or address is wanted");
	}
	uri = bootstrap_uri(argv[0]);
	if (uri == NULL) {
		return complain(STATUS_LOST, "out of memory");
	}
	status = list(uri, timeout_ms);
	free(uri);
	return status;
}

static const char help[] =
    "usage: waldo ls [OPTION]... URI-OR-ADDRESS\n"
    "\n"
    "Prints the names that are published at an address, one a line.\n"
    "\n"
    "  waldo ls unix:/run/x\n"
    "  waldo ls tcp-insecure:127.0.0.1:4747\n"
    "  waldo ls waldo+unix:///run/x/NAME        all that is published there\n"
    "\n"
    "  -t, --timeout SECONDS  give up after that time\n";

const struct command ls_command = {
    "ls",
    run,
    "list the names that are published at an address",
    help,
};
