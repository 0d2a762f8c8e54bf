/* SPDX-License-Identifier: MIT */
/* Hosts whose key nobody knows yet. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tool.h"

static bool
ask(const char *host, const char *print)
{
	char answer[8] = "";

	fprintf(stderr,
	        "%s is not known yet. The fingerprint of its key is\n"
	        "  %s\n"
	        "Is it the right one (yes or no)? ",
	        host, print);
	return fgets(answer, sizeof(answer), stdin) != NULL &&
	       strcmp(answer, "yes\n") == 0;
}

void
peer_meet(waldo_trust *question, void *user)
{
	struct peer *peer = user;
	const char *host = waldo_trust_get_host(question);
	char print[WALDO_KEY_PRINT];
	bool is_trusted;

	waldo_key_fingerprint(waldo_trust_get_key(question), print);
	is_trusted = peer->trust != NULL
	                 ? strcmp(peer->trust, print) == 0
	                 : isatty(STDIN_FILENO) && ask(host, print);
	if (is_trusted) {
		waldo_trust_accept(question);
		return;
	}
	if (peer->trust != NULL) {
		(void) snprintf(peer->stranger, sizeof(peer->stranger),
		                "%s: the fingerprint of its key is %s, not %s",
		                host, print, peer->trust);
	} else {
		(void) snprintf(peer->stranger, sizeof(peer->stranger),
		                "%s is not known yet; if the fingerprint of "
		                "its key is right: --trust %s",
		                host, print);
	}
	waldo_trust_refuse(question);
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
