/* SPDX-License-Identifier: MIT */
#include "serial/check.h"

#include "serial/api.h"
#include "serial/ascii.h"
#include "serial/head.h"
#include "serial/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define FEW_KEYS 64

/* A list or map that is not yet at its end. */
struct level {
	uint32_t left;  /* values */
	uint32_t pairs; /* 0 for a list */
};

/* Where the keys of all open maps stand, those of the innermost on top. */
struct keys {
	uint32_t *at; /* few, or malloc'ed */
	size_t len, cap;
	uint32_t few[FEW_KEYS];
};

/* A key as a reader would see it, whatever its width (WIRE.md W9). */
struct key {
	unsigned kind;   /* type and sign */
	uint64_t number; /* or the length of `bytes` */
	const uint8_t *bytes;
};

/* The bytes of one multi-byte character; 0 if they are none. */
static size_t
utf8_sequence(const uint8_t *p, size_t left)
{
	uint8_t low = 0x80;
	uint8_t high = 0xbf;
	size_t len;

	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		len = 2;
	} else if (p[0] >= 0xe0 && p[0] <= 0xef) {
		len = 3;
		low = p[0] == 0xe0 ? 0xa0 : 0x80;  /* not overlong */
		high = p[0] == 0xed ? 0x9f : 0xbf; /* no surrogate */
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		len = 4;
		low = p[0] == 0xf0 ? 0x90 : 0x80;
		high = p[0] == 0xf4 ? 0x8f : 0xbf; /* up to U+10FFFF */
	} else {
		return 0;
	}
	if (left < len || p[1] < low || p[1] > high) {
		return 0;
	}
	for (size_t i = 2; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			return 0;
		}
	}
	return len;
}

bool
waldoi_is_utf8(const char *data, size_t len)
{
	const uint8_t *p = (const uint8_t *) data;
	size_t step;

	while (len > 0) {
		if (*p >= 0x80) {
			step = utf8_sequence(p, len);
		} else if (len >= 8 && waldoi_is_ascii((const char *) p, 8)) {
			step = 8;
		} else {
			step = 1;
		}
		if (step == 0) {
			return false;
		}
		p += step;
		len -= step;
	}
	return true;
}

static struct key
key_at(const uint8_t *p, const uint8_t *end)
{
	struct key key = {WALDO_TYPE_END, 0, NULL};
	waldoi_head head;
	double d;
	int64_t us;
	bool negative = false;

	if (!waldoi_head_read(&head, p, end)) {
		return key;
	}
	switch (head.type) {
	case WALDO_TYPE_BOOL: key.number = *p; break;
	case WALDO_TYPE_INT:
		key.number = waldoi_head_int(&head, &negative);
		break;
	case WALDO_TYPE_DOUBLE:
		d = waldoi_head_double(&head);
		memcpy(&key.number, &d, sizeof(d));
		break;
	case WALDO_TYPE_TIME:
		if (waldoi_head_time(&head, &us)) {
			key.number = (uint64_t) us;
		}
		break;
	default:
		key.number = head.len;
		key.bytes = head.body;
		break;
	}
	key.kind = 2U * head.type + negative;
	return key;
}

static bool
key_equals(const struct key *a, const struct key *b)
{
	return a->kind == b->kind && a->number == b->number &&
	       (a->bytes == NULL || a->number == 0 ||
	        memcmp(a->bytes, b->bytes, a->number) == 0);
}

static uint64_t
hash_word(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15;
	hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93;
	return hash ^ hash >> 32;
}

static uint64_t
key_hash(const struct key *key, uint64_t seed)
{
	uint64_t hash = hash_word(seed ^ key->kind, key->number);
	uint64_t left = key->bytes != NULL ? key->number : 0;
	const uint8_t *p = key->bytes;
	uint64_t word;
	size_t step;

	for (; left > 0; left -= step, p += step) {
		word = 0;
		step = left < sizeof(word) ? (size_t) left : sizeof(word);
		memcpy(&word, p, step);
		hash = hash_word(hash, word);
	}
	return hash;
}

/* Puts the keys at `at` into an empty hash table, whose size is mask + 1;
 * false if one is there already. */
static bool
keys_differ(const uint8_t *data, const uint8_t *end, const uint32_t *at,
            size_t len, uint32_t *table, size_t mask, uint64_t seed)
{
	struct key key, other;
	size_t slot;

	for (size_t i = 0; i < len; i++) {
		key = key_at(data + at[i], end);
		slot = key_hash(&key, seed) & mask;
		for (; table[slot] != 0; slot = (slot + 1) & mask) {
			other = key_at(data + table[slot], end);
			if (key_equals(&key, &other)) {
				return false;
			}
		}
		/* Never 0, because a map's head is before its keys. */
		table[slot] = at[i];
	}
	return true;
}

static bool
keys_grow(struct keys *keys)
{
	uint32_t *at;

	if (keys->at == keys->few) {
		at = malloc(2 * sizeof(keys->few));
		if (at != NULL) {
			memcpy(at, keys->few, sizeof(keys->few));
		}
	} else {
		at = realloc(keys->at, 2 * keys->cap * sizeof(*at));
	}
	if (at == NULL) {
		return false;
	}
	keys->at = at;
	keys->cap *= 2;
	return true;
}

static inline bool
keys_push(struct keys *keys, size_t at)
{
	if (keys->len == keys->cap && !keys_grow(keys)) {
		return false;
	}
	keys->at[keys->len++] = (uint32_t) at;
	return true;
}

/* The walk over a whole value, flat, and what it says when it stops. */
struct walk {
	const uint8_t *data;
	const uint8_t *end;
	const uint8_t *p;  /* the next value */
	const uint8_t *at; /* the one before, or what is wrong */
	uint32_t max_depth;
	uint32_t depth; /* of `around` */
	size_t handle_count;
	waldo_err err;
	const char *why; /* of WALDO_EARGS */
	struct level here;
	struct level around[WALDOI_MAX_DEPTH]; /* from the top */
	struct keys keys;
};

static WALDOI_COLD bool
stop(struct walk *walk, waldo_err err, const char *why)
{
	walk->err = err;
	walk->why = why;
	return false;
}

/*
 * A map has ended: takes its `len` keys away. What is not few is put into a
 * table that is paid for by the bytes of the keys, and hashed by a secret,
 * because a peer that knows where keys fall could make them all fall together.
 */
static bool
check_map(struct walk *walk, size_t len)
{
	uint32_t few[2 * FEW_KEYS];
	uint32_t *table = few;
	uint64_t seed = 0;
	size_t size = 4;
	bool differ;

	walk->keys.len -= len;
	if (len < 2) {
		return true;
	}
	while (size < 2 * len) {
		size *= 2;
	}
	if (len <= FEW_KEYS) {
		memset(few, 0, size * sizeof(*few));
	} else {
		table = calloc(size, sizeof(*table));
		if (table == NULL) {
			return stop(walk, WALDO_ENOMEM, NULL);
		}
		if (getentropy(&seed, sizeof(seed)) != 0) {
			seed = (uintptr_t) table; /* the next best secret */
		}
	}
	differ =
	    keys_differ(walk->data, walk->end, walk->keys.at + walk->keys.len,
	                len, table, size - 1, seed);
	if (table != few) {
		free(table);
	}
	return differ ||
	       stop(walk, WALDO_EARGS, "the end of a map that has a key twice");
}

/* A value that is no list and no map. */
static inline bool
check_scalar(struct walk *walk, const waldoi_head *head)
{
	const char *text;
	int32_t position;
	int64_t us;

	switch (head->type) {
	case WALDO_TYPE_STR:
		text = (const char *) head->body;
		if (!waldoi_is_ascii(text, head->len) &&
		    !waldoi_is_utf8(text, head->len)) {
			return stop(walk, WALDO_EARGS,
			            "a string that is not UTF-8");
		}
		return true;
	case WALDO_TYPE_REF:
		position = waldoi_head_ref(head);
		if (position < 0) {
			return stop(walk, WALDO_EARGS,
			            "a reference of a wrong length");
		}
		if ((size_t) position >= walk->handle_count) {
			return stop(walk, WALDO_EARGS,
			            "a reference to none of the message");
		}
		return true;
	case WALDO_TYPE_TIME:
		if (!waldoi_head_time(head, &us)) {
			return stop(walk, WALDO_EARGS, "a time that is none");
		}
		return true;
	case WALDOI_TYPE_FOREIGN:
		return stop(walk, WALDO_EARGS,
		            "an extension of an unknown type");
	default: return true;
	}
}

/* A value where a key must be. */
static inline bool
check_key(struct walk *walk, const waldoi_head *head)
{
	if (waldoi_head_is_container(head) || head->type == WALDO_TYPE_REF) {
		return stop(walk, WALDO_EARGS,
		            "a key that is a list, map or reference");
	}
	return keys_push(&walk->keys, (size_t) (walk->at - walk->data)) ||
	       stop(walk, WALDO_ENOMEM, NULL);
}

static bool
none_there(struct walk *walk)
{
	return stop(walk, WALDO_EARGS,
	            walk->at < walk->end && *walk->at == 0xc1
	                ? "0xc1, which is no value"
	                : "a value that is cut short");
}

/* By its first byte: the bytes of a value that needs no more than a look at
 * that; 0x80 for a short string; 0 for all others, the wrong ones among them. */
#define FOUR(x)    x, x, x, x
#define SIXTEEN(x) FOUR(x), FOUR(x), FOUR(x), FOUR(x)
static const uint8_t plain_sizes[256] = {
    SIXTEEN(1),
    SIXTEEN(1),
    SIXTEEN(1),
    SIXTEEN(1), /* small integers */
    SIXTEEN(1),
    SIXTEEN(1),
    SIXTEEN(1),
    SIXTEEN(1),
    SIXTEEN(0),
    SIXTEEN(0),
    SIXTEEN(0x80),
    SIXTEEN(0x80),
    1,
    0,
    1,
    1,
    FOUR(0),
    0,
    0, /* nil, booleans */
    5,
    9,
    2,
    3,
    5,
    9,
    2,
    3,
    5,
    9,
    FOUR(0),
    FOUR(0),
    FOUR(0), /* numbers */
    SIXTEEN(1),
    SIXTEEN(1), /* small integers below 0 */
};

/* The bytes of a plain value: one as above, or a short string that is ASCII.
 * Of all others nothing is said: they are 0. */
static inline size_t
plain_size(const uint8_t *p, const uint8_t *end)
{
	size_t size;

	if (p >= end) {
		return 0;
	}
	size = plain_sizes[*p];
	if (size == 0x80) {
		size = 1 + (size_t) (*p & 0x1f);
		return size <= (size_t) (end - p) &&
		               waldoi_is_ascii((const char *) p + 1, size - 1)
		           ? size
		           : 0;
	}
	return size <= (size_t) (end - p) ? size : 0;
}

/* Walks over plain values as long as there are some and the level is not full;
 * keys of a map are remembered. */
static bool
check_plain(struct walk *walk)
{
	const uint8_t *p = walk->p;
	uint32_t left = walk->here.left;
	bool map = walk->here.pairs > 0;
	size_t size;

	for (; left > 0 && (size = plain_size(p, walk->end)) > 0; left--) {
		walk->at = p;
		if (map && left % 2 == 0 &&
		    !keys_push(&walk->keys, (size_t) (p - walk->data))) {
			return stop(walk, WALDO_ENOMEM, NULL);
		}
		p += size;
	}
	walk->p = p;
	walk->here.left = left;
	return true;
}

/* Any value: a scalar, or the head of a list or map, which is gone into. */
static bool
check_value(struct walk *walk)
{
	bool is_key = walk->here.pairs > 0 && walk->here.left % 2 == 0;
	waldoi_head head;

	walk->at = walk->p;
	if (!waldoi_head_read(&head, walk->p, walk->end)) {
		return none_there(walk);
	}
	if (is_key && !check_key(walk, &head)) {
		return false;
	}
	walk->here.left--;
	walk->p = waldoi_head_next(&head);
	if (!waldoi_head_is_container(&head)) {
		return check_scalar(walk, &head);
	}
	if (walk->depth == walk->max_depth) {
		return stop(walk, WALDO_ELIMIT, NULL);
	}
	walk->around[walk->depth++] = walk->here;
	walk->here.left = head.count;
	walk->here.pairs = head.type == WALDO_TYPE_MAP ? head.count / 2 : 0;
	return true;
}

/* Leaves the lists and maps that are at their end; false also at the end of
 * the whole value. */
static bool
check_ends(struct walk *walk)
{
	while (walk->here.left == 0) {
		if (walk->here.pairs > 0 &&
		    !check_map(walk, walk->here.pairs)) {
			return false;
		}
		if (walk->depth == 0) {
			return false;
		}
		walk->here = walk->around[--walk->depth];
	}
	return true;
}

static void
check_all(struct walk *walk)
{
	do {
		if (!check_plain(walk) ||
		    (walk->here.left > 0 && !check_value(walk))) {
			return;
		}
	} while (check_ends(walk));
	if (walk->err == WALDO_OK && walk->p != walk->end) {
		walk->at = walk->p;
		stop(walk, WALDO_EARGS, "more than one value");
	}
}

static void
explain(const struct walk *walk, char message[WALDOI_CHECK_MESSAGE])
{
	size_t at = (size_t) (walk->at - walk->data);

	if (walk->err == WALDO_ELIMIT) {
		snprintf(message, WALDOI_CHECK_MESSAGE,
		         "depth: more than %" PRIu32 " levels at byte %zu",
		         walk->max_depth, at);
	} else {
		snprintf(message, WALDOI_CHECK_MESSAGE, "%s at byte %zu",
		         walk->err == WALDO_ENOMEM ? "no memory for the keys"
		                                   : walk->why,
		         at);
	}
}

waldo_err
waldoi_check_any(const uint8_t *data, size_t len, uint32_t max_depth,
                 size_t handle_count, char message[WALDOI_CHECK_MESSAGE])
{
	struct walk walk; /* its arrays stay as they are until they are used */

	walk.data = walk.p = walk.at = data;
	walk.end = len > 0 ? data + len : data;
	walk.max_depth =
	    max_depth < WALDOI_MAX_DEPTH ? max_depth : WALDOI_MAX_DEPTH;
	walk.depth = 0;
	walk.handle_count = handle_count;
	walk.err = WALDO_OK;
	walk.here = (struct level){.left = 1, .pairs = 0};
	walk.keys.at = walk.keys.few;
	walk.keys.len = 0;
	walk.keys.cap = FEW_KEYS;

	if (len > UINT32_MAX) {
		stop(&walk, WALDO_EARGS, "more than 4 GiB");
	} else {
		check_all(&walk);
	}
	if (walk.keys.at != walk.keys.few) {
		free(walk.keys.at);
	}
	if (walk.err != WALDO_OK) {
		explain(&walk, message);
	}
	return walk.err;
}

bool
waldoi_is_plain(const uint8_t *data, size_t len, uint32_t max_depth)
{
	const uint8_t *p = data;
	const uint8_t *end = len > 0 ? data + len : data;
	uint32_t left = 1;
	size_t size;

	if (len > 0 && *p >> 4 == 0x90 >> 4 && max_depth > 0) {
		left = *p++ & 0x0f;
	}
	for (; left > 0 && (size = plain_size(p, end)) > 0; left--) {
		p += size;
	}
	return left == 0 && p == end;
}
