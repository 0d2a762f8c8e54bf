/* SPDX-License-Identifier: MIT */
/*
 * checker - a checker of one's own: whoever knows the word of the day gets in
 *
 *	checker unix:/tmp/club swordfish &
 *	waldo call waldo+unix:///tmp/club/gate \
 *		login '{"name": "ann", "word": "swordfish"}' / greet
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <waldo.h>

/* ---- the checker */

/* In the time that does not tell how many letters were right. */
static bool
is_same(const char *a, const char *b)
{
	size_t len = strlen(a);
	unsigned char difference = strlen(b) != len;

	for (size_t i = 0; i < len && i < strlen(b); i++) {
		difference |= (unsigned char) (a[i] ^ b[i]);
	}
	return difference == 0;
}

static void
check_word(void *self, waldo_login *login)
{
	if (is_same(waldo_login_get(login, "word"), self)) {
		waldo_login_accept(login, waldo_login_get(login, "name"));
	} else {
		waldo_login_deny(login, "wrong word");
	}
}

static const waldo_checker word_checker = {
    .size = sizeof(word_checker),
    .needs = "name word",
    .check = check_word,
    .secret = true,
};

/* ---- the realm: what members get */

static void
member_greet(void *self, waldo_call *call)
{
	if (waldo_call_check(call)) {
		waldo_call_reply(call, "s", self);
	}
}

static const waldo_method member_methods[] = {
    {"greet", member_greet, "() -> string", WALDO_READONLY},
    {0},
};

static const waldo_class member_class = {
    WALDO_CLASS_SIZES, "Member", member_methods, NULL, NULL,
};

static void
leave(void *user)
{
	printf("%s has left\n", (char *) user);
	fflush(stdout);
	free(user);
}

static void
enter(void *self, waldo_login *login)
{
	char *name = strdup(waldo_login_get_account(login));
	waldo_ref *member = NULL;

	if (name == NULL ||
	    waldo_object_new(self, &member_class, name, &member) != WALDO_OK) {
		free(name);
		waldo_login_postpone(login, "no room");
		return;
	}
	waldo_login_admit(login, member, leave, name);
	waldo_ref_release(member);
}

int
main(int argc, char **argv)
{
	waldo_portal_options options = {.size = sizeof(options),
	                                .realm = enter};
	waldo_node *node = NULL;
	waldo_portal *portal;
	waldo_ref *gate = NULL;

	if (argc != 3) {
		fprintf(stderr, "usage: checker ADDRESS WORD\n");
		return EXIT_FAILURE;
	}
	if (waldo_node_new(NULL, &node) == WALDO_OK) {
		options.self = node;
	}
	if (node == NULL ||
	    waldo_portal_new(node, &options, &portal, &gate) != WALDO_OK ||
	    waldo_portal_add_checker(portal, &word_checker, argv[2]) !=
	        WALDO_OK ||
	    waldo_publish(node, "gate", gate) != WALDO_OK ||
	    waldo_listen(node, argv[1], NULL) != WALDO_OK) {
		fprintf(stderr, "checker: %s\n", waldo_node_get_message(node));
		waldo_ref_release(gate);
		waldo_node_free(node);
		return EXIT_FAILURE;
	}
	waldo_ref_release(gate);
	puts("ready");
	fflush(stdout);
	(void) waldo_node_run(node);
	waldo_node_free(node);
	return EXIT_SUCCESS;
}
