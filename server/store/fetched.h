/* SPDX-License-Identifier: MIT */
/*
 * server/store/fetched.h - the facets that were fetched, by their grants
 *
 * They are remembered, not kept: whoever fetched one holds it, and with the
 * last that lets go it is forgotten.
 */
#ifndef WALDOI_FETCHED_H
#define WALDOI_FETCHED_H

#include <waldo/facet.h>

#include <sys/queue.h>

#define WALDOI_FETCHED_LISTS 256 /* power of two */

typedef struct waldoi_fetched waldoi_fetched;
typedef LIST_HEAD(waldoi_fetched_list, waldoi_fetched) waldoi_fetched_list;

typedef struct waldoi_fetcheds {
	waldoi_fetched_list lists[WALDOI_FETCHED_LISTS];
	size_t count;
} waldoi_fetcheds;

/* The facet that grant `id` has, not counted; NULL if none. */
waldo_ref *waldoi_fetched_find(const waldoi_fetcheds *all, int64_t id);

/* Makes one, of `target`, until `expires` (0: for ever) at the latest, and
 * remembers it unless it is broken at once. */
waldo_err waldoi_fetched_new(waldoi_fetcheds *all, int64_t id, int64_t expires,
                             int64_t now, waldo_ref *target,
                             waldo_ref **ret_facet) WALDO_MUST_CHECK;

/* Takes back those of which `is_over` says so, which must not change them.
 * `all` may be gone afterwards: what holds a facet may do anything. */
void waldoi_fetched_revoke(waldoi_fetcheds *all,
                           bool (*is_over)(int64_t id, int64_t expires,
                                           void *user),
                           void *user);

/* Forgets them all; they stay. */
void waldoi_fetched_forget(waldoi_fetcheds *all);

#endif
