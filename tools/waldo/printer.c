/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include "json.h"
#include "printer.h"
#include "tool.h"

static void
print_call(void *self, waldo_call *call)
{
	struct labels *labels = self;
	bool dont_ask = labels->dont_ask;
	char *args;

	/* A method cannot wait for answers. */
	labels->dont_ask = true;
	args = json_print(waldo_call_get_args(call), labels, true);
	labels->dont_ask = dont_ask;

	if (!waldo_call_check(call)) {
		free(args);
		return;
	}
	if (args == NULL) {
		waldo_call_fail_err(call, WALDO_ENOMEM);
		return;
	}
	fputs("called ", stdout);
	print_text(stdout, waldo_call_get_method(call));
	printf(" %s\n", args);
	flush_output(STATUS_OK);
	free(args);
	waldo_call_reply(call, "");
}

static const waldo_class printer_class = {
    WALDO_CLASS_SIZES, "Printer", NULL, NULL, print_call,
};

waldo_err
printer_new(waldo_node *node, struct labels *labels, waldo_ref **ret_printer)
{
	return waldo_object_new(node, &printer_class, labels, ret_printer);
}
