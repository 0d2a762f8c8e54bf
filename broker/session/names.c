/* SPDX-License-Identifier: MIT */
#include "broker/session/names.h"

#include <stdlib.h>
#include <string.h>

typedef struct waldoi_known {
	char *text; /* not terminated; NULL: free */
	uint32_t number;
	uint32_t len;
} waldoi_known;

#define FIRST_SIZE 16

/* FNV-1a from a secret start: the names are ours, yet an application may pass
 * on those of a peer. */
static uint32_t
hash_of(const char *text, size_t len, uint64_t secret)
{
	uint64_t h = secret;

	for (size_t i = 0; i < len; i++) {
		h = (h ^ (unsigned char) text[i]) * UINT64_C(0x100000001b3);
	}
	return (uint32_t) (h ^ h >> 32);
}

static waldoi_known *
find(const waldoi_names_out *names, const char *text, size_t len,
     uint64_t secret)
{
	uint32_t i = hash_of(text, len, secret) & (names->size - 1);

	while (names->slots[i].text != NULL &&
	       (names->slots[i].len != len ||
	        memcmp(names->slots[i].text, text, len) != 0)) {
		i = (i + 1) & (names->size - 1);
	}
	return &names->slots[i];
}

uint32_t
waldoi_names_out_find(const waldoi_names_out *names, const char *text,
                      size_t len, uint64_t secret)
{
	return names->count == 0 ? 0 : find(names, text, len, secret)->number;
}

const char *
waldoi_names_out_get(const waldoi_names_out *names, uint32_t number,
                     size_t *ret_len)
{
	for (uint32_t i = 0; i < names->size; i++) {
		const waldoi_known *known = &names->slots[i];

		if (known->text != NULL && known->number == number) {
			*ret_len = known->len;
			return known->text;
		}
	}
	return NULL;
}

static bool
grow(waldoi_names_out *names, uint64_t secret)
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

		if (known->text != NULL) {
			*find(&more, known->text, known->len, secret) = *known;
		}
	}
	free(names->slots);
	*names = more;
	return true;
}

bool
waldoi_names_out_define(waldoi_names_out *names, const char *text, size_t len,
                        uint64_t secret)
{
	waldoi_known *known;
	char *copy;

	if (2 * (names->count + 1) > names->size && !grow(names, secret)) {
		return false;
	}
	copy = malloc(len);
	if (copy == NULL) {
		return false;
	}
	known = find(names, text, len, secret);
	known->text = memcpy(copy, text, len);
	known->len = (uint32_t) len;
	known->number = ++names->count;
	return true;
}

void
waldoi_names_out_undefine(waldoi_names_out *names, const char *text, size_t len,
                          uint64_t secret)
{
	waldoi_known *known = find(names, text, len, secret);

	/* The last that came in, so nothing was pushed on by it. */
	free(known->text);
	*known = (waldoi_known){0};
	names->count--;
}

void
waldoi_names_out_fini(waldoi_names_out *names)
{
	for (uint32_t i = 0; i < names->size; i++) {
		free(names->slots[i].text);
	}
	free(names->slots);
	*names = (waldoi_names_out){0};
}

bool
waldoi_names_in_define(waldoi_names_in *names, waldoi_name *name)
{
	if (names->count == names->cap) {
		uint32_t cap = names->cap == 0 ? 8 : 2 * names->cap;
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
