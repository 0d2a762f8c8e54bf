/* SPDX-License-Identifier: MIT */
#include "broker/session/table.h"
#include "tests/waldo_test.h"

#include <stdlib.h>
#include <time.h>

enum { KEYS = 300, MANY = 200000 };

static char values[KEYS];

/* With the multiplier 1 the high half of a key is where it belongs. */
#define FULL_OF_COLLISIONS 1
static uint64_t
key_at(uint32_t bits, uint32_t home, uint32_t number)
{
	return (uint64_t) home << (64 - bits) | number;
}

static void
insert(waldoi_table *table, uint64_t key, void *value)
{
	assert_true(waldoi_table_insert(table, key, value));
}

static void
an_empty_table_owns_and_finds_nothing(void **state)
{
	waldoi_table table;
	uint64_t key;

	(void) state;
	waldoi_table_init(&table, 7);
	assert_null(table.slots);
	assert_null(waldoi_table_find(&table, 1));
	assert_null(waldoi_table_remove(&table, 1));
	assert_null(waldoi_table_any(&table, &key));
	waldoi_table_fini(&table);
}

static void
check_all(const waldoi_table *table, const uint64_t *keys, const bool *there)
{
	uint32_t count = 0;

	for (int i = 0; i < KEYS; i++) {
		assert_ptr_equal(waldoi_table_find(table, keys[i]),
		                 there[i] ? &values[i] : NULL);
		count += there[i];
	}
	assert_int_equal(table->count, count);
}

/* In phases that mostly insert and mostly remove, so that the table grows and
 * shrinks over and over. */
static void
compare_with_a_plain_model(uint64_t secret, const uint64_t *keys)
{
	bool there[KEYS] = {false};
	waldoi_table table;

	waldoi_table_init(&table, secret);
	for (int step = 0; step < 6000; step++) {
		int i = rand() % KEYS;
		bool put = rand() % 8 < (step / 1000 % 2 == 0 ? 6 : 1);

		if (put && !there[i]) {
			insert(&table, keys[i], &values[i]);
			there[i] = true;
		} else if (!put) {
			assert_ptr_equal(waldoi_table_remove(&table, keys[i]),
			                 there[i] ? &values[i] : NULL);
			there[i] = false;
		}
		if (step % 16 == 0) {
			check_all(&table, keys, there);
		}
	}
	check_all(&table, keys, there);
	waldoi_table_fini(&table);
}

static void
it_is_a_map_from_counters(void **state)
{
	uint64_t keys[KEYS];

	(void) state;
	for (int sign = -1; sign <= 1; sign += 2) {
		for (int i = 0; i < KEYS; i++) {
			keys[i] = (uint64_t) (sign * (2 * i + 1));
		}
		compare_with_a_plain_model(UINT64_C(0x9e3779b97f4a7c15), keys);
	}
}

static void
it_is_a_map_when_all_keys_collide(void **state)
{
	uint64_t keys[KEYS];

	(void) state;
	for (uint32_t i = 0; i < KEYS; i++) {
		keys[i] = key_at(10, 5, i);
	}
	compare_with_a_plain_model(FULL_OF_COLLISIONS, keys);
}

/* Clusters that reach over the end and mix with those at the beginning. */
static void
it_is_a_map_when_keys_collide_at_its_end(void **state)
{
	static const uint32_t homes[] = {1020, 1022, 1023, 0, 1, 3};
	uint64_t keys[KEYS];

	(void) state;
	for (uint32_t i = 0; i < KEYS; i++) {
		keys[i] = key_at(10, homes[(uint32_t) rand() % 6], i);
	}
	compare_with_a_plain_model(FULL_OF_COLLISIONS, keys);
}

static void
a_gap_is_closed_around_the_end(void **state)
{
	waldoi_table table;

	(void) state;
	waldoi_table_init(&table, FULL_OF_COLLISIONS);
	/* In 8 places: 7, then 0 and 1 by collision, then 2 pushed by those. */
	insert(&table, key_at(3, 7, 1), &values[1]);
	insert(&table, key_at(3, 7, 2), &values[2]);
	insert(&table, key_at(3, 7, 3), &values[3]);
	insert(&table, key_at(3, 0, 4), &values[4]);
	assert_int_equal(table.size, 8);

	assert_ptr_equal(waldoi_table_remove(&table, key_at(3, 7, 1)),
	                 &values[1]);

	assert_ptr_equal(waldoi_table_find(&table, key_at(3, 7, 2)),
	                 &values[2]);
	assert_ptr_equal(waldoi_table_find(&table, key_at(3, 7, 3)),
	                 &values[3]);
	assert_ptr_equal(waldoi_table_find(&table, key_at(3, 0, 4)),
	                 &values[4]);
	assert_ptr_equal(table.slots[7].value, &values[2]);
	assert_null(table.slots[2].value);
	waldoi_table_fini(&table);
}

static void
it_shrinks_when_it_is_nearly_empty(void **state)
{
	waldoi_table table;
	uint32_t largest;

	(void) state;
	waldoi_table_init(&table, 99);
	for (uint64_t key = 1; key <= 10000; key++) {
		insert(&table, key, &values[key % KEYS]);
	}
	largest = table.size;
	for (uint64_t key = 10000; key > 1; key--) {
		assert_non_null(waldoi_table_remove(&table, key));
	}
	assert_true(largest >= 20000);
	assert_true(table.size <= 64);
	assert_ptr_equal(waldoi_table_find(&table, 1), &values[1]);
	waldoi_table_fini(&table);
}

/* As a session does at its end. The quadratic way would take minutes. */
static void
emptying_it_is_linear(void **state)
{
	clock_t begin = clock();
	waldoi_table table;
	uint64_t key, sum = 0;

	(void) state;
	waldoi_table_init(&table, UINT64_C(0x9e3779b97f4a7c15));
	for (key = 1; key <= MANY; key++) {
		insert(&table, key, &values[0]);
	}
	while (waldoi_table_any(&table, &key) != NULL) {
		sum += key;
		assert_non_null(waldoi_table_remove(&table, key));
	}
	assert_int_equal(table.count, 0);
	assert_int_equal(sum, (uint64_t) MANY * (MANY + 1) / 2);
	assert_true((clock() - begin) / CLOCKS_PER_SEC < 10);
	waldoi_table_fini(&table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_empty_table_owns_and_finds_nothing),
	    cmocka_unit_test(it_is_a_map_from_counters),
	    cmocka_unit_test(it_is_a_map_when_all_keys_collide),
	    cmocka_unit_test(it_is_a_map_when_keys_collide_at_its_end),
	    cmocka_unit_test(a_gap_is_closed_around_the_end),
	    cmocka_unit_test(it_shrinks_when_it_is_nearly_empty),
	    cmocka_unit_test(emptying_it_is_linear),
	};

	srand(1);
	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
