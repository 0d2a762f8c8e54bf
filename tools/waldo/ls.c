/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
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

/* The addresses that can be connected to, and how their URIs begin. */
static const struct scheme {
	const char *address, *uri;
} schemes[] = {
    {"tcp-insecure:", "waldo+tcp-insecure://"},
    {"tcp:", "waldo://@"},
    {"tcp:", "waldo://"},
    {"inproc:", "waldo+inproc:"},
};

static bool
begins_with(const char *text, const char *prefix)
{
	return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

/* A URI with or without a name, without it; what it says behind a '?' stays. */
static void
print_uri(FILE *out, const char *uri)
{
	bool is_unix = begins_with(uri, UNIX_URI);
	const char *query =
	    begins_with(uri, "waldo:") ? strchr(uri, '?') : NULL;
	const char *end = NULL;

	if (!is_unix) {
		end = strchr(uri, ':');
		end =
		    end != NULL && strncmp(end, "://", 3) == 0 ? end + 3 : uri;
		end += strcspn(end, "/?");
	} else if (!is_socket(uri + strlen(UNIX_URI))) {
		end = strrchr(uri, '/');
	}
	if (end == NULL) {
		end = uri + strlen(uri);
	}
	fprintf(out, "%.*s%s%s", (int) (end - uri), uri, is_unix ? "/" : "",
	        query != NULL ? query : "");
}

/* The URI of what `where` names, an address or a URI with or without a name,
 * but with no name. False if it is neither. */
static bool
print_bootstrap_uri(FILE *out, const char *where)
{
	size_t i;

	if (begins_with(where, "waldo+") || begins_with(where, "waldo:")) {
		print_uri(out, where);
		return true;
	}
	if (begins_with(where, "unix:")) {
		print_unix_uri(out, where + strlen("unix:"));
		return true;
	}
	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		const struct scheme *scheme = &schemes[i];

		if (begins_with(where, scheme->address)) {
			fprintf(out, "%s%s", scheme->uri,
			        where + strlen(scheme->address));
			return true;
		}
	}
	return false;
}

/* `*ret_uri` is to be freed, also after a complaint. */
static int
bootstrap_uri(const char *where, char **ret_uri)
{
	size_t size = 0;
	FILE *out = open_memstream(ret_uri, &size);
	bool is_known;

	if (out == NULL) {
		return complain(STATUS_LOST, "out of memory");
	}
	is_known = print_bootstrap_uri(out, where);
	if (fclose(out) != 0) {
		return complain(STATUS_LOST, "out of memory");
	}
	if (begins_with(where, "fd:")) {
		return complain(STATUS_USAGE, "%s: can only be listened on",
		                where);
	}
	if (!is_known) {
		return complain(
		    STATUS_USAGE,
		    "%s: is no address (unix:, tcp:, tcp-insecure:) and "
		    "no URI (waldo+unix:, waldo:, waldo+tcp-insecure:)",
		    where);
	}
	return STATUS_OK;
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
	return flush_output(STATUS_OK);
}

static int
list(struct peer *peer, const char *uri)
{
	waldo_promise *names = NULL;
	int status = peer_open(peer, uri);

	if (status == STATUS_OK) {
		status = peer_ask(peer, "names", &names);
	}
	if (status == STATUS_OK) {
		status = print_names(waldo_promise_get_result(names));
	}
	waldo_promise_release(names);
	peer_close(peer);
	return status;
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
	int status = STATUS_OK;
	char *uri = NULL;

	if (!take_options(command, options, &argc, argv, &status)) {
		return status;
	}
	if (argc != 1) {
		return complain_usage(command->name,
		                      "one URI or address is wanted");
	}
	peer.uri = argv[0];
	status = bootstrap_uri(peer.uri, &uri);
	if (status == STATUS_OK) {
		status = list(&peer, uri);
	}
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
    "  -t, --timeout SECONDS  give up after that time\n" PEER_HELP;

const struct command ls_command = {
    "ls",
    run,
    "list the names that are published at an address",
    help,
};
