/* SPDX-License-Identifier: MIT */
/* hello_server [ADDRESS]: publishes one object, and says at which URI. */
#include <stdio.h>
#include <stdlib.h>
#include <waldo.h>

static void
greet(void *self, waldo_call *call)
{
	const char *name = waldo_read_str(waldo_call_get_args(call), NULL);
	char text[80];

	(void) self; /* it has nothing to remember */
	if (!waldo_call_check(call)) {
		return; /* the caller was told which argument did not fit */
	}
	if (snprintf(text, sizeof(text), "Hello, %s!", name) >= 80) {
		waldo_call_fail(call, "hello.LongName", "that is too long");
		return;
	}
	waldo_call_reply(call, "s", text);
}

static const waldo_method methods[] = {
    {"greet", greet, "(name: string) -> string", 0},
    {0},
};

static const waldo_class greeter_class = {
    WALDO_CLASS_SIZES, "Greeter", methods, NULL, NULL,
};

int
main(int argc, char **argv)
{
	const char *address = argc > 1 ? argv[1] : "tcp:127.0.0.1:4747";
	waldo_node *node = NULL;
	waldo_ref *greeter = NULL;
	waldo_listener *listener = NULL;
	int status = EXIT_FAILURE;

	if (waldo_node_new(NULL, &node) == WALDO_OK &&
	    waldo_object_new(node, &greeter_class, NULL, &greeter) ==
	        WALDO_OK &&
	    waldo_publish(node, "greeter", greeter) == WALDO_OK &&
	    waldo_listen(node, address, &listener) == WALDO_OK) {
		printf("%s/greeter\n", waldo_listener_get_uri(listener));
		fflush(stdout);
		waldo_node_run(node); /* until somebody stops it */
		status = EXIT_SUCCESS;
	} else {
		fprintf(stderr, "hello: %s\n", waldo_node_get_message(node));
	}
	waldo_listener_close(listener);
	waldo_ref_release(greeter);
	waldo_node_free(node);
	return status;
}
