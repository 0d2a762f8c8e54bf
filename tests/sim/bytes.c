/* SPDX-License-Identifier: MIT */
/* Big payloads, copied or lent. */
#include "sim/sim.h"

#include <string.h>

typedef struct lent {
	sim_node *node;
	uint8_t *data;
	unsigned done;
} lent;

#define MOST   (256 * 1024) /* more than any size, and a start */
#define STARTS 251          /* prime, so that neighbours differ everywhere */

/* What `id` sends: a piece of one long pattern. */
static const uint8_t *
pattern(uint32_t id)
{
	static uint8_t all[MOST];

	if (all[1] == 0) {
		for (size_t i = 0; i < MOST; i++) {
			all[i] = (uint8_t) (i * 7 + (i >> 8));
		}
	}
	return all + id % STARTS;
}

bool
sim_bytes_are(const uint8_t *data, size_t len, uint32_t id, size_t size)
{
	return len == size && (len == 0 || memcmp(data, pattern(id), len) == 0);
}

void
sim_bytes_fill(uint8_t *data, uint32_t id, size_t size)
{
	memcpy(data, pattern(id), size);
}

static void
on_taken(void *user)
{
	lent *bytes = user;
	sim_node *node = bytes->node;
	/* At once if memory ran out, which the header says. */
	sim_scope scope = sim_callback_begin(
	    node, (node->world->oom_seen || node->memory.failed > 0)
	              ? SIM_API_TAKE
	              : SIM_API_NONE);

	sim_expect(node->world, SIM_TAKEN_RULE, ++bytes->done == 1,
	           "taken bytes were given back %u times", bytes->done);
	if (bytes->done == 1) {
		sim_block_free(bytes->data);
		node->world->taken_done++;
	}
	sim_callback_end(node, scope);
}

void
sim_bytes_put(sim_node *node, waldo_writer *writer, uint32_t id, size_t size)
{
	lent *bytes = sim_alloc(sizeof(*bytes));
	sim_scope scope;

	bytes->node = node;
	bytes->data = sim_block(size + 1);
	sim_bytes_fill(bytes->data, id, size);
	if (sim_chance(node->world, 40)) {
		waldo_put_bytes(writer, bytes->data, size);
		sim_block_free(bytes->data);
		return;
	}
	node->world->taken++;
	scope = sim_enter(node, SIM_API_TAKE);
	waldo_put_bytes_take(writer, bytes->data, size, on_taken, bytes);
	sim_leave(node, scope);
}
