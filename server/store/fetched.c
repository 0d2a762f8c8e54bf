/* SPDX-License-Identifier: MIT */
#include "server/store/fetched.h"

#include <stdlib.h>

struct waldoi_fetched {
	LIST_ENTRY(waldoi_fetched) entry;
	waldoi_fetcheds *all; /* whose it is; NULL: nobody's any more */
	bool listed;
	waldo_ref *facet; /* not counted */
	int64_t id, expires;
};

static waldoi_fetched_list *
list_of(waldoi_fetcheds *all, int64_t id)
{
	return &all->lists[(size_t) id & (WALDOI_FETCHED_LISTS - 1)];
}

waldo_ref *
waldoi_fetched_find(const waldoi_fetcheds *all, int64_t id)
{
	const waldoi_fetched *f;

	LIST_FOREACH(f, &all->lists[(size_t) id & (WALDOI_FETCHED_LISTS - 1)],
	             entry) {
		if (f->id == id) {
			return f->facet;
		}
	}
	return NULL;
}

static void
leave(waldoi_fetched *f)
{
	LIST_REMOVE(f, entry);
	f->listed = false;
	if (f->all != NULL) {
		f->all->count--;
		f->all = NULL;
	}
}

static void
gone(void *user)
{
	waldoi_fetched *f = user;

	if (f->listed) {
		leave(f);
	}
	free(f);
}

/* What is too long for a facet's clock is_over() will see. */
static uint32_t
lifetime_of(int64_t expires, int64_t now)
{
	int64_t ms = (expires - now + 999) / 1000;

	return expires == 0 || ms > UINT32_MAX ? 0 : (uint32_t) ms;
}

waldo_err
waldoi_fetched_new(waldoi_fetcheds *all, int64_t id, int64_t expires,
                   int64_t now, waldo_ref *target, waldo_ref **ret_facet)
{
	waldoi_fetched *f = calloc(1, sizeof(*f));
	waldo_facet_options options = {
	    .size = sizeof(options),
	    .lifetime_ms = lifetime_of(expires, now),
	    .gone = gone,
	    .user = f,
	};
	waldo_err err;

	if (f == NULL) {
		return WALDO_ENOMEM;
	}
	err = waldo_facet_new(target, &options, ret_facet);
	if (err != WALDO_OK ||
	    waldo_ref_get_state(*ret_facet) == WALDO_BROKEN) {
		free(f);
		return err;
	}
	f->all = all;
	f->listed = true;
	f->facet = *ret_facet;
	f->id = id;
	f->expires = expires;
	LIST_INSERT_HEAD(list_of(all, id), f, entry);
	all->count++;
	return WALDO_OK;
}

/* Moves those to `over`. */
static void
sort_out(waldoi_fetched_list *list, waldoi_fetched_list *over,
         bool (*is_over)(int64_t id, int64_t expires, void *user), void *user)
{
	waldoi_fetched *next;

	for (waldoi_fetched *f = LIST_FIRST(list); f != NULL; f = next) {
		next = LIST_NEXT(f, entry);
		if (is_over(f->id, f->expires, user)) {
			leave(f);
			LIST_INSERT_HEAD(over, f, entry);
			f->listed = true;
		}
	}
}

/* All leave before the first is taken back: that runs others' code, which may
 * have any facet go. */
void
waldoi_fetched_revoke(waldoi_fetcheds *all,
                      bool (*is_over)(int64_t id, int64_t expires, void *user),
                      void *user)
{
	waldoi_fetched_list over = LIST_HEAD_INITIALIZER(over);
	waldoi_fetched *f;

	for (size_t i = 0; all->count > 0 && i < WALDOI_FETCHED_LISTS; i++) {
		sort_out(&all->lists[i], &over, is_over, user);
	}
	while ((f = LIST_FIRST(&over)) != NULL) {
		waldo_ref *facet = waldo_ref_retain(f->facet);

		leave(f);
		waldo_object_revoke(facet);
		waldo_ref_release(facet);
	}
}

void
waldoi_fetched_forget(waldoi_fetcheds *all)
{
	for (size_t i = 0; i < WALDOI_FETCHED_LISTS; i++) {
		while (!LIST_EMPTY(&all->lists[i])) {
			leave(LIST_FIRST(&all->lists[i]));
		}
	}
}
