/* SPDX-License-Identifier: MIT */
#include "broker/session/session.h"

/* One live id for each object and session: the reference itself is the key. */
static uint64_t
key_of(const waldo_ref *ref)
{
	return (uint64_t) (uintptr_t) ref >> 4;
}

waldoi_export *
waldoi_export_find(waldoi_session *session, int64_t id)
{
	return waldoi_table_find(&session->exports, (uint64_t) id);
}

waldoi_export *
waldoi_export_of(waldoi_session *session, const waldo_ref *ref)
{
	return waldoi_table_find(&session->exported, key_of(ref));
}

/* A promise has become what it is for ever. */
static void
resolved(waldo_ref *ref, waldo_state state, void *user)
{
	waldoi_export *export = user;

	(void) ref;
	(void) state;
	waldo_watch_stop(export->watch);
	export->watch = NULL;
	waldoi_session_send_resolve(export->session, export);
}

/* All that can fail: false without memory. */
static bool
list_export(waldoi_session *session, waldoi_export *export)
{
	if (!waldoi_table_insert(&session->exported, key_of(export->ref),
	                         export)) {
		return false;
	}
	if (!waldoi_table_insert(&session->exports, (uint64_t) export->id,
	                         export)) {
		waldoi_table_remove(&session->exported, key_of(export->ref));
		return false;
	}
	if (export->promise && waldo_ref_watch(export->ref, resolved, export,
	                                       &export->watch) != WALDO_OK) {
		waldoi_table_remove(&session->exported, key_of(export->ref));
		waldoi_table_remove(&session->exports, (uint64_t) export->id);
		return false;
	}
	return true;
}

waldoi_export *
waldoi_export_new(waldoi_session *session, waldo_ref *ref)
{
	waldoi_pool *pool = &session->node->export_pool;
	waldoi_export *export = waldoi_pool_take(pool);

	if (export == NULL) {
		return NULL;
	}
	*export = (waldoi_export){.ref = ref,
	                          .id = session->next_export,
	                          .session = session,
	                          .promise = ref->state == WALDO_PENDING};
	if (!list_export(session, export)) {
		waldoi_pool_give(pool, export);
		return NULL;
	}
	waldo_ref_retain(ref);
	session->next_export -= 2;
	return export;
}

static void
let_go(waldoi_session *session, waldoi_export *export)
{
	waldo_ref *ref = export->ref;

	waldoi_table_remove(&session->exports, (uint64_t) export->id);
	waldoi_table_remove(&session->exported, key_of(ref));
	waldo_watch_stop(export->watch);
	waldoi_pool_give(&session->node->export_pool, export);
	waldo_ref_release(ref); /* may destroy the object */
}

void
waldoi_export_drop(waldoi_session *session, waldoi_export *export,
                   uint64_t count)
{
	export->sent = (export->sent - count) & INT64_MAX; /* 63 bits */
	if (export->sent == 0) {
		let_go(session, export);
	}
}

void
waldoi_exports_release(waldoi_session *session)
{
	waldoi_export *export;
	uint64_t key;

	while ((export = waldoi_table_any(&session->exports, &key)) != NULL) {
		let_go(session, export);
	}
	waldoi_table_fini(&session->exports);
	waldoi_table_fini(&session->exported);
}
