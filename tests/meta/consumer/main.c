/* SPDX-License-Identifier: MIT */
/* A small program that uses the installed library, sockets included: an object
 * that its own node reaches through a session. */
#include <stdio.h>
#include <string.h>
#include <waldo.h>

static void
version(void *self, waldo_call *call)
{
	(void) self;
	if (waldo_call_check(call)) {
		waldo_call_reply(call, "s", waldo_version());
	}
}

static const waldo_method methods[] = {
    {"version", version, "() -> string", WALDO_READONLY},
    {0},
};

static const waldo_class kind = {
    WALDO_CLASS_SIZES, "Consumer", methods, NULL, NULL,
};

int
main(void)
{
	waldo_node *node = NULL;
	waldo_ref *near = NULL;
	waldo_ref *far = NULL;
	waldo_promise *answer = NULL;
	int status = 1;

	if (waldo_node_new(NULL, &node) == WALDO_OK &&
	    waldo_object_new(node, &kind, NULL, &near) == WALDO_OK &&
	    waldo_publish(node, "object", near) == WALDO_OK &&
	    waldo_listen(node, "inproc:consumer", NULL) == WALDO_OK &&
	    waldo_connect(node, "waldo+inproc:consumer/object", &far) ==
	        WALDO_OK) {
		answer = waldo_ref_invoke(far, "version", "");
	}
	if (waldo_promise_wait(answer, 5000) == WALDO_OK) {
		const char *text =
		    waldo_read_str(waldo_promise_get_result(answer), NULL);

		puts(text);
		status = strcmp(text, WALDO_VERSION) != 0;
	}
	waldo_promise_release(answer);
	waldo_ref_release(far);
	waldo_ref_release(near);
	waldo_node_free(node);
	return status;
}
