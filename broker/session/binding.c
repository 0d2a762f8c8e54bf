/* SPDX-License-Identifier: MIT */
/* What names the link between the two nodes (PROTOCOL.md N12). */
#include "broker/call.h"
#include "broker/session/session.h"

static const uint8_t *
binding_of(const waldoi_session *session)
{
	return session == NULL || session->link == NULL
	           ? NULL
	           : waldoi_channel_get_binding(&session->link->channel);
}

WALDO_API const uint8_t *
waldo_call_get_binding(const waldo_call *call)
{
	return call == NULL ? NULL : binding_of(call->session);
}

WALDO_API const uint8_t *
waldo_ref_get_binding(const waldo_ref *ref)
{
	return binding_of(waldoi_import_session(waldoi_ref_follow(ref)));
}
