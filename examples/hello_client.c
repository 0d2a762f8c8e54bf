/* SPDX-License-Identifier: MIT */
/* hello_client URI: calls what hello_server publishes. */
#include <stdio.h>
#include <stdlib.h>
#include <waldo.h>

int
main(int argc, char **argv)
{
	waldo_node *node = NULL;
	waldo_ref *greeter = NULL;
	waldo_promise *hi = NULL;
	waldo_reader *result = NULL;
	int status = EXIT_FAILURE;

	if (argc != 2) {
		fprintf(stderr, "usage: hello_client URI\n");
		return EXIT_FAILURE;
	}
	if (waldo_node_new(NULL, &node) != WALDO_OK ||
	    waldo_connect(node, argv[1], &greeter) != WALDO_OK) {
		fprintf(stderr, "%s\n", waldo_node_get_message(node));
		goto out;
	}
	hi = waldo_ref_invoke(greeter, "greet", "s", "world");
	if (waldo_promise_wait(hi, -1) != WALDO_OK) {
		fprintf(stderr, "%s\n", waldo_promise_get_failure(hi)->message);
		goto out;
	}
	result = waldo_promise_get_result(hi);
	puts(waldo_read_str(result, NULL));
	status = waldo_read_end(result) == WALDO_OK ? EXIT_SUCCESS : status;
out:
	waldo_promise_release(hi);
	waldo_ref_release(greeter);
	waldo_node_free(node);
	return status;
}
