/* SPDX-License-Identifier: MIT */
#include "store.h"

static void
print_grant(const waldo_grant_info *info, void *user)
{
	char key[WALDO_KEY_TEXT] = "-";

	(void) user;
	printf("%lld\t", (long long) info->id);
	print_text(stdout, info->kind);
	putchar('\t');
	print_text(stdout, info->owner == NULL ? "-" : info->owner);
	print_time_column(info->made);
	print_time_column(info->expires);
	if (info->seal != NULL) {
		waldo_key_format(info->seal, key);
	}
	printf("\t%s\n", key);
}

static int
run(const struct command *command, int argc, char **argv)
{
	const struct option options[] = {{0}};
	struct store store = {0};
	int status = STATUS_OK;

	if (!take_options(command, options, &argc, argv, &status)) {
		return status;
	}
	if (argc != 1) {
		return complain_usage(command->name, "one STORE is wanted");
	}
	status = store_open(&store, argv[0], false);
	if (status == STATUS_OK) {
		waldo_err err;

		puts("ID\tKIND\tOWNER\tMADE\tEXPIRES\tSEALED TO");
		err = waldo_grants_list(store.grants, print_grant, NULL);
		status =
		    err == WALDO_OK ? STATUS_OK : complain_err(err, store.node);
	}
	store_close(&store);
	return flush_output(status);
}

static const char help[] =
    "usage: waldo grants STORE\n"
    "\n"
    "Prints the grants in the file STORE, one a line, oldest first, with a "
    "tab\n"
    "between columns and - for what is not set. Swissnums are not among "
    "them:\n"
    "the store does not know them.\n";

const struct command grants_command = {
    "grants",
    run,
    "list the grants in a store",
    help,
};
