/* SPDX-License-Identifier: MIT */
#include <string.h>
#include "store.h"

static bool
option_id(const char *text, void *target)
{
	uint64_t id;

	if (!option_count(text, &id) || id > INT64_MAX) {
		return false;
	}
	*(int64_t *) target = (int64_t) id;
	return true;
}

static int
revoke(const char *path, const waldo_grant_match *match)
{
	struct store store = {0};
	size_t count = 0;
	int status = store_open(&store, path, false);
	waldo_err err;

	if (status == STATUS_OK) {
		err = waldo_grants_revoke(store.grants, match, &count);
		status =
		    err == WALDO_OK ? STATUS_OK : complain_err(err, store.node);
	}
	if (status == STATUS_OK && count == 0) {
		status =
		    complain(STATUS_LOST, "%s: there is no such grant", path);
	} else if (status == STATUS_OK) {
		printf("%zu revoked\n", count);
	}
	store_close(&store);
	return flush_output(status);
}

static int
run(const struct command *command, int argc, char **argv)
{
	waldo_grant_match match = {.size = sizeof(match)};
	const struct option options[] = {
	    {'i', "id", "a number", option_id, &match.id},
	    {'o', "owner", "a name", option_text, &match.owner},
	    {'k', "kind", "a name", option_text, &match.kind},
	    {0},
	};
	int status = STATUS_OK;

	if (!take_options(command, options, &argc, argv, &status)) {
		return status;
	}
	if (argc == 2) {
		char *slash = strrchr(argv[1], '/');

		match.swissnum = slash == NULL ? argv[1] : slash + 1;
		argv[1][strcspn(argv[1], "?")] = '\0';
	}
	if (argc < 1 || argc > 2 ||
	    (argc == 1 && match.id == 0 && match.owner == NULL &&
	     match.kind == NULL)) {
		return complain_usage(command->name,
		                      "a STORE is wanted, and what to revoke: "
		                      "a SWISSNUM, --id, --owner or --kind");
	}
	return revoke(argv[0], &match);
}

static const char help[] =
    "usage: waldo revoke STORE SWISSNUM\n"
    "       waldo revoke STORE [--id N] [--owner OWNER] [--kind KIND]\n"
    "\n"
    "Revokes for ever the grants in the file STORE that match all that is "
    "said.\n"
    "What was fetched with them is taken back from everybody: by a server "
    "that\n"
    "runs, within a second. A SWISSNUM may be a whole URI; a command line "
    "can be\n"
    "seen by others of this machine, who could have fetched it meanwhile.\n"
    "\n"
    "  -i, --id N            as waldo grants tells\n"
    "  -o, --owner OWNER     all of this owner\n"
    "  -k, --kind KIND       all of this kind\n";

const struct command revoke_command = {
    "revoke",
    run,
    "revoke grants, and what was fetched with them",
    help,
};
