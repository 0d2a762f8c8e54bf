/* SPDX-License-Identifier: MIT */
/* waldo - remote objects from the command line */
#include <stdio.h>
#include <string.h>
#include "tool.h"

static const struct command *const commands[] = {
    &serve_command, &call_command,  &ls_command,     &describe_command,
    &ping_command,  &grant_command, &grants_command, &revoke_command,
    &user_command,  &key_command,   &bench_command,
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void
print_help(void)
{
	size_t i;

	puts("usage: waldo COMMAND [ARGUMENT]...\n"
	     "\n"
	     "Publishes objects and calls them over a network.\n");
	for (i = 0; i < COMMAND_COUNT; i++) {
		printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
	}
	puts(
	    "\n"
	    "'waldo COMMAND --help' tells more; 'waldo --version' its "
	    "version.\n"
	    "With WALDO_TRACE=1 in the environment each frame that is sent or\n"
	    "received is printed, decoded, on stderr.\n"
	    "\n"
	    "Exit status:\n"
	    "  0  all is well\n"
	    "  1  the peer answered with an error: 'Type: message' on stderr\n"
	    "  2  the command line is wrong\n"
	    "  3  cannot connect, the connection was lost, or local trouble\n"
	    "  4  no answer in time");
}

int
main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	size_t i;

	/* Each line is flushed when it is complete, which also tells why it
	 * could not be written. */
	setvbuf(stdout, NULL, _IOFBF, BUFSIZ);

	for (i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(name, commands[i]->name) == 0) {
			return flush_output(
			    commands[i]->run(commands[i], argc - 2, argv + 2));
		}
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		print_help();
		return flush_output(STATUS_OK);
	}
	if (strcmp(name, "--version") == 0) {
		printf("waldo %s\n", waldo_version());
		return flush_output(STATUS_OK);
	}
	if (argc < 2) {
		return complain_usage("", "no command given");
	}
	return complain_usage("", "unknown command '%s'", name);
}
