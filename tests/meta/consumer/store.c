/* SPDX-License-Identifier: MIT */
/* A small program that uses the installed libwaldo-store. */
#include <stdio.h>
#include <waldo.h>
#include <waldo/grant.h>

int
main(int argc, char **argv)
{
	waldo_grant_options options = {.size = sizeof(options),
	                               .kind = "thing"};
	char swissnum[WALDO_SWISSNUM_TEXT];
	waldo_node *node = NULL;
	waldo_grants *grants = NULL;
	int status = 1;

	if (argc == 2 && waldo_node_new(NULL, &node) == WALDO_OK &&
	    waldo_grants_open(node, argv[1], &grants) == WALDO_OK &&
	    waldo_grant_new(grants, &options, swissnum, "i", 7) == WALDO_OK) {
		puts(swissnum);
		status = 0;
	}
	waldo_grants_close(grants);
	waldo_node_free(node);
	return status;
}
