/* SPDX-License-Identifier: MIT */
#include <waldo/grant.h>

#include "serial/api.h"
#include "server/store/fetched.h"
#include "server/store/rows.h"
#include "server/store/throttle.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define MAX_KIND  64
#define MAX_OWNER 256
#define MAX_ARGS  (64 * 1024)

#define LOOK_MS 1000 /* how often others' revocations are looked for */

typedef struct factory {
	LIST_ENTRY(factory) entry;
	waldo_ref *ref;
	char kind[MAX_KIND + 1];
} factory;

struct waldo_grants {
	waldo_node *node;
	waldo_ref *finder; /* whose `self` this is */
	waldoi_store *store;
	waldoi_rows rows;
	LIST_HEAD(, factory) factories;
	waldoi_fetcheds fetched;
	waldo_watch *look;         /* NULL: nothing was fetched */
	waldoi_throttle *throttle; /* the node's */
};

/* ---- taking back */

static bool
is_revoked(int64_t id, int64_t expires, void *user)
{
	const waldo_grants *grants = user;

	(void) expires;
	return !waldoi_rows_exists(&grants->rows, id);
}

static bool
is_expired(int64_t id, int64_t expires, void *user)
{
	(void) id;
	return expires != 0 && expires <= *(const int64_t *) user;
}

static void
take_back_revoked(waldo_grants *grants)
{
	waldoi_fetched_revoke(&grants->fetched, is_revoked, grants);
}

static void look(void *user);

/* Without memory for it, what others revoke is found at the next fetch. */
static void
look_later(waldo_grants *grants)
{
	if (grants->look == NULL && grants->fetched.count > 0 &&
	    waldo_node_after(grants->node, LOOK_MS, look, grants,
	                     &grants->look) != WALDO_OK) {
		grants->look = NULL;
	}
}

/* What has expired is seen here if the clock was set, or if the time was too
 * long for the facet's own. */
static void
look(void *user)
{
	waldo_grants *grants = user;
	int64_t now = waldoi_store_now();
	/* Held, since what is taken back may have them closed. */
	waldo_ref *self = waldo_ref_retain(grants->finder);

	waldo_watch_stop(grants->look);
	grants->look = NULL;
	look_later(grants);
	waldoi_fetched_revoke(&grants->fetched, is_expired, &now);
	if (waldo_ref_get_state(self) != WALDO_BROKEN &&
	    waldoi_rows_changed(&grants->rows)) {
		take_back_revoked(grants);
	}
	waldo_ref_release(self);
}

/* ---- restoring */

static factory *
find_factory(const waldo_grants *grants, const char *kind)
{
	factory *f;

	LIST_FOREACH(f, &grants->factories, entry) {
		if (strcmp(f->kind, kind) == 0) {
			return f;
		}
	}
	return NULL;
}

/* The facet is there before the object is: calls on it wait. */
static waldo_err
restore(waldo_grants *grants, const waldoi_row *row, int64_t now,
        waldo_ref *with, waldo_ref **ret_facet)
{
	waldo_request *request = waldo_request_new(with, "restore", NULL);
	waldo_promise *promise;
	waldo_err err;

	waldo_put_packed(waldo_request_get_args(request), row->args,
	                 row->args_len);
	promise = waldo_request_send(request);
	err = waldoi_fetched_new(&grants->fetched, row->id, row->expires, now,
	                         waldo_promise_get_ref(promise), ret_facet);
	waldo_promise_release(promise);
	look_later(grants);
	return err;
}

static void
reply_with(waldo_grants *grants, waldo_call *call, const waldoi_row *row,
           int64_t now, waldo_ref *with)
{
	waldo_ref *facet =
	    waldo_ref_retain(waldoi_fetched_find(&grants->fetched, row->id));
	waldo_err err =
	    facet != NULL ? WALDO_OK : restore(grants, row, now, with, &facet);

	if (err == WALDO_OK) {
		waldo_call_reply(call, "r", facet);
	} else {
		waldo_call_fail_err(call, err);
	}
	waldo_ref_release(facet);
}

/* ---- finding */

static void
look_up(waldo_grants *grants, waldo_call *call, const char *swissnum,
        const uint8_t *key)
{
	int64_t now = waldoi_store_now();
	waldoi_row row = {0};
	factory *f = NULL;
	waldo_err err =
	    waldoi_rows_find(&grants->rows, swissnum, key, now, &row);

	if (err == WALDO_OK) {
		f = find_factory(grants, row.kind);
		if (f == NULL) {
			waldo_node_log(grants->node, WALDO_LOG_WARN,
			               "grants: grant %lld is of kind '%s', "
			               "which has no factory",
			               (long long) row.id, row.kind);
			err = WALDO_ENAME;
		}
	}
	if (f != NULL) {
		reply_with(grants, call, &row, now, f->ref);
	} else if (err == WALDO_ENAME) {
		waldoi_throttle_miss(grants->throttle, key,
		                     waldoi_store_steady());
		waldo_call_reply(call, "n");
	} else {
		waldo_node_log(grants->node, WALDO_LOG_ERROR, "grants: %s",
		               waldo_node_get_message(grants->node));
		waldo_call_fail_err(call, err);
	}
	waldoi_rows_done(&grants->rows);
}

static const uint8_t *
read_key(waldo_reader *args)
{
	size_t len = WALDO_KEY_BYTES;
	const uint8_t *key = NULL;

	if (waldo_read_type(args) == WALDO_TYPE_NIL) {
		waldo_read_skip(args);
	} else {
		key = waldo_read_bytes(args, &len);
	}
	return len == WALDO_KEY_BYTES ? key : NULL;
}

static void
find(void *self, waldo_call *call)
{
	waldo_grants *grants = self;
	waldo_reader *args = waldo_call_get_args(call);
	const char *name = waldo_read_str(args, NULL);
	const uint8_t *key = read_key(args);

	if (!waldo_call_check(call)) {
		return;
	}
	if (waldoi_rows_changed(&grants->rows)) {
		take_back_revoked(grants);
		if (waldo_ref_get_state(grants->finder) == WALDO_BROKEN) {
			waldo_call_reply(call, "n");
			return; /* somebody has closed them meanwhile */
		}
	}
	/* What has another length is a name that was mistyped, not guessed. */
	if (strlen(name) == WALDO_SWISSNUM_TEXT - 1 &&
	    waldoi_throttle_admits(grants->throttle, key,
	                           waldoi_store_steady())) {
		look_up(grants, call, name, key);
	} else {
		waldo_call_reply(call, "n");
	}
}

/* ---- opening and closing */

static void
drop_factory(factory *f)
{
	waldo_ref *ref = f->ref;

	LIST_REMOVE(f, entry);
	free(f);
	waldo_ref_release(ref);
}

static void
destroy(void *self)
{
	waldo_grants *grants = self;
	waldo_ref *finder = grants->finder;

	waldo_watch_stop(grants->look);
	waldoi_fetched_forget(&grants->fetched);
	while (!LIST_EMPTY(&grants->factories)) {
		drop_factory(LIST_FIRST(&grants->factories));
	}
	waldoi_throttle_release(grants->throttle);
	waldoi_store_close(grants->store);
	free(grants);
	waldo_ref_release(finder);
}

static const waldo_method methods[] = {
    {"find", find, "(name: string, key: bytes?) -> ref?", WALDO_READONLY},
    {0},
};

static const waldo_class grants_class = {
    WALDO_CLASS_SIZES, "waldo.Grants", methods, destroy, NULL,
};

WALDO_API waldo_err
waldo_grants_open(waldo_node *node, const char *path, waldo_grants **ret_grants)
{
	waldo_grants *grants;
	waldo_err err;

	if (node == NULL || path == NULL || ret_grants == NULL) {
		return waldo_node_fail(node, WALDO_EINVAL,
		                       "grants: a store needs a node and a "
		                       "path");
	}
	grants = calloc(1, sizeof(*grants));
	if (grants == NULL) {
		return waldo_node_fail(node, WALDO_ENOMEM, "out of memory");
	}
	grants->node = node;
	grants->throttle = waldoi_throttle_of(node);
	err = grants->throttle == NULL
	          ? waldo_node_fail(node, WALDO_ENOMEM, "out of memory")
	          : waldoi_store_open(node, path, waldoi_rows_schema,
	                              &grants->store);
	if (err == WALDO_OK) {
		err = waldoi_rows_open(node, grants->store, &grants->rows);
	}
	if (err == WALDO_OK) {
		err = waldo_object_new(node, &grants_class, grants,
		                       &grants->finder);
	}
	if (err != WALDO_OK) {
		destroy(grants);
		return err;
	}
	*ret_grants = grants;
	return WALDO_OK;
}

WALDO_API waldo_ref *
waldo_grants_get_finder(waldo_grants *grants)
{
	return grants == NULL ? NULL : grants->finder;
}

WALDO_API void
waldo_grants_close(waldo_grants *grants)
{
	waldo_ref *finder;

	if (grants != NULL) {
		finder = waldo_ref_retain(grants->finder);
		waldo_object_revoke(finder);
		waldo_ref_release(finder);
	}
}

/* ---- factories */

static waldo_err
fail_kind(const waldo_grants *grants)
{
	return waldo_node_fail(grants->node, WALDO_EINVAL,
	                       "grants: a kind has 1 to %d bytes of UTF-8",
	                       MAX_KIND);
}

WALDO_API waldo_err
waldo_grants_set_factory(waldo_grants *grants, const char *kind, waldo_ref *ref)
{
	factory *old, *f;

	if (grants == NULL) {
		return WALDO_EINVAL;
	}
	if (!waldoi_store_is_text(kind, MAX_KIND)) {
		return fail_kind(grants);
	}
	old = find_factory(grants, kind);
	if (ref != NULL) {
		f = calloc(1, sizeof(*f));
		if (f == NULL) {
			return waldo_node_fail(grants->node, WALDO_ENOMEM,
			                       "out of memory");
		}
		f->ref = waldo_ref_retain(ref);
		memcpy(f->kind, kind, strlen(kind));
		LIST_INSERT_HEAD(&grants->factories, f, entry);
	}
	if (old != NULL) {
		drop_factory(old);
	}
	return WALDO_OK;
}

/* ---- granting */

static waldo_err
check_options(const waldo_grants *grants, const waldo_grant_options *options)
{
	if (options == NULL || options->size < sizeof(*options)) {
		return waldo_node_fail(
		    grants->node, WALDO_EINVAL,
		    "waldo_grant_options.size is %zu, not %zu",
		    options == NULL ? 0 : options->size, sizeof(*options));
	}
	if (!waldoi_store_is_text(options->kind, MAX_KIND)) {
		return fail_kind(grants);
	}
	if (options->owner != NULL &&
	    !waldoi_store_is_text(options->owner, MAX_OWNER)) {
		return waldo_node_fail(grants->node, WALDO_EINVAL,
		                       "grants: an owner has 1 to %d bytes of "
		                       "UTF-8",
		                       MAX_OWNER);
	}
	if (options->expires < 0) {
		return waldo_node_fail(grants->node, WALDO_EINVAL,
		                       "grants: it expires before 1970");
	}
	return WALDO_OK;
}

static waldo_err
pack(const waldo_grants *grants, waldo_writer *first, const char *format,
     va_list args, uint8_t **ret_data, size_t *ret_len)
{
	waldo_writer *writer = waldo_writer_new(MAX_ARGS);
	uint8_t *data = NULL;
	size_t len = 0;
	waldo_err err = WALDO_OK;

	if (first != NULL) {
		err = waldo_writer_pack(first, &data, &len);
		waldo_put_packed(writer, data, len);
		free(data);
	}
	waldo_vputf(writer, format, args);
	if (err == WALDO_OK) {
		err = waldo_writer_pack(writer, ret_data, ret_len);
		first = writer;
	}
	if (err != WALDO_OK) {
		(void) waldo_node_fail(grants->node,
		                       err == WALDO_ENOMEM ? err : WALDO_EINVAL,
		                       "grants: the arguments: %s",
		                       waldo_writer_get_message(first));
		err = err == WALDO_ENOMEM ? err : WALDO_EINVAL;
	}
	waldo_writer_free(writer);
	return err;
}

WALDO_API waldo_err
waldo_grant_new(waldo_grants *grants, const waldo_grant_options *options,
                char swissnum[WALDO_SWISSNUM_TEXT], const char *format, ...)
{
	char made[WALDO_SWISSNUM_TEXT];
	uint8_t *packed = NULL;
	size_t len = 0;
	va_list args;
	waldo_err err;

	if (grants == NULL || swissnum == NULL || format == NULL) {
		return WALDO_EINVAL;
	}
	err = check_options(grants, options);
	if (err != WALDO_OK) {
		return err;
	}
	va_start(args, format);
	err = pack(grants, options->args, format, args, &packed, &len);
	va_end(args);
	if (err != WALDO_OK) {
		return err;
	}
	waldoi_store_draw(made);
	err = waldoi_rows_add(&grants->rows, made, options, packed, len);
	if (err == WALDO_OK) {
		memcpy(swissnum, made, sizeof(made));
	}
	sodium_memzero(made, sizeof(made));
	free(packed);
	return err;
}

/* ---- listing and revoking */

WALDO_API waldo_err
waldo_grants_list(waldo_grants *grants,
                  void (*cb)(const waldo_grant_info *info, void *user),
                  void *user)
{
	return grants == NULL || cb == NULL
	           ? WALDO_EINVAL
	           : waldoi_rows_list(&grants->rows, cb, user);
}

WALDO_API waldo_err
waldo_grants_revoke(waldo_grants *grants, const waldo_grant_match *match,
                    size_t *ret_count)
{
	size_t count = 0;
	waldo_err err;

	if (grants == NULL) {
		return WALDO_EINVAL;
	}
	if (match == NULL || match->size < sizeof(*match)) {
		return waldo_node_fail(grants->node, WALDO_EINVAL,
		                       "waldo_grant_match.size is %zu, not %zu",
		                       match == NULL ? 0 : match->size,
		                       sizeof(*match));
	}
	if (match->swissnum == NULL && match->id == 0 && match->owner == NULL &&
	    match->kind == NULL) {
		return waldo_node_fail(grants->node, WALDO_EINVAL,
		                       "grants: nothing says which to revoke");
	}
	err = waldoi_rows_revoke(&grants->rows, match, &count);
	if (err != WALDO_OK) {
		return err;
	}
	if (ret_count != NULL) {
		*ret_count = count;
	}
	if (count > 0) {
		take_back_revoked(grants);
	}
	return WALDO_OK;
}
