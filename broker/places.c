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
	uint32_t cap; /* of places->paths */
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
grow_paths(walk *w, size_t len)
{
	waldoi_places *places = w->places;
	bool few = places->paths == places->few;
	uint32_t cap = 2 * w->cap + (uint32_t) len;
	uint8_t *paths;

	cap = cap < MOST_PATHS ? cap : MOST_PATHS;
	paths = realloc(few ? NULL : places->paths, cap);
	if (paths == NULL) {
		return false;
	}
	if (few) {
		memcpy(paths, places->few, places->len);
	}
	places->paths = paths;
	w->cap = cap;
	return true;
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
	if (places->len + len > w->cap && !grow_paths(w, len)) {
		return false;
	}
	memcpy(places->paths + places->len, path, len);
	places->len += (uint32_t) len;
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

static void
drop(waldoi_places *places)
{
	for (uint32_t i = 0; i < places->count; i++) {
		waldo_ref_release(places->refs[i]);
	}
	places->count = 0;
	if (places->refs != &places->one) {
		free(places->refs);
	}
	if (places->paths != places->few) {
		free(places->paths);
	}
}

/* False without memory. */
static bool
walk_value(waldoi_places *places, const waldoi_message *value)
{
	const uint8_t *p = value->body, *end = value->body + value->len;
	waldoi_head head;
	walk w;

	w.value = value;
	w.places = places;
	w.cap = sizeof(places->few);
	w.depth = 0;
	/* Each reference is named once, or a later mention finds no room. */
	while (p < end && places->count < value->ref_count &&
	       waldoi_head_read(&head, p, end)) {
		if (!visit(&w, &head)) {
			return false;
		}
		p = waldoi_head_next(&head);
	}
	return true;
}

bool
waldoi_places_make(waldoi_places *places, const waldoi_message *value)
{
	uint32_t count = value->ref_count;
	bool made;

	places->count = places->len = 0;
	places->paths = places->few;
	places->refs =
	    count <= 1 ? &places->one : malloc(count * sizeof(*places->refs));
	made = places->refs != NULL && walk_value(places, value);
	if (!made || places->count == 0) {
		drop(places);
	}
	return made;
}

void
waldoi_places_fini(waldoi_places *places)
{
	if (places->count > 0) {
		drop(places);
	}
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
