/* SPDX-License-Identifier: MIT */
/* Hosts whose key nobody knows yet. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tool.h"

static bool
ask(const char *host, const char *print)
{
	char answer[80] = "";

	fprintf(stderr,
	        "%s is not known yet. The fingerprint of its key is\n"
	        "  %s\n"
	        "Is it the right one (yes or no)? ",
	        host, print);
	while (fgets(answer, sizeof(answer), stdin) != NULL) {
		if (strcmp(answer, "yes\n") == 0 ||
		    strcmp(answer, "no\n") == 0) {
			return answer[0] == 'y';
		}
		fputs("yes or no? ", stderr);
	}
	return false;
}

/* Whether it is accepted; if not, `peer` remembers why. */
static bool
decide(struct peer *peer, const char *host, const char *print)
{
	const char *why = "is not known yet; if the fingerprint of its key is "
	                  "right: --trust";

	if (peer->trust != NULL) {
		if (strcmp(peer->trust, print) == 0) {
			return true;
		}
		(void) snprintf(peer->stranger, sizeof(peer->stranger),
		                "%s: the fingerprint of its key is %s, not %s",
		                host, print, peer->trust);
		return false;
	}
	if (isatty(STDIN_FILENO)) {
		if (ask(host, print)) {
			return true;
		}
		why = "is not trusted; its key has the fingerprint";
	}
	(void) snprintf(peer->stranger, sizeof(peer->stranger), "%s %s %s",
	                host, why, print);
	return false;
}

void
peer_meet(waldo_trust *question, void *user)
{
	struct peer *peer = user;
	char print[WALDO_KEY_PRINT];

	waldo_key_fingerprint(waldo_trust_get_key(question), print);
	if (decide(peer, waldo_trust_get_host(question), print)) {
		peer->accepts = true;
		waldo_trust_accept(question);
		peer->accepts = false;
	} else {
		waldo_trust_refuse(question);
	}
}

bool
option_print(const char *text, void *target)
{
	/* Five groups of four. */
	if (strlen(text) != WALDO_KEY_PRINT - 1 ||
	    strspn(text, "abcdefghijklmnopqrstuvwxyz234567-") !=
	        WALDO_KEY_PRINT - 1) {
		return false;
	}
	*(const char **) target = text;
	return true;
}
