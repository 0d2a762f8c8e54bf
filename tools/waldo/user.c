/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <waldo/accounts.h>
#include "secret.h"
#include "tool.h"

struct user {
	waldo_node *node;
	waldo_accounts *accounts;
	const char *name; /* of the account; NULL for ls */
	const char *more; /* what some want behind it */
	bool is_there;    /* an account of that name */
};

/* ---- the verbs: each a status, or the library's error */

static waldo_err
add(struct user *user, int *status)
{
	(void) status;
	return waldo_account_add(user->accounts, user->name);
}

static void
compare_name(const waldo_account_info *info, void *user)
{
	struct user *u = user;

	u->is_there = u->is_there || strcmp(info->name, u->name) == 0;
}

static waldo_err
set_password(struct user *user, int *status)
{
	char password[SECRET_MAX];
	waldo_err err;

	/* Nobody is asked in vain. */
	err = waldo_accounts_list(user->accounts, compare_name, user);
	if (err != WALDO_OK || !user->is_there) {
		return err != WALDO_OK ? err
		                       : waldo_account_set_password(
		                             user->accounts, user->name, NULL);
	}
	*status = secret_ask_new("Password", password);
	if (*status != STATUS_OK) {
		return WALDO_OK;
	}
	err = waldo_account_set_password(user->accounts, user->name, password);
	secret_wipe(password);
	return err;
}

static waldo_err
disable(struct user *user, int *status)
{
	(void) status;
	return waldo_account_disable(user->accounts, user->name, true);
}

static waldo_err
enable(struct user *user, int *status)
{
	(void) status;
	return waldo_account_disable(user->accounts, user->name, false);
}

static waldo_err
drop(struct user *user, int *status)
{
	(void) status;
	return waldo_account_remove(user->accounts, user->name);
}

static waldo_err
add_token(struct user *user, int *status)
{
	char token[WALDO_TOKEN_TEXT];
	waldo_err err =
	    waldo_account_add_token(user->accounts, user->name, token);

	(void) status;
	if (err == WALDO_OK) {
		puts(token);
	}
	return err;
}

static waldo_err
add_key(struct user *user, int *status)
{
	uint8_t key[WALDO_KEY_BYTES];

	if (!waldo_key_parse(user->more, key)) {
		*status = complain_usage("user",
		                         "a KEY of 52 letters is wanted, not "
		                         "'%s'",
		                         user->more);
		return WALDO_OK;
	}
	return waldo_account_add_key(user->accounts, user->name, key);
}

static void
print_account(const waldo_account_info *info, void *user)
{
	(void) user;
	print_text(stdout, info->name);
	printf("\t%s\t%s\t%u\t%u", info->disabled ? "disabled" : "enabled",
	       info->has_password ? "yes" : "no", info->tokens, info->keys);
	print_time_column(info->made);
	print_time_column(info->last_login);
	putchar('\n');
}

static waldo_err
list(struct user *user, int *status)
{
	(void) status;
	puts("NAME\tSTATE\tPASSWORD\tTOKENS\tKEYS\tMADE\tLAST LOGIN");
	return waldo_accounts_list(user->accounts, print_account, NULL);
}

static const struct verb {
	const char *name;
	int words; /* behind it */
	waldo_err (*run)(struct user *user, int *status);
} verbs[] = {
    {"add", 2, add},         {"passwd", 2, set_password},
    {"disable", 2, disable}, {"enable", 2, enable},
    {"rm", 2, drop},         {"token", 2, add_token},
    {"key", 3, add_key},     {"ls", 1, list},
};
#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))
#define VERBS      "add, passwd, token, key, disable, enable, rm or ls"

static const char *const wanted[] = {
    [1] = "a STORE",
    [2] = "a STORE and a NAME",
    [3] = "a STORE, a NAME and a KEY",
};

/* ---- the command */

static int
run_verb(const struct verb *verb, const char *path, struct user *user)
{
	int status = STATUS_OK;
	waldo_err err;

	/* Only the first account makes a file. */
	if (verb->run != add && access(path, F_OK) != 0) {
		return complain(STATUS_LOST, "%s: %s", path, strerror(errno));
	}
	err = waldo_node_new(NULL, &user->node);
	if (err == WALDO_OK) {
		err = waldo_accounts_open(user->node, path, &user->accounts);
	}
	if (err == WALDO_OK) {
		err = verb->run(user, &status);
	}
	if (err == WALDO_ENAME) {
		status = complain(STATUS_LOST, "%s",
		                  waldo_node_get_message(user->node));
	} else if (err != WALDO_OK) {
		status = complain_err(err, user->node);
	}
	waldo_accounts_close(user->accounts);
	waldo_node_free(user->node);
	return flush_output(status);
}

static int
run(const struct command *command, int argc, char **argv)
{
	const struct option options[] = {{0}};
	struct user user = {0};
	int status = STATUS_OK;
	size_t i;

	if (!take_options(command, options, &argc, argv, &status)) {
		return status;
	}
	if (argc == 0) {
		return complain_usage(command->name, VERBS " is wanted");
	}
	for (i = 0; i < VERB_COUNT; i++) {
		if (strcmp(argv[0], verbs[i].name) != 0) {
			continue;
		}
		if (argc != verbs[i].words + 1) {
			return complain_usage(command->name, "%s wants %s",
			                      argv[0], wanted[verbs[i].words]);
		}
		user.name = argc > 2 ? argv[2] : NULL;
		user.more = argc > 3 ? argv[3] : NULL;
		return run_verb(&verbs[i], argv[1], &user);
	}
	return complain_usage(command->name, "'%s': " VERBS " is wanted",
	                      argv[0]);
}

static const char help[] =
    "usage: waldo user add|passwd|disable|enable|rm|token STORE NAME\n"
    "       waldo user key STORE NAME KEY\n"
    "       waldo user ls STORE\n"
    "\n"
    "Changes the accounts in the file STORE, who may log in at a portal. A\n"
    "server that runs knows at once; whoever is in stays in.\n"
    "\n"
    "  add      makes an account, and the file if it is not there\n"
    "  passwd   sets its password: asked for at the terminal, or one line of\n"
    "           stdin where that is none\n"
    "  token    prints a new token for it, which is told never again\n"
    "  key      lets the client log in whose link proves this KEY\n"
    "  disable  it cannot log in until enable\n"
    "  rm       removes it, with its tokens and keys\n"
    "  ls       prints them all, one a line, with a tab between columns\n";

const struct command user_command = {
    "user",
    run,
    "change who may log in",
    help,
};
