/* SPDX-License-Identifier: MIT */
/* The headers are C++ too: an object that is called by its own process. */
#include <cstdio>
#include <cstdlib>
#include <waldo.h>

static void
greet(void *, waldo_call *call)
{
	if (waldo_call_check(call)) {
		waldo_call_reply(call, "s", "hello from C++");
	}
}

static const waldo_method methods[] = {
    {"greet", greet, "() -> string", WALDO_READONLY},
    {},
};

static const waldo_class greeter_class = {
    WALDO_CLASS_SIZES, "Greeter", methods, nullptr, nullptr,
};

int
main()
{
	waldo_node *node = nullptr;
	waldo_ref *greeter = nullptr;
	waldo_promise *hello = nullptr;
	int status = EXIT_FAILURE;

	if (waldo_node_new(nullptr, &node) == WALDO_OK &&
	    waldo_object_new(node, &greeter_class, nullptr, &greeter) ==
	        WALDO_OK) {
		hello = waldo_ref_invoke(greeter, "greet", "");
		if (waldo_promise_wait(hello, -1) == WALDO_OK) {
			std::puts(waldo_read_str(
			    waldo_promise_get_result(hello), nullptr));
			status = EXIT_SUCCESS;
		}
	}
	waldo_promise_release(hello);
	waldo_ref_release(greeter);
	waldo_node_free(node);
	return status;
}
