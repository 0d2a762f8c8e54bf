/* SPDX-License-Identifier: MIT */
/* proxy URI ADDRESS: forwards whatever is called, to a backend that may be
 * away; counts. */
#include <stdio.h>
#include <stdlib.h>
#include <waldo.h>

struct proxy {
	waldo_ref *backend;
	unsigned forwarded;
};

static void
forward(void *self, waldo_call *call)
{
	struct proxy *proxy = self;
	waldo_request *request = waldo_request_new(
	    proxy->backend, waldo_call_get_method(call), NULL);

	proxy->forwarded++;
	waldo_put_rest(waldo_request_get_args(request),
	               waldo_call_get_args(call));
	waldo_call_follow(call, waldo_request_send(request));
}

/* One that looks at the answer: by hand, with cancellation. */
struct audit {
	waldo_call *call;
	waldo_promise *promise;
};

static void
on_answer(waldo_reader *result, const waldo_failure *failure, void *user)
{
	struct audit *audit = user;

	if (failure != NULL) {
		fprintf(stderr, "%s\n", failure->message);
		waldo_call_fail_with(audit->call, failure);
	} else {
		waldo_put_rest(waldo_call_get_result(audit->call), result);
		waldo_call_reply(audit->call, "");
	}
	waldo_promise_release(audit->promise);
	free(audit);
}

static void
on_caller_gone(waldo_call *call, void *user)
{
	struct audit *audit = user;

	(void) call;
	waldo_promise_cancel(audit->promise);
}

static void
audited(void *self, waldo_call *call)
{
	struct proxy *proxy = self;
	struct audit *audit = calloc(1, sizeof(*audit));
	waldo_request *request = NULL;

	if (audit == NULL) {
		waldo_call_fail_err(call, WALDO_ENOMEM);
		return;
	}
	request = waldo_request_new(proxy->backend, "transfer", NULL);
	waldo_put_rest(waldo_request_get_args(request),
	               waldo_call_get_args(call));
	audit->promise = waldo_request_send(request);
	audit->call = waldo_call_defer(call, on_caller_gone, audit);
	if (waldo_promise_when(waldo_promise_retain(audit->promise), on_answer,
	                       audit) != WALDO_OK) {
		waldo_call_fail_err(audit->call, WALDO_ENOMEM);
		waldo_promise_release(audit->promise);
		free(audit);
	}
}

static const waldo_method proxy_methods[] = {
    {"transfer", audited, NULL, 0},
    {0},
};

static const waldo_class proxy_class = {
    WALDO_CLASS_SIZES, "Proxy", proxy_methods, NULL, forward,
};

int
main(int argc, char **argv)
{
	struct proxy self = {0};
	waldo_node *node = NULL;
	waldo_ref *proxy = NULL;

	int status = EXIT_FAILURE;

	if (argc != 3) {
		fprintf(stderr, "usage: proxy URI ADDRESS\n");
		return EXIT_FAILURE;
	}
	if (waldo_node_new(NULL, &node) == WALDO_OK &&
	    waldo_connect(node, argv[1], &self.backend) == WALDO_OK &&
	    waldo_object_new(node, &proxy_class, &self, &proxy) == WALDO_OK &&
	    waldo_publish(node, "proxy", proxy) == WALDO_OK &&
	    waldo_listen(node, argv[2], NULL) == WALDO_OK) {
		waldo_node_run(node);
		status = EXIT_SUCCESS;
	} else {
		fprintf(stderr, "proxy: %s\n", waldo_node_get_message(node));
	}
	waldo_ref_release(proxy);
	waldo_ref_release(self.backend);
	waldo_node_free(node);
	return status;
}
