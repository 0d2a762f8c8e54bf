/* SPDX-License-Identifier: MIT */
#include "broker/call.h"
#include "broker/session/session.h"
#include "serial/api.h"
#include <waldo/server.h>

WALDO_API waldo_err
waldo_call_raise_limits(waldo_call *call, const waldo_limits *limits)
{
	char message[200];
	waldo_node *node = call == NULL ? NULL : call->node;
	waldo_err err;

	if (call == NULL) {
		return WALDO_EINVAL;
	}
	if (node == NULL) {
		return WALDO_ELOST;
	}
	if (!call->remote) {
		return waldoi_node_fail(node, WALDO_EINVAL,
		                        "the call did not come from a peer");
	}
	if (call->session == NULL ||
	    call->session->state != WALDOI_OPEN_SESSION) {
		return waldoi_node_fail(node, WALDO_ELOST,
		                        "the call's session has ended");
	}
	err = waldoi_session_raise_limits(
	    call->session, limits == NULL ? &node->limits : limits, message);
	return err == WALDO_OK ? WALDO_OK
	                       : waldoi_node_fail(node, err, "%s", message);
}
