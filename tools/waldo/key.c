/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "psk.h"

static int
show(const char *path, bool print)
{
	char text[WALDO_KEY_TEXT];
	waldo_key *key = NULL;
	waldo_err err = waldo_key_load(path, &key);

	if (err != WALDO_OK) {
		return complain_err(err, NULL);
	}
	if (print) {
		waldo_key_fingerprint(waldo_key_get_public(key), text);
	} else {
		waldo_key_format(waldo_key_get_public(key), text);
	}
	puts(text);
	waldo_key_release(key);
	return STATUS_OK;
}

static int
act(const struct command *command, const char *what, const char *path)
{
	bool is_new = strcmp(what, "new") == 0;
	bool is_there = access(path, F_OK) == 0;

	if (!is_new && strcmp(what, "show") != 0 &&
	    strcmp(what, "fingerprint") != 0) {
		return complain_usage(command->name,
		                      "'%s': new, show, fingerprint or secret "
		                      "is wanted",
		                      what);
	}
	if (is_new && is_there) {
		return complain(STATUS_LOST, "%s: is there already", path);
	}
	if (!is_new && !is_there) {
		return complain(STATUS_LOST, "%s: %s", path, strerror(errno));
	}
	return show(path, strcmp(what, "fingerprint") == 0);
}

static int
run(const struct command *command, int argc, char **argv)
{
	const struct option options[] = {{0}};
	int status = STATUS_OK;
	char *path;

	if (!take_options(command, options, &argc, argv, &status)) {
		return status;
	}
	if (argc < 1 || argc > 2) {
		return complain_usage(command->name,
		                      "new, show, fingerprint or secret is "
		                      "wanted, and one file at most");
	}
	if (strcmp(argv[0], "secret") == 0) {
		return argc == 2 ? psk_make(argv[1])
		                 : complain_usage(command->name,
		                                  "secret wants a FILE");
	}
	if (argc == 2) {
		return act(command, argv[0], argv[1]);
	}
	path = state_path("key", true);
	if (path != NULL) {
		status = act(command, argv[0], path);
	}
	free(path);
	return path == NULL ? STATUS_LOST : status;
}

static const char help[] =
    "usage: waldo key new|show|fingerprint [FILE]\n"
    "       waldo key secret FILE\n"
    "\n"
    "A key is who a server is, or a client that wants to be known. Its public\n"
    "half stands in the URIs that lead to a server; the file has the secret "
    "half,\n"
    "and only its owner may read it.\n"
    "\n"
    "  new          makes a key in a file that is not there yet, and shows it\n"
    "  show         prints the public half, as it stands in URIs\n"
    "  fingerprint  prints what two people compare\n"
    "  secret       makes another kind of file: the secret of a cluster, for "
    "the\n"
    "               option --psk-file of its servers and clients\n"
    "\n"
    "Without FILE: the key of waldo serve, waldo/key in $XDG_STATE_HOME or\n"
    "~/.local/state.\n";

const struct command key_command = {
    "key",
    run,
    "make and show keys, and secrets of clusters",
    help,
};
