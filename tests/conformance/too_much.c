/* SPDX-License-Identifier: MIT */
#include "tests/conformance/too_much.h"

#include <stdlib.h>

struct outcome *
send_bytes(struct fixture *f, size_t len)
{
	void *data = calloc(1, len);
	struct outcome *o;

	assert_non_null(data);
	o = outcome_of(f,
	               waldo_ref_invoke(f->gate, "mark", "iy", 1, data, len));
	free(data);
	return o;
}

struct outcome *
send_deep(struct fixture *f, int levels)
{
	waldo_request *request = waldo_request_new(f->gate, "echo", NULL);

	for (int i = 0; i < levels; i++) {
		waldo_put_list(waldo_request_get_args(request), 1);
	}
	waldo_put_nil(waldo_request_get_args(request));
	return outcome_of(f, waldo_request_send(request));
}

struct outcome *
send_refs(struct fixture *f, int count)
{
	waldo_request *request = waldo_request_new(f->gate, "let_go", NULL);

	for (int i = 0; i < count; i++) {
		waldo_put_ref(waldo_request_get_args(request), f->gate);
	}
	return outcome_of(f, waldo_request_send(request));
}

struct outcome *
give_objects(struct fixture *f, int count)
{
	struct outcome *o = NULL;

	for (int i = 0; i < count; i++) {
		waldo_ref *mine = NULL;

		(void) service_new(f, f->client, &mine);
		o = outcome_of(f,
		               waldo_ref_invoke(f->gate, "store", "r", mine));
		waldo_ref_release(mine);
	}
	return o;
}
