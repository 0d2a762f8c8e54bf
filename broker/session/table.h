/* SPDX-License-Identifier: MIT */
/*
 * broker/session/table.h - from an id to what it stands for
 *
 * Open addressing with linear probing. Ids are counters, so a multiplicative
 * hash spreads them well; its multiplier is a secret of the process, or a
 * peer could choose ids that collide. An empty table owns nothing.
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

typedef struct waldoi_table {
	waldoi_slot *slots; /* a power of two of them; NULL if none */
	uint32_t size;
	uint32_t count;
	uint32_t shift;      /* 64 less the logarithm of the size */
	uint32_t scan;       /* where waldoi_table_any() looks first */
	uint64_t multiplier; /* odd */
} waldoi_table;

void waldoi_table_init(waldoi_table *table, uint64_t secret);
void waldoi_table_fini(waldoi_table *table);

void *waldoi_table_find(const waldoi_table *table, uint64_t key);

/* False if memory runs out. `value` is not NULL, `key` is not there yet. */
bool waldoi_table_insert(waldoi_table *table, uint64_t key, void *value);

/* What was there, or NULL. Shrinks a table that has become nearly empty. */
void *waldoi_table_remove(waldoi_table *table, uint64_t key);

/* Any entry, or NULL if there is none; to empty a table. */
void *waldoi_table_any(waldoi_table *table, uint64_t *ret_key);

#endif
