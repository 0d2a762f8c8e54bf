/* SPDX-License-Identifier: MIT */
/*
 * broker/session/table.h - from an id to what it stands for
 *
 * Most tables have one entry or none, and keep it in themselves. With more it
 * is open addressing with linear probing and a multiplicative hash. Ids that
 * follow each other are spread evenly by the golden ratio, and that without
 * neighbours, which makes removing cheap. Where a peer could choose ids that
 * collide the multiplier is a secret. An empty table owns nothing, unless it
 * was large just now.
 */
#ifndef WALDOI_TABLE_H
#define WALDOI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct waldoi_slot {
	uint64_t key;
	void *value; /* NULL: free */
} waldoi_slot;

typedef struct waldoi_slots {
	uint64_t multiplier;
	uint32_t scan; /* where waldoi_table_any() looks first */
	waldoi_slot at[];
} waldoi_slots;

typedef struct waldoi_table {
	union {
		waldoi_slot one; /* the only entry, if there is one */
		waldoi_slots *slots;
	};
	uint32_t count;
	uint16_t secret; /* 0: the golden ratio will do */
	uint8_t bits;    /* logarithm of the number of slots; 0: none */
} waldoi_table;

/* `secret` is 0 for keys that follow each other. */
void waldoi_table_init(waldoi_table *table, uint64_t secret);
void waldoi_table_fini(waldoi_table *table);

/* The slot of `key`, or the free one where it would be. */
static inline waldoi_slot *
waldoi_slots_find(waldoi_slots *slots, unsigned bits, uint64_t key)
{
	uint32_t mask = (UINT32_C(1) << bits) - 1;
	/* The upper bits are those that all bits of the key have a share in. */
	uint32_t i = (uint32_t) ((key * slots->multiplier) >> (64 - bits));

	while (slots->at[i].value != NULL && slots->at[i].key != key) {
		i = (i + 1) & mask;
	}
	return &slots->at[i];
}

static inline void *
waldoi_table_find(const waldoi_table *table, uint64_t key)
{
	if (table->count == 0) {
		return NULL;
	}
	if (table->bits == 0) {
		return table->one.key == key ? table->one.value : NULL;
	}
	return waldoi_slots_find(table->slots, table->bits, key)->value;
}

/* Makes room for one more: to insert it will not fail, whatever is removed
 * meanwhile. False if memory runs out. */
bool waldoi_table_make_room(waldoi_table *table);
static inline bool
waldoi_table_reserve(waldoi_table *table)
{
	return table->count == 0 || waldoi_table_make_room(table);
}

/* False if memory runs out. `value` is not NULL, `key` is not there yet. */
bool waldoi_table_insert(waldoi_table *table, uint64_t key, void *value);

/* What was there, or NULL. Shrinks a table that has become nearly empty. */
void *waldoi_table_remove(waldoi_table *table, uint64_t key);

/* An empty table lets go of what it owns. */
void waldoi_table_trim(waldoi_table *table);

/* Any entry, or NULL if there is none; to empty a table. */
void *waldoi_table_any(waldoi_table *table, uint64_t *ret_key);

/* One entry after the other, in no order; NULL at the end. *at is 0 at first;
 * the table does not change meanwhile. */
const waldoi_slot *waldoi_table_next(const waldoi_table *table, uint32_t *at);

#endif
