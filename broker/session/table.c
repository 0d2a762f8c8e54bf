/* SPDX-License-Identifier: MIT */
#include "broker/session/table.h"

#include <stdlib.h>

#define FIRST_SIZE 8

static uint32_t
home_of(const waldoi_table *table, uint64_t key)
{
	/* The upper bits are those that all bits of the key have a share in. */
	return (uint32_t) ((key * table->multiplier) >> table->shift);
}

void
waldoi_table_init(waldoi_table *table, uint64_t secret)
{
	*table = (waldoi_table){.multiplier = secret | 1};
}

void
waldoi_table_fini(waldoi_table *table)
{
	free(table->slots);
	table->slots = NULL;
	table->size = table->count = 0;
}

static waldoi_slot *
find_slot(const waldoi_table *table, uint64_t key)
{
	uint32_t i = home_of(table, key);

	while (table->slots[i].value != NULL && table->slots[i].key != key) {
		i = (i + 1) & (table->size - 1);
	}
	return &table->slots[i];
}

void *
waldoi_table_find(const waldoi_table *table, uint64_t key)
{
	return table->count == 0 ? NULL : find_slot(table, key)->value;
}

static bool
resize(waldoi_table *table, uint32_t size)
{
	waldoi_table bigger = *table;

	bigger.slots = calloc(size, sizeof(*bigger.slots));
	if (bigger.slots == NULL) {
		return false;
	}
	bigger.size = size;
	bigger.shift = 64;
	for (uint32_t left = size; left > 1; left /= 2) {
		bigger.shift--;
	}
	for (uint32_t i = 0; i < table->size; i++) {
		if (table->slots[i].value != NULL) {
			*find_slot(&bigger, table->slots[i].key) =
			    table->slots[i];
		}
	}
	free(table->slots);
	*table = bigger;
	return true;
}

bool
waldoi_table_insert(waldoi_table *table, uint64_t key, void *value)
{
	/* At most half full, so that probes stay short. */
	if (2 * (table->count + 1) > table->size &&
	    !resize(table, table->size == 0 ? FIRST_SIZE : 2 * table->size)) {
		return false;
	}
	*find_slot(table, key) = (waldoi_slot){key, value};
	table->count++;
	return true;
}

/* Closes the gap at `hole`, so that no tombstones are needed: whoever was
 * pushed behind it by a collision moves up. */
static void
close_gap(waldoi_table *table, uint32_t hole)
{
	uint32_t mask = table->size - 1;
	uint32_t i = (hole + 1) & mask;

	for (; table->slots[i].value != NULL; i = (i + 1) & mask) {
		uint32_t home = home_of(table, table->slots[i].key);

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			table->slots[hole] = table->slots[i];
			hole = i;
		}
	}
	table->slots[hole].value = NULL;
}

void *
waldoi_table_remove(waldoi_table *table, uint64_t key)
{
	waldoi_slot *slot;
	void *value;

	if (table->count == 0) {
		return NULL;
	}
	slot = find_slot(table, key);
	value = slot->value;
	if (value == NULL) {
		return NULL;
	}
	close_gap(table, (uint32_t) (slot - table->slots));
	table->count--;
	if (table->size > 64 && table->count < table->size / 16) {
		(void) resize(table, table->size / 4); /* else it stays */
	}
	return value;
}

void *
waldoi_table_any(waldoi_table *table, uint64_t *ret_key)
{
	/* From where it was last, or to empty a table would be quadratic. */
	for (uint32_t i = 0; i < table->size; i++) {
		uint32_t at = (table->scan + i) & (table->size - 1);

		if (table->slots[at].value != NULL) {
			table->scan = at;
			*ret_key = table->slots[at].key;
			return table->slots[at].value;
		}
	}
	return NULL;
}
