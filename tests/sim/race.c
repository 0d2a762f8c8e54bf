/* SPDX-License-Identifier: MIT */
/*
 * Encrypted links: whom a URI asks for, at which places, and which of the links
 * that were tried it became. Until that is known the first one stands for all.
 */
#include "broker/session/dialling.h"
#include "sim/sim.h"

#include <stdio.h>
#include <string.h>

/* Who is trusted at first sight is known by his port; who is asked for by his
 * key may be found at any. */
#define PORT_OF(node) (1 + (node)->index)
#define FIRST_PORT    100

typedef struct wish {
	sim_node *peer;
	int key;      /* which of the peer's; -1: any that it shows */
	unsigned psk; /* 0: none */
	unsigned port;
	bool denied; /* nobody has that */
} wish;

/* ---- what is asked for */

static void
choose_key(sim_world *world, wish *w)
{
	const sim_node *peer = w->peer;

	w->key = (int) peer->key;
	if (!world->calm && sim_chance(world, 15)) {
		w->key -= sim_below(world, 2) > 0 && w->key > 0;
		world->stats->trust[SIM_STALE_TRUST] +=
		    !sim_node_has_key(peer, (unsigned) w->key);
	}
}

static wish
choose(sim_node *node, sim_node *peer)
{
	sim_world *world = node->world;
	wish w = {.peer = peer, .port = FIRST_PORT + world->links.count};
	uint32_t way = sim_below(world, 100);

	if (peer->wants_psk && way < 80) {
		way = 0;
	}
	choose_key(world, &w);
	if (way < 20) {
		w.psk = !world->calm && sim_chance(world, 10) ? 2 : 1;
		world->stats->trust[SIM_PSK_TRUST]++;
	} else if (way < 40) {
		w.key = -1;
		w.port = PORT_OF(peer);
	}
	w.denied = w.psk == 2 || (w.psk == 0 && peer->wants_psk) ||
	           (w.key >= 0 && !sim_node_has_key(peer, (unsigned) w.key));
	/* Its former keys may be remembered here. */
	w.denied |= w.key < 0 && peer->key > 0;
	return w;
}

/* The host, and now and then others before it or behind. */
static void
put_places(sim_node *node, const wish *w, char *text, size_t size)
{
	sim_world *world = node->world;
	const char *other;
	int before = sim_chance(world, 25) ? 1 : 0;
	int behind = sim_chance(world, 10);
	size_t len = 0;

	for (int i = 0; i < before + 1 + behind; i++) {
		unsigned which = w->key < 0 ? 1 : sim_below(world, 3);

		other = which == 0   ? "nowhere"
		        : which == 1 ? "silent"
		                     : world->nodes[0].name;
		len += (size_t) snprintf(
		    text + len, size - len, "%s%s:%u", i == 0 ? "" : ",",
		    i == before ? w->peer->name : other,
		    /* What comes first names a session. */
		    w->key < 0 && before > 0 ? w->port + SIM_NODES : w->port);
	}
	world->stats->trust[SIM_PLACES_TRUST] += before > 0;
}

static void
put_uri(sim_node *node, const wish *w, const char *name, char *text,
        size_t size)
{
	char key[WALDO_KEY_TEXT] = "", places[80], psk[16] = "";

	if (w->key >= 0) {
		waldo_key_format(w->peer->keys[w->key], key);
	}
	if (w->psk > 0) {
		(void) snprintf(psk, sizeof(psk), "?psk=%u", w->psk);
	}
	put_places(node, w, places, sizeof(places));
	(void) snprintf(text, size, "waldo://%s@%s/%s%s", key, places, name,
	                psk);
}

/* ---- which link it became */

/* The one that stands for all that `session` dials; the latest, since in memory
 * a former session may have been where this one is. */
static sim_link *
race_of(sim_node *node, const waldoi_session *session)
{
	const sim_list *links = &node->world->links;

	for (unsigned i = links->count; i-- > 0;) {
		sim_link *link = links->items[i];

		if (link->ends[0].node == node && link->session == session) {
			return link;
		}
	}
	return NULL;
}

static sim_link *
link_of(sim_node *node, const waldoi_session *session)
{
	if (session->link != NULL) {
		sim_link *link = ((sim_end *) session->link)->link;

		return link->first != NULL ? link->first : link;
	}
	return race_of(node, session);
}

/* Another one of a race, or the first. Neither place nor port tells which: a
 * node that names the same places in several ways, and no key, dials them in
 * several races until it has met somebody there (A9). */
void
sim_race_enter(sim_link *link, const waldoi_attempt *attempt)
{
	const waldoi_session *session = attempt->dialling->session;
	sim_node *node = link->ends[0].node;

	link->sealed = true;
	if (node->dialling && node->dialled == NULL) {
		node->dialled = link;
		link->session = session;
	} else {
		link->first = race_of(node, session);
		link->denied = link->first->denied;
		link->asked = link->first->asked;
	}
}

/* Who is there may not be whom it asked for. */
void
sim_race_arrives(sim_link *link)
{
	const sim_node *there = link->target;
	sim_link *first = link->first != NULL ? link->first : link;

	if (link->sealed && there != NULL) {
		first->denied |=
		    there->wants_psk || there->node == NULL ||
		    (link->asked >= 0
		         ? !sim_node_has_key(there, (unsigned) link->asked)
		         : there->key > 0);
	}
}

/* It may be told that nobody there is whom it asked for. */
void
sim_race_denied(sim_node *node, const waldo_trust *trust)
{
	race_of(node, trust->dialling->session)->denied = true;
}

static void
take_over(sim_world *world, const sim_link *from, sim_link *to)
{
	for (unsigned i = 0; i < world->holds.count; i++) {
		sim_hold *hold = world->holds.items[i];

		hold->link = hold->link == from ? to : hold->link;
	}
	for (unsigned i = 0; i < world->invs.count; i++) {
		sim_inv *inv = world->invs.items[i];

		inv->link = inv->link == from ? to : inv->link;
	}
}

void
sim_race_won(sim_end *end)
{
	sim_link *link = end->link, *first = link->first;

	link->opened++;
	if (end != &link->ends[0] || !link->sealed) {
		return;
	}
	sim_note(link->world, "sealed", link->id, 0, 0);
	if (first != NULL) {
		take_over(link->world, first, link);
		link->session = first->session;
		first->session = NULL;
		link->first = NULL;
		link->world->stats->trust[SIM_OVERTAKEN_TRUST]++;
	}
	link->denied = link->refused = false;
}

/* One of them is over: what happened to it happened to all. */
void
sim_race_lost(sim_link *link)
{
	if (link->first != NULL) {
		link->first->touched |= link->touched;
		link->first->refused |= link->refused;
		link->first->denied |= link->denied;
		link->first->spoiled |= link->spoiled;
	}
}

/* ---- connecting */

/* What it connects to, by which link: one that there is, or that it tries. */
static waldo_err
connect_by(sim_node *node, const char *text, waldo_ref **ret_ref,
           sim_link **ret_link)
{
	waldoi_session *session;
	waldoi_uri uri;
	char message[200];
	waldo_err err;

	if (waldoi_uri_parse(text, &uri, message) != WALDO_OK) {
		sim_violated(node->world, SIM_REASON_RULE, "%s: %s", text,
		             message);
		return WALDO_EADDRESS;
	}
	node->dialled = NULL;
	/* One that still looks for its peer may dial places of this URI. */
	session = waldoi_session_find(node->node, &uri);
	node->dialling = session == NULL;
	*ret_link = session != NULL ? link_of(node, session) : NULL;
	if (*ret_link != NULL && !session->initiator) {
		(*ret_link)->reused = true;
		node->world->stats->trust[SIM_REUSED_TRUST]++;
		sim_link_ended_unused(*ret_link);
	}
	err = waldo_connect(node->node, text, ret_ref);
	node->dialling = false;
	if (err == WALDO_OK && node->dialled != NULL) {
		*ret_link = node->dialled;
	}
	return err;
}

waldo_err
sim_race_connect(sim_node *node, sim_node *peer, const char *name,
                 waldo_ref **ret_ref, sim_link **ret_link)
{
	wish w = choose(node, peer);
	char text[256];
	waldo_err err;

	put_uri(node, &w, name, text, sizeof(text));
	err = connect_by(node, text, ret_ref, ret_link);
	if (err == WALDO_OK && node->dialled != NULL) {
		node->dialled->denied = w.denied;
		node->dialled->asked = w.key;
	}
	return err;
}

/* Somebody who has no key that anybody knows. */
waldo_err
sim_race_connect_evil(sim_node *node, waldo_ref **ret_ref)
{
	uint8_t any[WALDO_KEY_BYTES] = {[1] = 0x42, [30] = 0x42};
	char key[WALDO_KEY_TEXT], text[256];
	sim_link *link;

	waldo_key_format(any, key);
	(void) snprintf(text, sizeof(text), "waldo://%s@evil:%u/obj0", key,
	                FIRST_PORT + node->world->links.count);
	return connect_by(node, text, ret_ref, &link);
}
