/* SPDX-License-Identifier: MIT */
/* Who nodes are on encrypted links: their keys, which change now and then, and
 * what they remember of others. */
#include "broker/key.h"
#include "sim/sim.h"

#include <stdlib.h>
#include <string.h>

#define LATE_US 4000000 /* an answer after that may find nobody */

/* ---- keys */

/* What everybody knows who has the world's seed. */
static void
make_secret(const sim_world *world, unsigned node, unsigned number,
            uint8_t secret[WALDO_KEY_BYTES])
{
	sim_rng rng = {world->seed ^ ((uint64_t) node << 40) ^
	               ((uint64_t) number << 48)};

	for (size_t i = 0; i < WALDO_KEY_BYTES; i++) {
		secret[i] = (uint8_t) (sim_random(&rng) >> 40);
	}
}

/* The public half is kept, too; NULL at the end of all keys. */
static waldo_key *
make_key(sim_node *node, unsigned number)
{
	uint8_t secret[WALDO_KEY_BYTES];
	waldo_key *key;

	if (number >= SIM_KEYS) {
		return NULL;
	}
	make_secret(node->world, node->index, number, secret);
	key = waldoi_key_of(secret);
	memcpy(node->keys[number], waldo_key_get_public(key), WALDO_KEY_BYTES);
	return key;
}

bool
sim_node_has_key(const sim_node *node, unsigned number)
{
	return node->node != NULL &&
	       (number == node->key ||
	        (node->announces && number == node->key + 1));
}

/* A node that lives again goes on as it was, as it had announced, or as nobody
 * expects. */
static void
choose_key(sim_node *node)
{
	sim_world *world = node->world;
	unsigned way = node->incarnation > 1 ? sim_below(world, 100) : 100;

	if (way < 30 && node->announces && node->key + 1 < SIM_KEYS) {
		node->key++;
		world->stats->trust[SIM_ROTATED_TRUST]++;
	} else if (way >= 90 && way < 100 && node->key + 2 < SIM_KEYS) {
		node->key += 2;
		world->stats->trust[SIM_REKEYED_TRUST]++;
	}
	node->announces = sim_chance(world, 50) && node->key + 1 < SIM_KEYS;
	node->wants_psk = !world->calm && sim_chance(world, 10);
}

waldo_key *
sim_keys_begin(sim_node *node)
{
	choose_key(node);
	return make_key(node, node->key);
}

/* One secret for all, and one that nobody else has. */
void
sim_keys_add(sim_node *node)
{
	uint8_t secret[WALDO_KEY_BYTES];
	waldo_key *next =
	    node->announces ? make_key(node, node->key + 1) : NULL;

	if (next != NULL && waldo_node_add_key(node->node, next) != WALDO_OK) {
		abort(); /* there is memory now */
	}
	waldo_key_release(next);
	make_secret(node->world, SIM_NODES, 0, secret);
	if (waldo_node_set_psk(node->node, 1, secret, node->wants_psk) !=
	    WALDO_OK) {
		abort();
	}
	make_secret(node->world, SIM_NODES, 1 + node->index, secret);
	if (waldo_node_set_psk(node->node, 2, secret, node->wants_psk) !=
	    WALDO_OK) {
		abort();
	}
}

/* ---- what is remembered: a file, which outlives its node */

waldo_err
sim_keys_remember(void *driver, const char *path, const char *line)
{
	sim_node *node = driver;

	(void) path;
	if (!node->world->calm && sim_chance(node->world, 3)) {
		waldoi_node_set_message(node->node, "known: no space left");
		node->world->stats->trust[SIM_FULL_TRUST]++;
		return WALDO_ESYSTEM;
	}
	sim_pipe_append(&node->known, line, strlen(line));
	return WALDO_OK;
}

waldo_err
sim_keys_recall(void *driver, const char *path, char **ret_text,
                size_t *ret_len)
{
	sim_node *node = driver;

	(void) path;
	*ret_text = malloc(node->known.len + 1);
	if (*ret_text == NULL) {
		waldoi_node_set_message(node->node, "out of memory");
		return WALDO_ENOMEM;
	}
	if (node->known.len > 0) {
		memcpy(*ret_text, node->known.data, node->known.len);
	}
	(*ret_text)[node->known.len] = '\0';
	*ret_len = node->known.len;
	return WALDO_OK;
}

/* ---- trust at first sight */

typedef struct question {
	sim_node *node;
	waldo_trust *trust;
	bool accept;
} question;

/* Its node may be gone by then; an answer is owed all the same. */
static void
on_answer(void *what, uint64_t arg)
{
	question *q = what;
	sim_scope scope = sim_enter(q->node, SIM_API_ANY);

	(void) arg;
	sim_note(q->node->world, "trust", q->node->index, q->accept, 0);
	if (q->accept) {
		waldo_trust_accept(q->trust);
	} else {
		waldo_trust_refuse(q->trust);
	}
	sim_leave(q->node, scope);
}

void
sim_keys_ask(waldo_trust *trust, void *user)
{
	sim_node *node = user;
	sim_world *world = node->world;
	sim_scope scope = sim_callback_begin(node, SIM_API_NONE);
	question *q = sim_alloc(sizeof(*q));
	uint32_t late = 0;

	*q = (question){node, trust, world->calm || sim_chance(world, 80)};
	if (sim_chance(world, 50)) {
		late = sim_below(world, world->calm ? 1000000 : 9000000);
	}
	if (!q->accept || late >= LATE_US) {
		sim_race_denied(node, trust);
	}
	world->stats->trust[SIM_REFUSED_TRUST] += !q->accept;
	world->stats->trust[SIM_ASKED_TRUST]++;
	if (late == 0) {
		on_answer(q, 0);
	} else {
		sim_at(world, world->now + late, on_answer, q, 0);
	}
	sim_callback_end(node, scope);
}
