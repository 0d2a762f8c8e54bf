/* SPDX-License-Identifier: MIT */
#include "broker/places.h"
#include "broker/pending.h"
#include "serial/head.h"
#include "serial/pack.h"

#include <stdlib.h>
#include <string.h>

#define STEP_ROOM  5    /* of a packed step, its key aside */
#define MOST_PATHS 4096 /* bytes of packed paths that one result may cost */
#define PATH_ROOM  (1 + WALDOI_MAX_STEPS * (STEP_ROOM + WALDOI_MAX_METHOD))

/* A list or map that the walk is inside of. */
typedef struct level {
	uint32_t left;  /* values (a pair is two) still to come */
	uint32_t index; /* values so far */
	bool map;
	bool named; /* the key is one that a path can name */
	waldoi_step step;
} level;

typedef struct walk {
	const waldoi_message *value;
	waldoi_places *places;
	size_t cap; /* of places->paths */
	uint32_t depth;
	level levels[WALDOI_MAX_DEPTH];
} walk;

/* count | (0 index | 1 length key)..., at most PATH_ROOM bytes. */
static uint8_t *
pack_step(uint8_t *p, const waldoi_step *step)
{
	*p++ = step->key != NULL;
	p = waldoi_pack_be(p, step->key != NULL ? step->len : step->index, 4);
	if (step->key != NULL) {
		memcpy(p, step->key, step->len);
		p += step->len;
	}
	return p;
}

/* The path to where the walk stands; 0 if none can lead there. */
static size_t
pack_here(const walk *w, uint8_t path[PATH_ROOM])
{
	uint8_t *p = path;

	if (w->depth > WALDOI_MAX_STEPS) {
		return 0;
	}
	*p++ = (uint8_t) w->depth;
	for (uint32_t i = 0; i < w->depth; i++) {
		if (w->levels[i].map && !w->levels[i].named) {
			return 0;
		}
		p = pack_step(p, &w->levels[i].step);
	}
	return (size_t) (p - path);
}

static bool
add_place(walk *w, int32_t index)
{
	waldoi_places *places = w->places;
	uint8_t path[PATH_ROOM];
	size_t len = pack_here(w, path);

	if (len == 0 || (uint32_t) index >= w->value->ref_count) {
		return true;
	}
	if (places->len + len > MOST_PATHS) {
		return true; /* no room: it is no place, as any other */
	}
	if (places->len + len > w->cap) {
		size_t cap = 2 * w->cap + len;
		uint8_t *paths;

		cap = cap < MOST_PATHS ? cap : MOST_PATHS;
		paths = realloc(places->paths, cap);

		if (paths == NULL) {
			return false;
		}
		places->paths = paths;
		w->cap = cap;
	}
	memcpy(places->paths + places->len, path, len);
	places->len += len;
	places->refs[places->count++] = waldo_ref_retain(w->value->refs[index]);
	return true;
}

/* The next value of the innermost list or map is at hand: what leads there. */
static void
enter_value(level *l, const waldoi_head *head)
{
	bool is_key = l->map && l->index % 2 == 0;

	if (is_key) {
		l->named = head->type == WALDO_TYPE_STR &&
		           head->len <= WALDOI_MAX_METHOD;
		l->step = (waldoi_step){.key = (const char *) head->body,
		                        .len = head->len};
	} else if (!l->map) {
		l->step = (waldoi_step){.index = l->index};
	}
	l->index++;
	l->left--;
}

static void
leave_finished(walk *w)
{
	while (w->depth > 0 && w->levels[w->depth - 1].left == 0) {
		w->depth--;
	}
}

static bool
visit(walk *w, const waldoi_head *head)
{
	if (w->depth > 0) {
		enter_value(&w->levels[w->depth - 1], head);
	}
	if (head->type == WALDO_TYPE_REF &&
	    !add_place(w, waldoi_head_ref(head))) {
		return false;
	}
	if (waldoi_head_is_container(head) && head->count > 0) {
		w->levels[w->depth++] = (level){
		    .left = head->count, .map = head->type == WALDO_TYPE_MAP};
	}
	leave_finished(w);
	return true;
}

bool
waldoi_places_make(waldoi_places *places, const waldoi_message *value)
{
	const uint8_t *p = value->body, *end = value->body + value->len;
	walk w = {.value = value, .places = places};
	waldoi_head head;

	*places = (waldoi_places){0};
	if (value->ref_count == 0) {
		return true;
	}
	places->refs = malloc(value->ref_count * sizeof(*places->refs));
	if (places->refs == NULL) {
		return false;
	}
	/* Each reference is named once, or a later mention finds no room. */
	while (p < end && places->count < value->ref_count &&
	       waldoi_head_read(&head, p, end)) {
		if (!visit(&w, &head)) {
			waldoi_places_fini(places);
			return false;
		}
		p = waldoi_head_next(&head);
	}
	return true;
}

void
waldoi_places_fini(waldoi_places *places)
{
	waldoi_places gone = *places;

	*places = (waldoi_places){0};
	free(gone.paths);
	for (uint32_t i = 0; i < gone.count; i++) {
		waldo_ref_release(gone.refs[i]);
	}
	free(gone.refs);
}

/* Behind the packed path at `p`. */
static const uint8_t *
skip_path(const uint8_t *p)
{
	for (uint8_t steps = *p++; steps > 0; steps--) {
		bool key = *p++ != 0;
		uint64_t n = waldoi_head_be(p, 4);

		p += 4 + (key ? n : 0);
	}
	return p;
}

waldo_ref *
waldoi_places_find(const waldoi_places *places, const waldoi_path *path)
{
	uint8_t packed[PATH_ROOM], *end = packed;
	const uint8_t *p = places->paths;
	size_t len;

	*end++ = (uint8_t) path->count;
	for (size_t i = 0; i < path->count; i++) {
		end = pack_step(end, &path->steps[i]);
	}
	len = (size_t) (end - packed);
	for (uint32_t i = 0; i < places->count; i++) {
		const uint8_t *next = skip_path(p);

		if ((size_t) (next - p) == len && memcmp(p, packed, len) == 0) {
			return places->refs[i];
		}
		p = next;
	}
	return NULL;
}
