/* SPDX-License-Identifier: MIT */
/*
 * A link that was accepted and has not proved who it is. It costs little, has
 * a deadline, and becomes a session when message 3 has come (PROTOCOL.md N8).
 */
#include "broker/channel/noise.h"
#include "broker/identity.h"
#include "broker/session/session.h"

#include <stdlib.h>
#include <string.h>

typedef struct waldoi_guest {
	waldo_node *node;
	waldoi_link *link;
	waldoi_source source;
	bool leaving; /* its job will close it; not counted */
	LIST_ENTRY(waldoi_guest) entry;
	waldoi_job job; /* to close the link */
	waldoi_timer deadline;
} waldoi_guest;

static void
free_guest(waldoi_guest *guest)
{
	waldo_node *node = guest->node;

	waldoi_runqueue_remove(&guest->job);
	waldoi_timer_stop(&node->timers, &guest->deadline);
	LIST_REMOVE(guest, entry);
	node->guest_count -= !guest->leaving;
	free(guest);
}

/* What its channel has to say to a stranger is said. */
static void
close_guest(waldoi_job *job)
{
	waldoi_guest *guest = waldoi_container_of(job, waldoi_guest, job);
	waldoi_link *link = guest->link;
	bool owes = waldoi_channel_owes(&link->channel);

	free_guest(guest);
	if (owes) {
		link->ops->flush(link);
	}
	link->ops->close(link, owes ? WALDOI_CLOSE_ORDERLY : WALDOI_CLOSE_NOW);
}

/* In the turn. */
static void
close_later(waldoi_guest *guest)
{
	if (!guest->leaving) {
		guest->leaving = true;
		guest->node->guest_count--;
		waldoi_node_queue(guest->node, &guest->job, close_guest);
	}
}

/* A line a second: who makes many of them does not fill a disk. */
static void
tell(waldoi_guest *guest, const char *what)
{
	waldo_node *node = guest->node;

	if (node->guests_told != 0 &&
	    node->now - node->guests_told < UINT64_C(1000000)) {
		node->guests_untold++;
		return;
	}
	waldoi_node_log(node, WALDO_LOG_INFO,
	                "%s is refused: %s (and %u others before)",
	                guest->link->peer.address, what, node->guests_untold);
	node->guests_told = node->now;
	node->guests_untold = 0;
}

static void
too_late(waldoi_timer *timer)
{
	waldoi_guest *guest =
	    waldoi_container_of(timer, waldoi_guest, deadline);

	tell(guest, "it has not proved who it is within 5 seconds");
	close_guest(&guest->job);
}

/* ---- what its handshake asks */

static void
guest_random(void *owner, void *data, size_t len)
{
	waldoi_guest *guest = owner;

	guest->node->driver->random(guest->node->driver_data, data, len);
}

static const waldoi_keypair *
guest_find_key(void *owner, const uint8_t *hint)
{
	waldoi_guest *guest = owner;
	waldo_node *node = guest->node;

	if (!waldoi_rate_take(node->rates, &guest->source,
	                      node->limits.handshake_rate, node->now)) {
		return NULL;
	}
	return waldoi_identity_find(&node->identity, hint);
}

static const uint8_t *
guest_find_psk(void *owner, unsigned slot)
{
	const waldoi_guest *guest = owner;

	return waldoi_identity_find_psk(&guest->node->identity, slot);
}

static bool
guest_accepts(void *owner, unsigned pattern)
{
	const waldoi_guest *guest = owner;

	return pattern == WALDOI_XKPSK3 || !guest->node->identity.psk_required;
}

static size_t
guest_offer(void *owner, uint8_t *data)
{
	const waldoi_guest *guest = owner;

	return waldoi_identity_announce(&guest->node->identity, data);
}

static waldoi_verdict
guest_meet(void *owner, const uint8_t *key, uint8_t *payload, size_t len)
{
	uint8_t next[WALDOI_MAX_KEYS][WALDO_KEY_BYTES];
	waldoi_guest *guest = owner;
	size_t count;

	(void) key; /* the session learns it when the link is open */
	if (!waldoi_identity_read(payload, len, next, &count) ||
	    waldoi_session_welcome(guest->node, guest->link) == NULL) {
		return WALDOI_REFUSE;
	}
	free_guest(guest);
	return WALDOI_GO_ON;
}

static void
guest_failed(void *owner, waldo_err err, const char *what)
{
	waldoi_guest *guest = owner;

	(void) err;
	tell(guest, what);
	close_later(guest);
}

static void
guest_gone(void *owner, waldo_err err, const char *message)
{
	waldoi_guest *guest = owner;

	(void) err;
	waldoi_node_log(guest->node, WALDO_LOG_DEBUG, "%s", message);
	free_guest(guest);
}

static const waldoi_handshake_ops guest_ops = {
    .random = guest_random,
    .find_key = guest_find_key,
    .find_psk = guest_find_psk,
    .accepts = guest_accepts,
    .offer = guest_offer,
    .meet = guest_meet,
    .failed = guest_failed,
    .gone = guest_gone,
};

/* ---- all of them */

static bool
is_of(const waldoi_guest *guest, const waldoi_source *source)
{
	return !guest->leaving &&
	       (source == NULL ||
	        memcmp(&guest->source, source, sizeof(*source)) == 0);
}

/* Any one, so that who comes in numbers mostly hits itself. */
static void
close_any(waldo_node *node, const waldoi_source *source, size_t count)
{
	waldoi_guest *guest;
	uint32_t which;

	node->driver->random(node->driver_data, &which, sizeof(which));
	which %= (uint32_t) count;
	LIST_FOREACH(guest, &node->guests, entry) {
		if (is_of(guest, source) && which-- == 0) {
			tell(guest, "too many have not proved who they are");
			close_later(guest);
			return;
		}
	}
}

static void
make_room(waldo_node *node, const waldoi_source *source)
{
	const waldoi_guest *guest;
	size_t count = 0;

	LIST_FOREACH(guest, &node->guests, entry) {
		count += is_of(guest, source);
	}
	if (count >= node->limits.handshakes_per_source) {
		close_any(node, source, count);
	} else if (node->guest_count >= node->limits.handshakes) {
		close_any(node, NULL, node->guest_count);
	}
}

waldo_err
waldoi_guest_accept(waldo_node *node, waldoi_link *link)
{
	waldoi_sealer *sealer = waldoi_identity_get_sealer(&node->identity);
	waldoi_guest *guest;
	waldo_err err = WALDO_ENOMEM;

	if (node->stopping || node->freeing) {
		return WALDO_ELOST;
	}
	if (node->rates == NULL) {
		node->rates = calloc(WALDOI_RATES, sizeof(*node->rates));
	}
	guest = calloc(1, sizeof(*guest));
	if (guest != NULL && sealer != NULL && node->rates != NULL) {
		err = waldoi_channel_init_secure(
		    &link->channel, waldoi_session_channel_user(), NULL, sealer,
		    &guest_ops, guest, NULL);
	}
	if (err != WALDO_OK) {
		free(guest);
		return err;
	}
	guest->node = node;
	guest->link = link;
	guest->source = waldoi_source_of(link->peer.address);
	make_room(node, &guest->source);
	LIST_INSERT_HEAD(&node->guests, guest, entry);
	node->guest_count++;
	waldoi_node_arm(node, &guest->deadline,
	                node->now + WALDOI_GUEST_MS * UINT64_C(1000), too_late);
	return WALDO_OK;
}

void
waldoi_guests_end(waldo_node *node)
{
	waldoi_guest *guest;

	while ((guest = LIST_FIRST(&node->guests)) != NULL) {
		close_guest(&guest->job);
	}
}
