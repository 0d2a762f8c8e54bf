/* SPDX-License-Identifier: MIT */
/* What a method may ask about the call: who, where, which. */
#include "broker/call.h"

WALDO_API const waldo_peer *
waldo_call_get_peer(const waldo_call *call)
{
	static const waldo_peer near = {"near:", NULL, -1, -1};
	static const waldo_peer gone = {"", NULL, -1, -1};

	if (call != NULL && call->session != NULL) {
		return call->origin->get_peer(call->session);
	}
	return call != NULL && !call->remote ? &near : &gone;
}

WALDO_API waldo_node *
waldo_call_get_node(const waldo_call *call)
{
	return call == NULL ? NULL : call->node;
}

WALDO_API const char *
waldo_call_get_method(const waldo_call *call)
{
	return call == NULL ? "" : call->method->text;
}

WALDO_API waldo_ref *
waldo_call_get_perspective(const waldo_call *call)
{
	return call == NULL ? NULL : call->perspective;
}
