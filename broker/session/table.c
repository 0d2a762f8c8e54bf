/* SPDX-License-Identifier: MIT */
#include "broker/session/table.h"
#include "serial/api.h"

#include <stdlib.h>

#define FIRST_BITS 3
#define LARGE_BITS 6                            /* what is larger shrinks */
#define GOLDEN     UINT64_C(0x9e3779b97f4a7c15) /* 2^64 / 1.618 */

static uint32_t
size_of(const waldoi_table *table)
{
	return table->bits == 0 ? 0 : UINT32_C(1) << table->bits;
}

void
waldoi_table_init(waldoi_table *table, uint64_t secret)
{
	*table = (waldoi_table){.secret = (uint16_t) secret};
}

void
waldoi_table_fini(waldoi_table *table)
{
	if (table->bits > 0) {
		free(table->slots);
	}
	*table = (waldoi_table){.secret = table->secret};
}

void
waldoi_table_trim(waldoi_table *table)
{
	if (table->count == 0) {
		waldoi_table_fini(table);
	}
}

static bool
resize(waldoi_table *table, uint8_t bits)
{
	size_t count = (size_t) 1 << bits;
	waldoi_slots *slots =
	    calloc(1, sizeof(*slots) + count * sizeof(slots->at[0]));

	if (slots == NULL) {
		return false;
	}
	slots->multiplier = GOLDEN * (2 * (uint64_t) table->secret + 1);
	if (table->bits == 0 && table->count > 0) {
		*waldoi_slots_find(slots, bits, table->one.key) = table->one;
	}
	for (uint32_t i = 0; i < size_of(table); i++) {
		const waldoi_slot *slot = &table->slots->at[i];

		if (slot->value != NULL) {
			*waldoi_slots_find(slots, bits, slot->key) = *slot;
		}
	}
	if (table->bits > 0) {
		free(table->slots);
	}
	table->slots = slots;
	table->bits = bits;
	return true;
}

/* At most half full, so that probes stay short. */
bool
waldoi_table_make_room(waldoi_table *table)
{
	if (table->bits == 0) {
		return resize(table, FIRST_BITS);
	}
	return 2 * (table->count + 1) <= size_of(table) ||
	       resize(table, (uint8_t) (table->bits + 1));
}

bool
waldoi_table_insert(waldoi_table *table, uint64_t key, void *value)
{
	if (table->bits == 0 && table->count == 0) {
		table->one = (waldoi_slot){key, value};
	} else if (waldoi_table_make_room(table)) {
		*waldoi_slots_find(table->slots, table->bits, key) =
		    (waldoi_slot){key, value};
	} else {
		return false;
	}
	table->count++;
	return true;
}

/* Closes the gap at `hole`, so that no tombstones are needed: whoever was
 * pushed behind it by a collision moves up. */
static WALDOI_APART void
close_gap(waldoi_table *table, uint32_t hole)
{
	waldoi_slots *slots = table->slots;
	uint32_t mask = size_of(table) - 1;
	uint32_t i = (hole + 1) & mask;

	for (; slots->at[i].value != NULL; i = (i + 1) & mask) {
		uint32_t home =
		    (uint32_t) ((slots->at[i].key * slots->multiplier) >>
		                (64 - table->bits));

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			slots->at[hole] = slots->at[i];
			hole = i;
		}
	}
	slots->at[hole].value = NULL;
}

static WALDOI_APART void
shrink(waldoi_table *table)
{
	if (table->bits > LARGE_BITS && table->count < size_of(table) / 16) {
		/* Without memory it stays. */
		(void) resize(table, (uint8_t) (table->bits - 2));
	} else if (table->bits == FIRST_BITS) {
		waldoi_table_trim(table);
	}
}

static WALDOI_APART void *
remove_only(waldoi_table *table, uint64_t key)
{
	if (table->count == 0 || table->one.key != key) {
		return NULL;
	}
	table->count = 0;
	return table->one.value;
}

void *
waldoi_table_remove(waldoi_table *table, uint64_t key)
{
	waldoi_slot *slot;
	uint32_t at;
	void *value;

	if (table->bits == 0) {
		return remove_only(table, key);
	}
	slot = waldoi_slots_find(table->slots, table->bits, key);
	value = slot->value;
	if (value == NULL) {
		return NULL;
	}
	at = (uint32_t) (slot - table->slots->at);
	slot->value = NULL;
	if (table->slots->at[(at + 1) & (size_of(table) - 1)].value != NULL) {
		close_gap(table, at);
	}
	table->count--;
	if (table->count == 0 || table->count < size_of(table) / 16) {
		shrink(table);
	}
	return value;
}

const waldoi_slot *
waldoi_table_next(const waldoi_table *table, uint32_t *at)
{
	if (table->bits == 0) {
		return (*at)++ < table->count ? &table->one : NULL;
	}
	while (*at < size_of(table)) {
		const waldoi_slot *slot = &table->slots->at[(*at)++];

		if (slot->value != NULL) {
			return slot;
		}
	}
	return NULL;
}

void *
waldoi_table_any(waldoi_table *table, uint64_t *ret_key)
{
	/* From where it was last, or to empty a table would be quadratic. */
	uint32_t at = table->bits > 0 ? table->slots->scan : 0;
	const waldoi_slot *slot = waldoi_table_next(table, &at);

	if (slot == NULL && table->count > 0) {
		at = 0;
		slot = waldoi_table_next(table, &at);
	}
	if (slot == NULL) {
		return NULL;
	}
	if (table->bits > 0) {
		table->slots->scan = at - 1;
	}
	*ret_key = slot->key;
	return slot->value;
}
