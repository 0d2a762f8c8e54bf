/* SPDX-License-Identifier: MIT */
#include "broker/call.h"
#include "broker/session/session.h"
#include "broker/uri.h"
#include "serial/api.h"
#include <waldo/client.h>

/* The reference that the peer's bootstrap object has for `name`. */
static waldo_ref *
fetch(waldo_ref *bootstrap, const char *name)
{
	waldo_promise *promise =
	    waldo_ref_invoke(bootstrap, "fetch", "s", name);
	waldo_ref *ref = waldo_ref_retain(waldo_promise_get_ref(promise));

	waldo_promise_release(promise);
	return ref;
}

WALDO_API waldo_err
waldo_connect(waldo_node *node, const char *uri, waldo_ref **ret_ref)
{
	char message[200];
	waldoi_uri parsed;
	waldoi_session *session;
	waldo_ref *ref;
	waldo_err err;

	if (node == NULL || uri == NULL || ret_ref == NULL) {
		return WALDO_EINVAL;
	}
	err = waldoi_uri_parse(uri, &parsed, message);
	if (err != WALDO_OK) {
		return waldoi_node_fail(node, err, "%s", message);
	}
	session = waldoi_session_find(node, &parsed);
	if (session == NULL) {
		err = waldoi_session_dial(node, &parsed, &session);
		if (err != WALDO_OK) {
			return err;
		}
	}
	ref = waldoi_session_get_bootstrap(session);
	if (ref != NULL && parsed.name[0] != '\0') {
		waldo_ref *bootstrap = ref;

		ref = fetch(bootstrap, parsed.name);
		waldo_ref_release(bootstrap);
	}
	if (ref == NULL) {
		waldoi_session_check_use(session);
		return waldoi_node_fail(node, WALDO_ENOMEM, "out of memory");
	}
	*ret_ref = ref;
	return WALDO_OK;
}
