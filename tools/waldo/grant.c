/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include "arg.h"
#include "store.h"

#define MAX_ARGS_BYTES 65536

static bool
option_key(const char *text, void *target)
{
	return waldo_key_parse(text, target);
}

static int
put_args(waldo_writer *writer, char **words, int count)
{
	int status = STATUS_OK;
	int i;

	for (i = 0; i < count && status == STATUS_OK; i++) {
		struct arg arg;

		status = arg_read(&arg, words[i], (size_t) i + 1);
		if (status == STATUS_OK && arg.uri != NULL) {
			status = complain(STATUS_USAGE,
			                  "argument %d: a grant can hold no "
			                  "reference",
			                  i + 1);
		} else if (status == STATUS_OK) {
			arg_put(writer, &arg);
		}
		arg_clear(&arg);
	}
	return status;
}

/* `base`, which may say more behind a '?', with the swissnum as its name. */
static void
print_uri(const char *base, const char *swissnum)
{
	int len = (int) strcspn(base, "?");

	printf("%.*s%s%s%s\n", len, base,
	       len == 0 || base[len - 1] == '/' ? "" : "/", swissnum,
	       base + len);
}

/* The name in `base`, where there may be none; NULL: there is none, or it
 * cannot be told from a path. */
static const char *
find_name(const char *base)
{
	const char *host = strstr(base, "://");
	const char *slash;

	if (host == NULL || strncmp(base, "waldo+unix:", 11) == 0) {
		return NULL;
	}
	slash = strchr(host + 3, '/');
	return slash != NULL && slash[1] != '\0' && slash[1] != '?' ? slash + 1
	                                                            : NULL;
}

static int
grant(const char *path, const waldo_grant_options *options, const char *base)
{
	struct store store = {0};
	char swissnum[WALDO_SWISSNUM_TEXT];
	int status = store_open(&store, path, true);
	waldo_err err;

	if (status == STATUS_OK) {
		err = waldo_grant_new(store.grants, options, swissnum, "");
		status =
		    err == WALDO_OK ? STATUS_OK : complain_err(err, store.node);
	}
	if (status == STATUS_OK) {
		print_uri(base, swissnum);
	}
	store_close(&store);
	return flush_output(status);
}

static int
run(const struct command *command, int argc, char **argv)
{
	uint8_t seal[WALDO_KEY_BYTES];
	static const uint8_t none[WALDO_KEY_BYTES];
	waldo_grant_options grant_options = {.size = sizeof(grant_options)};
	const char *base = "";
	const struct option options[] = {
	    {'o', "owner", "a name", option_text, &grant_options.owner},
	    {'s', "seal", "a key of 52 letters", option_key, seal},
	    {'e', "expires", WANTS_EXPIRY, option_expiry,
	     &grant_options.expires},
	    {'u', "uri", "the beginning of a URI", option_text, &base},
	    {0},
	};
	int status = STATUS_OK;

	memset(seal, 0, sizeof(seal));
	if (!take_options(command, options, &argc, argv, &status)) {
		return status;
	}
	if (argc < 2) {
		return complain_usage(command->name,
		                      "a STORE and a KIND are wanted");
	}
	if (base[0] != '\0' && strncmp(base, "waldo://", 8) != 0 &&
	    strncmp(base, "waldo+", 6) != 0) {
		return complain_usage(
		    command->name,
		    "--uri wants one of waldo:// or waldo+...:, not '%s'",
		    base);
	}
	if (find_name(base) != NULL) {
		return complain_usage(
		    command->name, "--uri wants one without a name, not '%s'",
		    find_name(base));
	}
	grant_options.kind = argv[1];
	if (memcmp(seal, none, sizeof(seal)) != 0) {
		grant_options.seal = seal;
	}
	grant_options.args = waldo_writer_new(MAX_ARGS_BYTES);
	if (grant_options.args == NULL) {
		return complain(STATUS_LOST, "out of memory");
	}
	status = put_args(grant_options.args, argv + 2, argc - 2);
	if (status == STATUS_OK) {
		status = grant(argv[0], &grant_options, base);
	}
	waldo_writer_free(grant_options.args);
	return status;
}

static const char help[] =
    "usage: waldo grant [OPTION]... STORE KIND [ARG]...\n"
    "\n"
    "Makes a grant in the file STORE, which is made if it is not there, and\n"
    "prints its swissnum: it stands in a URI where a name would, is told here\n"
    "and never again, and whoever knows it can fetch what the server's "
    "factory\n"
    "of that KIND restores with these ARGs (as for waldo call, less "
    "references).\n"
    "\n"
    "  waldo grant store counter kitchen\n"
    "  waldo grant store counter kitchen --uri waldo+unix:demo --expires "
    "12h\n"
    "\n"
    "  -o, --owner OWNER     for waldo revoke --owner\n"
    "  -s, --seal KEY        only the client with this key may fetch it\n"
    "  -e, --expires TIME    from now, like 90s, 15m, 12h or 30d\n"
    "  -u, --uri BASE        print a whole URI that begins so\n";

const struct command grant_command = {
    "grant",
    run,
    "make a URI for an object that survives restarts",
    help,
};
