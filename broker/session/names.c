/* SPDX-License-Identifier: MIT */
#include "broker/session/names.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 16

static bool
is_same(const waldoi_name *a, const waldoi_name *b)
{
	return a == b || (a->hash == b->hash && a->len == b->len &&
	                  memcmp(a->text, b->text, a->len) == 0);
}

static waldoi_known *
find(const waldoi_names_out *names, const waldoi_name *name)
{
	uint32_t i = name->hash & (names->size - 1);

	while (names->slots[i].name != NULL &&
	       !is_same(names->slots[i].name, name)) {
		i = (i + 1) & (names->size - 1);
	}
	return &names->slots[i];
}

uint32_t
waldoi_names_out_search(waldoi_names_out *names, const waldoi_name *name)
{
	const waldoi_known *known;

	if (names->count == 0) {
		return 0;
	}
	known = find(names, name);
	if (known->name == name) {
		names->last = *known;
	}
	return known->number;
}

const char *
waldoi_names_out_get(const waldoi_names_out *names, uint32_t number)
{
	for (uint32_t i = 0; i < names->size; i++) {
		const waldoi_known *known = &names->slots[i];

		if (known->name != NULL && known->number == number) {
			return known->name->text;
		}
	}
	return NULL;
}

static bool
grow(waldoi_names_out *names)
{
	waldoi_names_out more = {.size = names->size == 0 ? FIRST_SIZE
	                                                  : 2 * names->size,
	                         .count = names->count};

	more.slots = calloc(more.size, sizeof(*more.slots));
	if (more.slots == NULL) {
		return false;
	}
	for (uint32_t i = 0; i < names->size; i++) {
		waldoi_known *known = &names->slots[i];

		if (known->name != NULL) {
			*find(&more, known->name) = *known;
		}
	}
	more.last = names->last;
	free(names->slots);
	*names = more;
	return true;
}

bool
waldoi_names_out_define(waldoi_names_out *names, waldoi_name *name)
{
	if (2 * (names->count + 1) > names->size && !grow(names)) {
		return false;
	}
	*find(names, name) =
	    (waldoi_known){waldoi_name_retain(name), ++names->count};
	return true;
}

void
waldoi_names_out_undefine(waldoi_names_out *names, const waldoi_name *name)
{
	waldoi_known *known = find(names, name);

	/* The last that came in, so nothing was pushed on by it. */
	names->last = (waldoi_known){0};
	waldoi_name_release(known->name);
	*known = (waldoi_known){0};
	names->count--;
}

void
waldoi_names_out_fini(waldoi_names_out *names)
{
	for (uint32_t i = 0; i < names->size; i++) {
		waldoi_name_release(names->slots[i].name);
	}
	free(names->slots);
	*names = (waldoi_names_out){0};
}

bool
waldoi_names_in_define(waldoi_names_in *names, waldoi_name *name)
{
	if (names->count == names->cap) {
		uint32_t cap = names->cap == 0 ? 2 : 2 * names->cap;
		waldoi_name **more = realloc(names->names, cap * sizeof(*more));

		if (more == NULL) {
			return false;
		}
		names->names = more;
		names->cap = cap;
	}
	names->names[names->count++] = name;
	return true;
}

void
waldoi_names_in_fini(waldoi_names_in *names)
{
	for (uint32_t i = 0; i < names->count; i++) {
		waldoi_name_release(names->names[i]);
	}
	free(names->names);
	*names = (waldoi_names_in){0};
}
