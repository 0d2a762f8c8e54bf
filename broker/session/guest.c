/* SPDX-License-Identifier: MIT */
/*
 * A link that was accepted and has not proved who it is. It costs little, has
 * a deadline, and becomes a session when message 3 has come (PROTOCOL.md N8).
 */
#include "broker/channel/noise.h"
#include "broker/identity.h"
#include "broker/session/session.h"
#include "broker/source.h"

#include <stdio.h>
#include <stdlib.h>

/* Of handshakes that are answered at once, after a pause. */
#define BURST_US UINT64_C(20000)

/* Of all time at most a fifth is spent on strangers. */
#define SHARE 5

/* To be replaced by another. */
#define CANDIDATES 8

typedef struct waldoi_guests waldoi_guests;

/* There may be many: it is small, and so is what its handshake holds. */
typedef struct waldoi_guest {
	waldoi_guests *all;
	waldoi_link *link;
	TAILQ_ENTRY(waldoi_guest) entry;
	waldoi_source source;
	uint16_t since; /* milliseconds of the node's clock, as far as they fit
	                 * in here */
	bool waiting : 1; /* its message 1 is there, and not answered */
	bool leaving : 1;
	bool wants_another : 1; /* key of ours than the first */
} waldoi_guest;

typedef TAILQ_HEAD(waldoi_guest_list, waldoi_guest) waldoi_guest_list;

struct waldoi_guests {
	waldo_node *node;
	waldoi_guest_list here; /* in the order in which they came */
	waldoi_guest_list leaving;
	size_t count, waiting; /* of those that are here */
	waldoi_timer deadline; /* not after that of the first */
	waldoi_timer answer;   /* when there is time for one that waits */
	waldoi_job close;      /* those that leave */
	waldoi_pace pace;      /* of all */
	uint64_t told;         /* when the log last had a line of them, */
	unsigned untold;       /* and how many it had not since then */
	waldoi_rate rates[WALDOI_RATES];
};

/* ---- the end of one */

static void
set_waiting(waldoi_guest *guest, bool waiting)
{
	guest->all->waiting += (size_t) waiting - (size_t) guest->waiting;
	guest->waiting = waiting;
}

static void
leave(waldoi_guest *guest)
{
	waldoi_guests *all = guest->all;

	if (!guest->leaving) {
		set_waiting(guest, false);
		TAILQ_REMOVE(&all->here, guest, entry);
		waldoi_rate_of(all->rates, guest->source)->here--;
		all->count--;
	} else {
		TAILQ_REMOVE(&all->leaving, guest, entry);
	}
}

static void
free_guest(waldoi_guest *guest)
{
	leave(guest);
	free(guest);
}

/* What its channel has to say to a stranger is said. */
static void
close_guest(waldoi_guest *guest)
{
	waldoi_link *link = guest->link;
	bool owes = waldoi_channel_owes(&link->channel);

	free_guest(guest);
	if (owes) {
		link->ops->flush(link);
	}
	link->ops->close(link, owes ? WALDOI_CLOSE_ORDERLY : WALDOI_CLOSE_NOW);
}

static void
close_leaving(waldoi_job *job)
{
	waldoi_guests *all = waldoi_container_of(job, waldoi_guests, close);
	waldoi_guest *guest;

	while ((guest = TAILQ_FIRST(&all->leaving)) != NULL) {
		close_guest(guest);
	}
}

/* A line a second: who makes many of them does not fill a disk. */
static void
tell(waldoi_guests *all, const char *address, const char *what)
{
	waldo_node *node = all->node;
	char before[40] = "";

	if (all->told != 0 && node->now - all->told < UINT64_C(1000000)) {
		all->untold++;
		return;
	}
	if (all->untold > 0) {
		snprintf(before, sizeof(before), " (and %u others before)",
		         all->untold);
	}
	all->told = node->now;
	all->untold = 0;
	waldoi_node_log(node, WALDO_LOG_INFO, "%s is refused: %s%s", address,
	                what, before);
}

/* It is closed in the turn. */
static void
dismiss(waldoi_guest *guest, const char *why)
{
	waldoi_guests *all = guest->all;

	leave(guest);
	guest->leaving = true;
	TAILQ_INSERT_TAIL(&all->leaving, guest, entry);
	waldoi_node_queue(all->node, &all->close, close_leaving);
	tell(all, guest->link->peer.address, why);
}

/* ---- time */

static uint16_t
age_of(const waldoi_guest *guest)
{
	return (uint16_t) (guest->all->node->now / 1000 - guest->since);
}

static void
dismiss_the_late(waldoi_timer *timer)
{
	waldoi_guests *all =
	    waldoi_container_of(timer, waldoi_guests, deadline);
	waldo_node *node = all->node;
	waldoi_guest *guest;

	while ((guest = TAILQ_FIRST(&all->here)) != NULL &&
	       age_of(guest) >= WALDOI_GUEST_MS) {
		dismiss(guest, "it has not proved who it is within 5 seconds");
	}
	if (guest != NULL) {
		waldoi_node_arm(node, timer,
		                node->now + (WALDOI_GUEST_MS - age_of(guest)) *
		                                UINT64_C(1000),
		                dismiss_the_late);
	}
}

/* That one whose source has asked for least: however many come from elsewhere,
 * it does not wait for them. */
static waldoi_guest *
find_next(waldoi_guests *all)
{
	waldoi_guest *guest, *next = NULL;
	uint64_t spent, least = UINT64_MAX;

	TAILQ_FOREACH(guest, &all->here, entry) {
		if (!guest->waiting) {
			continue;
		}
		spent =
		    waldoi_rate_of(all->rates, guest->source)->pace.spent_until;
		if (spent < least) {
			least = spent;
			next = guest;
		}
	}
	return next;
}

/* What it took counts, if that is more than the limit has in mind: on a machine
 * that is slow, or busy, others have their share. */
static void
answer(waldoi_guest *guest)
{
	waldoi_guests *all = guest->all;
	waldoi_link *link = guest->link;
	uint64_t begin = waldoi_node_clock(all->node), took;

	set_waiting(guest, false);
	waldoi_channel_answer(&link->channel, true);
	if (waldoi_channel_answers(&link->channel)) {
		link->ops->flush(link);
	}
	took = waldoi_node_clock(all->node) - begin;
	waldoi_pace_charge(&all->pace, all->node->limits.handshake_budget,
	                   SHARE * took);
}

static void
answer_some(waldoi_timer *timer)
{
	waldoi_guests *all = waldoi_container_of(timer, waldoi_guests, answer);
	waldo_node *node = all->node;
	uint64_t again;

	while (all->waiting > 0) {
		if (!waldoi_pace_take(&all->pace, node->limits.handshake_budget,
		                      BURST_US, node->now, &again)) {
			waldoi_node_arm(node, timer, again, answer_some);
			return;
		}
		answer(find_next(all));
	}
}

static waldo_node *
node_of(const void *owner)
{
	return ((const waldoi_guest *) owner)->all->node;
}

static void
guest_random(void *owner, void *data, size_t len)
{
	waldo_node *node = node_of(owner);

	node->driver->random(node->driver_data, data, len);
}

static const waldoi_keypair *
guest_find_key(void *owner, const uint8_t *hint)
{
	const waldoi_identity *identity = &node_of(owner)->identity;
	const waldoi_keypair *found = waldoi_identity_find(identity, hint);

	((waldoi_guest *) owner)->wants_another =
	    found != waldoi_identity_find(identity, NULL);
	return found;
}

static const uint8_t *
guest_find_psk(void *owner, unsigned slot)
{
	return waldoi_identity_find_psk(&node_of(owner)->identity, slot);
}

static bool
guest_accepts(void *owner, unsigned pattern)
{
	return pattern == WALDOI_XKPSK3 ||
	       !node_of(owner)->identity.psk_required;
}

static waldoi_verdict
guest_afford(void *owner)
{
	waldoi_guest *guest = owner;
	waldoi_guests *all = guest->all;
	waldo_node *node = all->node;

	if (guest->leaving ||
	    !waldoi_rate_take(all->rates, guest->source,
	                      node->limits.handshake_rate, node->now)) {
		return WALDOI_REFUSE;
	}
	set_waiting(guest, true);
	if (!waldoi_timer_is_armed(&all->answer)) {
		waldoi_node_arm(node, &all->answer, node->now, answer_some);
	}
	return WALDOI_WAIT;
}

static size_t
guest_offer(void *owner, uint8_t *data)
{
	return waldoi_identity_announce(&node_of(owner)->identity, data);
}

static waldoi_verdict
guest_meet(void *owner, const uint8_t *key, uint8_t *payload, size_t len)
{
	uint8_t next[WALDOI_MAX_KEYS][WALDO_KEY_BYTES];
	waldoi_guest *guest = owner;
	waldoi_session *session;
	size_t count;

	(void) key; /* the session learns it when the link is open */
	if (!waldoi_identity_read(payload, len, next, &count)) {
		return WALDOI_REFUSE;
	}
	session = waldoi_session_welcome(node_of(owner), guest->link);
	if (session == NULL) {
		return WALDOI_REFUSE;
	}
	session->as_another = guest->wants_another;
	free_guest(guest);
	return WALDOI_GO_ON;
}

static void
guest_failed(void *owner, waldo_err err, const char *what)
{
	waldoi_guest *guest = owner;

	(void) err;
	if (!guest->leaving) {
		dismiss(guest, what);
	}
}

static void
guest_gone(void *owner, waldo_err err, const char *message)
{
	waldo_node *node = node_of(owner);

	(void) err;
	free_guest(owner);
	waldoi_node_log(node, WALDO_LOG_DEBUG, "%s", message);
}

static const waldoi_handshake_ops guest_ops = {
    .random = guest_random,
    .find_key = guest_find_key,
    .find_psk = guest_find_psk,
    .accepts = guest_accepts,
    .afford = guest_afford,
    .offer = guest_offer,
    .meet = guest_meet,
    .failed = guest_failed,
    .gone = guest_gone,
};

/* ---- all of them */

static uint32_t
draw(waldo_node *node, size_t count)
{
	uint32_t which;

	node->driver->random(node->driver_data, &which, sizeof(which));
	return which % (uint32_t) count;
}

static const char too_many[] = "too many have not proved who they are";

/* Any of its source, if these are as many as may be. */
static bool
replace_own(waldoi_guests *all, waldoi_source source)
{
	uint32_t most = all->node->limits.handshakes_per_source, count = 0;
	waldoi_guest *guest;

	if (waldoi_rate_of(all->rates, source)->here < most) {
		return false;
	}
	TAILQ_FOREACH(guest, &all->here, entry) {
		count += guest->source == source;
	}
	if (count < most) {
		return false; /* others have the same place */
	}
	count = draw(all->node, count);
	TAILQ_FOREACH(guest, &all->here, entry) {
		if (guest->source == source && count-- == 0) {
			break;
		}
	}
	dismiss(guest, too_many);
	return true;
}

/* Some, wherever they stand, and of these the one whose source has most: so who
 * comes in numbers hits itself. */
static void
replace_any(waldoi_guests *all)
{
	uint32_t skip = draw(all->node, all->count), most = 0;
	waldoi_guest *guest = TAILQ_FIRST(&all->here), *worst = guest;

	while (skip-- > 0) {
		guest = TAILQ_NEXT(guest, entry);
	}
	for (int i = 0; i < CANDIDATES; i++) {
		uint32_t here = waldoi_rate_of(all->rates, guest->source)->here;

		if (here > most) {
			most = here;
			worst = guest;
		}
		guest = TAILQ_NEXT(guest, entry);
		if (guest == NULL) {
			guest = TAILQ_FIRST(&all->here);
		}
	}
	dismiss(worst, too_many);
}

static waldoi_guests *
guests_of(waldo_node *node)
{
	waldoi_guests *all = node->guests;

	if (all == NULL) {
		all = calloc(1, sizeof(*all));
		if (all == NULL) {
			return NULL;
		}
		all->node = node;
		TAILQ_INIT(&all->here);
		TAILQ_INIT(&all->leaving);
		node->guests = all;
	}
	return all;
}

static void
enter(waldoi_guests *all, waldoi_guest *guest)
{
	waldo_node *node = all->node;

	if (!replace_own(all, guest->source) &&
	    all->count >= node->limits.handshakes) {
		replace_any(all);
	}
	guest->since = (uint16_t) (node->now / 1000);
	TAILQ_INSERT_TAIL(&all->here, guest, entry);
	waldoi_rate_of(all->rates, guest->source)->here++;
	all->count++;
	if (!waldoi_timer_is_armed(&all->deadline)) {
		waldoi_node_arm(node, &all->deadline,
		                node->now + WALDOI_GUEST_MS * UINT64_C(1000),
		                dismiss_the_late);
	}
}

waldo_err
waldoi_guest_accept(waldo_node *node, waldoi_link *link)
{
	waldoi_sealer *sealer = waldoi_identity_get_sealer(&node->identity);
	waldoi_guests *all;
	waldoi_guest *guest;
	waldo_err err = WALDO_ENOMEM;

	if (node->stopping || node->freeing) {
		return WALDO_ELOST;
	}
	all = guests_of(node);
	guest = calloc(1, sizeof(*guest));
	if (guest != NULL && sealer != NULL && all != NULL) {
		err = waldoi_channel_init_secure(
		    &link->channel, waldoi_session_channel_user(), NULL, sealer,
		    &guest_ops, guest, NULL);
	}
	if (err != WALDO_OK) {
		free(guest);
		return err;
	}
	guest->all = all;
	guest->link = link;
	guest->source = waldoi_source_of(link->peer.address);
	enter(all, guest);
	return WALDO_OK;
}

void
waldoi_guests_end(waldo_node *node)
{
	waldoi_guests *all = node->guests;
	waldoi_guest *guest;

	if (all == NULL) {
		return;
	}
	while ((guest = TAILQ_FIRST(&all->here)) != NULL) {
		close_guest(guest);
	}
	close_leaving(&all->close);
	waldoi_runqueue_remove(&all->close);
	waldoi_timer_stop(&node->timers, &all->deadline);
	waldoi_timer_stop(&node->timers, &all->answer);
}
