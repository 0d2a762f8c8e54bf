/* SPDX-License-Identifier: MIT */
#include "broker/session/session.h"
#include "serial/api.h"

#include <stdlib.h>

/* A far reference, or a promise of the peer's: its export, as we hold it. One for each id, so that
 * equality is that of pointers. The table does not count it. */
typedef struct import {
	waldo_ref ref;
	waldoi_session *session; /* NULL once that has ended */
	int64_t id;
	uint64_t received; /* mentions since the last DROP */
} import;

static waldo_promise *
far_invoke(waldo_ref *ref, waldo_request *request, bool wants,
           waldo_err *ret_err)
{
	return waldoi_session_invoke(((import *) ref)->session, ref, request,
	                             wants, ret_err);
}

size_t
waldoi_import_size(void)
{
	return sizeof(import);
}

/* `node` is NULL once that is gone. */
static void
free_import(waldo_node *node, import *imported)
{
	waldoi_ref_fini(&imported->ref);
	if (node == NULL) {
		free(imported);
	} else {
		waldoi_pool_give(&node->import_pool, imported);
	}
}

static bool
far_has_room(const waldo_ref *ref)
{
	return waldoi_session_has_room(((const import *) ref)->session);
}

static void
far_destroy(waldo_ref *ref)
{
	import *imported = (import *) ref;
	waldoi_session *session = imported->session;
	waldo_node *node = ref->node;

	if (session != NULL && imported->id != 0) {
		waldoi_table_remove(&session->caller->imports,
		                    (uint64_t) imported->id);
		waldoi_session_send_drop(session, imported->id,
		                         imported->received);
	} else if (session != NULL) {
		session->caller->bootstrap = NULL;
	}
	free_import(node, imported);
	if (session != NULL) {
		waldoi_session_check_use(session);
	}
}

static waldo_promise *
far_call_directly(waldo_ref *ref, const char *method, const char *format,
                  va_list args)
{
	const import *imported = (const import *) ref;

	return imported->session == NULL
	           ? NULL
	           : waldoi_session_call_directly(imported->session, ref,
	                                          imported->id, method, format,
	                                          args);
}

static const waldoi_ref_ops far_ops = {
    .invoke = far_invoke,
    .call_directly = far_call_directly,
    .deliver = waldoi_ref_forward,
    .has_room = far_has_room,
    .destroy = far_destroy,
};

static waldo_ref *
new_import(waldoi_session *session, int64_t id, bool promise)
{
	import *imported;

	if (!waldoi_session_make_caller(session)) {
		return NULL;
	}
	imported = waldoi_pool_take(&session->node->import_pool);
	if (imported == NULL) {
		return NULL;
	}
	waldoi_ref_init(&imported->ref, session->node, &far_ops,
	                promise ? WALDO_PENDING : WALDO_FAR);
	imported->session = session;
	imported->id = id;
	imported->received = 0;
	return &imported->ref;
}

const char *
waldoi_import_check(const waldoi_session *session, int64_t id, bool promise)
{
	const waldo_ref *ref =
	    waldoi_table_find(&session->caller->imports, (uint64_t) id);

	if (ref == NULL) {
		return NULL;
	}
	if (ref->target != NULL) {
		return "is a promise that was resolved";
	}
	return promise == (ref->state == WALDO_PENDING)
	           ? NULL
	           : "was an object, or a promise, and is the other now";
}

waldo_ref *
waldoi_import_get(waldoi_session *session, int64_t id, bool promise)
{
	waldo_ref *ref =
	    waldoi_table_find(&session->caller->imports, (uint64_t) id);

	if (ref != NULL) {
		waldo_ref_retain(ref);
	} else {
		ref = new_import(session, id, promise);
		if (ref == NULL) {
			return NULL;
		}
		if (!waldoi_table_insert(&session->caller->imports,
		                         (uint64_t) id, ref)) {
			free_import(session->node, (import *) ref);
			return NULL;
		}
	}
	((import *) ref)->received++;
	return ref;
}

waldo_ref *
waldoi_session_get_bootstrap(waldoi_session *session)
{
	waldo_ref *bootstrap = session->caller->bootstrap;

	if (bootstrap != NULL) {
		return waldo_ref_retain(bootstrap);
	}
	bootstrap = new_import(session, 0, false);
	if (bootstrap != NULL) {
		/* Which made the caller, if there was none. */
		session->caller->bootstrap = bootstrap;
	}
	return bootstrap;
}

uint64_t
waldoi_import_received(const waldo_ref *ref)
{
	return ((const import *) ref)->received;
}

waldoi_session *
waldoi_import_session(const waldo_ref *ref)
{
	return ref != NULL && ref->ops == &far_ops
	           ? ((const import *) ref)->session
	           : NULL;
}

bool
waldoi_import_id(const waldoi_session *session, const waldo_ref *ref,
                 int64_t *ret_id)
{
	if (waldoi_import_session(ref) != session) {
		return false;
	}
	*ret_id = ((const import *) ref)->id;
	return true;
}

static void
break_one(waldo_ref *ref, waldoi_failure *why)
{
	((import *) ref)->session = NULL;
	waldoi_ref_break(ref, why);
}

void
waldoi_imports_break(waldoi_session *session, waldoi_failure *why)
{
	waldo_ref *ref;
	uint64_t key;

	if (!waldoi_session_has_caller(session)) {
		return;
	}
	while ((ref = waldoi_table_any(&session->caller->imports, &key)) !=
	       NULL) {
		waldoi_table_remove(&session->caller->imports, key);
		break_one(ref, why);
	}
	waldoi_table_fini(&session->caller->imports);
	if (session->caller->bootstrap != NULL) {
		break_one(session->caller->bootstrap, why);
		session->caller->bootstrap = NULL;
	}
}

WALDO_API void
waldo_ref_end_session(waldo_ref *ref, const char *reason)
{
	waldoi_session *session = waldoi_import_session(waldoi_ref_follow(ref));

	if (session != NULL) {
		waldoi_session_end(
		    session, 0,
		    waldoi_failure_new(WALDO_ELOST, WALDO_NOT_SENT,
		                       "the session was ended here: %s",
		                       reason == NULL ? "" : reason));
	}
}
