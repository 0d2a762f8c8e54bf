/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "tool.h"

#define UNIX_URI "waldo+unix:"

/* "unix:PATH" as a URI: what may not stand in one is escaped. */
static void
print_unix_uri(FILE *out, const char *path)
{
	static const char allowed[] = "/-._~!$&'()*+,;=:@";

	fputs(path[0] == '/' ? UNIX_URI "//" : UNIX_URI, out);
	for (; *path != '\0'; path++) {
		if (isalnum((unsigned char) *path) ||
		    strchr(allowed, *path) != NULL) {
			fputc(*path, out);
		} else {
			fprintf(out, "%%%02X", (unsigned char) *path);
		}
	}
	fputc('/', out);
}

/* Whether the path of a URI, without an escape in it, is a socket: then its
 * last part is not a name. */
static bool
is_socket(const char *path)
{
	struct stat st;

	path += strncmp(path, "//", 2) == 0 ? 2 : 0;
	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* The URI of what `where` names, an address or a URI with or without a name,
 * but with no name. */
static void
print_bootstrap_uri(FILE *out, const char *where)
{
	const char *colon = strchr(where, ':');
	const char *end;

	if (strncmp(where, "unix:", 5) == 0) {
		print_unix_uri(out, where + 5);
	} else if (strncmp(where, UNIX_URI, strlen(UNIX_URI)) == 0) {
		end = is_socket(where + strlen(UNIX_URI)) ? NULL
		                                          : strrchr(where, '/');
		fprintf(out, "%.*s/",
		        (int) (end != NULL ? (size_t) (end - where)
		                           : strlen(where)),
		        where);
	} else if (colon != NULL && strncmp(colon, "://", 3) == 0) {
		end = colon + 3 + strcspn(colon + 3, "/");
		fprintf(out, "%.*s", (int) (end - where), where);
	} else if (colon != NULL) {
		fprintf(out, "waldo+%.*s://%s", (int) (colon - where), where,
		        colon + 1);
	} else {
		fputs(where, out);
	}
}

/* To be freed; NULL if memory ran out. */
static char *
bootstrap_uri(const char *where)
{
	char *uri = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&uri, &size);

	if (out == NULL) {
		return NULL;
	}
	print_bootstrap_uri(out, where);
	return fclose(out) == 0 ? uri : NULL;
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
