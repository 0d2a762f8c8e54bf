/* SPDX-License-Identifier: MIT */
#include "broker/session/dialling.h"
#include "broker/channel/noise.h"
#include "broker/identity.h"
#include "broker/known_hosts.h"
#include "serial/api.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static bool
is_xx(const waldoi_dialling *dialling)
{
	return dialling->key_count == 0;
}

static size_t
count_attempts(const waldoi_dialling *dialling)
{
	return dialling->uri.count *
	       (is_xx(dialling) ? 1 : dialling->key_count);
}

/* ---- how it ends */

/* What was denied explains more than what was not there. */
static void
note_failure(waldoi_dialling *dialling, waldoi_failure *failure)
{
	waldoi_failure *worse = failure;

	if (dialling->why != NULL && failure->pub.code != WALDO_EDENIED &&
	    dialling->why->pub.code == WALDO_EDENIED) {
		worse = dialling->why;
		dialling->why = failure;
	}
	waldoi_failure_release(dialling->why);
	dialling->why = worse;
}

void
waldoi_dial_deny(waldoi_attempt *a, waldoi_failure *failure)
{
	a->denied = true;
	note_failure(a->dialling, failure);
}

static void
free_attempt(waldoi_attempt *a)
{
	waldoi_runqueue_remove(&a->job);
	LIST_REMOVE(a, entry);
	free(a);
}

static void
close_attempt(waldoi_job *job)
{
	waldoi_attempt *a = waldoi_container_of(job, waldoi_attempt, job);
	waldoi_link *link = a->link;

	free_attempt(a);
	link->ops->close(link, WALDOI_CLOSE_NOW);
}

/* In the turn: its link may be on the stack. */
static void
close_later(waldoi_attempt *a)
{
	a->closing = true;
	waldoi_node_queue(waldoi_dialling_node(a->dialling), &a->job,
	                  close_attempt);
}

static bool
is_hopeless(const waldoi_dialling *dialling)
{
	const waldoi_attempt *a;

	LIST_FOREACH(a, &dialling->attempts, entry) {
		if (!a->closing) {
			return false;
		}
	}
	return dialling->winner == NULL &&
	       dialling->next == count_attempts(dialling);
}

static void try_next(waldoi_dialling *dialling);

/* One has failed: another one perhaps not. `failure` is NULL if it is noted. */
static void
go_on(waldoi_dialling *dialling, waldoi_failure *failure)
{
	if (failure != NULL) {
		note_failure(dialling, failure);
	}
	if (dialling->winner == NULL) {
		try_next(dialling);
	}
	if (is_hopeless(dialling)) {
		waldoi_session_end(dialling->session, -1,
		                   waldoi_failure_retain(dialling->why));
	}
}

/* ---- whom we meet */

/* The link is the session's; the others are too late. */
void
waldoi_dial_win(waldoi_attempt *winner)
{
	waldoi_dialling *dialling = winner->dialling;
	waldoi_session *session = dialling->session;
	waldoi_attempt *a;

	dialling->winner = winner;
	waldoi_timer_stop(&waldoi_dialling_node(dialling)->timers,
	                  &dialling->stagger);
	LIST_FOREACH(a, &dialling->attempts, entry) {
		if (a != winner && !a->closing) {
			close_later(a);
		}
	}
	session->link = winner->link;
	session->link->channel.session = session;
	winner->link = NULL;
}

static waldoi_verdict
attempt_meet(void *owner, const uint8_t *key, uint8_t *payload, size_t len)
{
	waldoi_attempt *a = owner;
	waldoi_dialling *dialling = a->dialling;
	waldoi_verdict verdict = WALDOI_GO_ON;

	if (dialling->winner != NULL ||
	    dialling->session->state != WALDOI_OPEN_SESSION) {
		return WALDOI_REFUSE;
	}
	if (is_xx(dialling)) {
		verdict = waldoi_trust_look_up(a, key);
	}
	if (verdict == WALDOI_REFUSE) {
		return verdict;
	}
	if (!waldoi_trust_learn_next(dialling, key, payload, len)) {
		waldoi_dial_deny(
		    a, waldoi_failure_new(WALDO_EPROTOCOL, WALDO_NOT_SENT,
		                          "%s: what it announces is malformed",
		                          a->place));
		return WALDOI_REFUSE;
	}
	if (verdict == WALDOI_GO_ON && dialling->winner == NULL) {
		waldoi_dial_win(a);
	}
	return verdict;
}

/* ---- what else the handshake asks */

static void
attempt_random(void *owner, void *data, size_t len)
{
	waldo_node *node =
	    waldoi_dialling_node(((waldoi_attempt *) owner)->dialling);

	node->driver->random(node->driver_data, data, len);
}

/* An empty map: we have nothing to announce. */
static size_t
attempt_offer(void *owner, uint8_t *data)
{
	(void) owner;
	data[0] = 0x80;
	return 1;
}

static void
attempt_failed(void *owner, waldo_err err, const char *what)
{
	waldoi_attempt *a = owner;
	waldoi_dialling *dialling = a->dialling;
	if (a->closing) {
		return;
	}
	if (!a->denied) {
		waldoi_dial_deny(a,
		                 waldoi_failure_new(err, WALDO_NOT_SENT,
		                                    "%s: %s", a->place, what));
	}
	if (dialling->winner == a) {
		waldoi_session_end(dialling->session, -1,
		                   waldoi_failure_retain(dialling->why));
	} else {
		close_later(a);
		go_on(dialling, NULL);
	}
}

/* Its link frees itself. */
static void
attempt_gone(void *owner, waldo_err err, const char *message)
{
	waldoi_attempt *a = owner;
	waldoi_dialling *dialling = a->dialling;
	bool closing = a->closing;

	free_attempt(a);
	if (closing) {
		return; /* why is known */
	}
	go_on(dialling, waldoi_failure_new(err, WALDO_NOT_SENT, "%s", message));
}

static const waldoi_handshake_ops attempt_ops = {
    .random = attempt_random,
    .offer = attempt_offer,
    .meet = attempt_meet,
    .failed = attempt_failed,
    .gone = attempt_gone,
};

/* ---- trying */

static const waldoi_keypair *
own_keypair(waldoi_dialling *dialling)
{
	waldo_node *node = waldoi_dialling_node(dialling);

	if (node->identity.key_count > 0) {
		return &node->identity.keys[0]->pair;
	}
	if (dialling->own.secret == NULL) {
		/* It is not for long: no guarded pages for it. */
		node->driver->random(node->driver_data, dialling->secret,
		                     sizeof(dialling->secret));
		(void) crypto_scalarmult_base(dialling->own.public,
		                              dialling->secret);
		dialling->own.secret = dialling->secret;
	}
	return &dialling->own;
}

static waldo_err
attempt_begin(void *owner, waldoi_link *link)
{
	waldoi_attempt *a = owner;
	waldoi_dialling *dialling = a->dialling;
	waldoi_identity *identity = &waldoi_dialling_node(dialling)->identity;
	waldoi_sealer *sealer = waldoi_identity_get_sealer(identity);
	unsigned slot = dialling->uri.psk;
	const waldoi_dial_keys keys = {
	    .pattern = slot != 0        ? WALDOI_XKPSK3
	               : a->key == NULL ? WALDOI_XX
	                                : WALDOI_XK,
	    .slot = slot,
	    .keypair = own_keypair(dialling),
	    .remote = a->key,
	    .psk = slot == 0 ? NULL : waldoi_identity_find_psk(identity, slot),
	};

	if (sealer == NULL) {
		return WALDO_ENOMEM;
	}
	return waldoi_channel_init_secure(&link->channel,
	                                  waldoi_session_channel_user(), NULL,
	                                  sealer, &attempt_ops, a, &keys);
}

static waldo_err
try_one(waldoi_dialling *dialling, size_t number)
{
	waldo_node *node = waldoi_dialling_node(dialling);
	size_t keys = is_xx(dialling) ? 1 : dialling->key_count;
	const waldoi_address *address = &dialling->uri.addresses[number / keys];
	waldoi_attempt *a = calloc(1, sizeof(*a));
	waldo_err err;

	if (a == NULL) {
		return waldoi_node_fail(node, WALDO_ENOMEM, "out of memory");
	}
	a->dialling = dialling;
	a->place = address->text;
	a->key = is_xx(dialling) ? NULL : dialling->keys[number % keys];
	err = node->driver->dial(node->driver_data, address, attempt_begin, a,
	                         &a->link);
	if (err != WALDO_OK) {
		free(a);
		return err;
	}
	LIST_INSERT_HEAD(&dialling->attempts, a, entry);
	return WALDO_OK;
}

static void
on_stagger(waldoi_timer *timer)
{
	try_next(waldoi_container_of(timer, waldoi_dialling, stagger));
}

/* Begins the next attempt that can be begun, and has the one behind it wait a
 * little. */
static void
try_next(waldoi_dialling *dialling)
{
	waldo_node *node = waldoi_dialling_node(dialling);
	size_t count = count_attempts(dialling);

	while (dialling->next < count) {
		waldo_err err = try_one(dialling, dialling->next++);

		if (err == WALDO_OK) {
			break;
		}
		note_failure(dialling, waldoi_failure_new(err, WALDO_NOT_SENT,
		                                          "%s", node->message));
	}
	if (dialling->next < count) {
		waldoi_node_arm(node, &dialling->stagger,
		                waldoi_node_now(node) +
		                    WALDOI_STAGGER_MS * UINT64_C(1000),
		                on_stagger);
	} else {
		waldoi_timer_stop(&node->timers, &dialling->stagger);
	}
}

/* ---- the beginning and the end */

/* The keys that the one of the URI may have become, then that one. */
static waldo_err
list_keys(waldoi_dialling *dialling)
{
	size_t len;
	char *text;
	waldo_err err;

	if (!dialling->uri.has_key) {
		dialling->session->expected = waldoi_trust_knows(
		    waldoi_dialling_node(dialling), &dialling->uri);
		return WALDO_OK;
	}
	dialling->session->expected = true;
	err = waldoi_trust_recall(waldoi_dialling_node(dialling), &text, &len);
	if (err != WALDO_OK) {
		return err;
	}
	dialling->key_count = waldoi_known_list_next(
	    text, len, dialling->uri.key, dialling->keys, WALDOI_MAX_KEYS);
	free(text);
	memcpy(dialling->keys[dialling->key_count++], dialling->uri.key,
	       WALDO_KEY_BYTES);
	return WALDO_OK;
}

static waldo_err
check_uri(waldo_node *node, const waldoi_uri *uri)
{
	const waldoi_identity *identity = &node->identity;

	if (uri->psk != 0 &&
	    waldoi_identity_find_psk(identity, uri->psk) == NULL) {
		return waldoi_node_fail(node, WALDO_EDENIED,
		                        "?psk=%u: there is no secret in that "
		                        "slot",
		                        uri->psk);
	}
	if (uri->psk != 0 && !uri->has_key) {
		return waldoi_node_fail(node, WALDO_EDENIED,
		                        "?psk=%u: the URI needs the peer's key",
		                        uri->psk);
	}
	if (!uri->has_key && identity->known_hosts == NULL) {
		return waldoi_node_fail(node, WALDO_EDENIED,
		                        "the URI has no key, and this node "
		                        "remembers none "
		                        "(waldo_node_options.known_hosts)");
	}
	return WALDO_OK;
}

waldo_err
waldoi_dial_begin(waldoi_session *session, const waldoi_uri *uri)
{
	waldo_node *node = session->node;
	waldoi_dialling *dialling;
	waldo_err err = check_uri(node, uri);

	if (err != WALDO_OK) {
		return err;
	}
	dialling = calloc(1, sizeof(*dialling));
	if (dialling == NULL) {
		return waldoi_node_fail(node, WALDO_ENOMEM, "out of memory");
	}
	dialling->session = session;
	dialling->uri = *uri;
	LIST_INIT(&dialling->attempts);
	session->caller->dialling = dialling;
	err = list_keys(dialling);
	if (err != WALDO_OK) {
		return err;
	}
	try_next(dialling);
	return is_hopeless(dialling) ? dialling->why->pub.code : WALDO_OK;
}

void
waldoi_dial_end(waldoi_dialling *dialling)
{
	waldoi_attempt *a;

	if (dialling == NULL) {
		return;
	}
	waldoi_timer_stop(&waldoi_dialling_node(dialling)->timers,
	                  &dialling->stagger);
	while ((a = LIST_FIRST(&dialling->attempts)) != NULL) {
		if (a->link != NULL) {
			close_attempt(&a->job);
		} else {
			free_attempt(a);
		}
	}
	if (dialling->question != NULL) {
		dialling->question->dialling = NULL;
	}
	waldoi_failure_release(dialling->why);
	sodium_memzero(dialling->secret, sizeof(dialling->secret));
	free(dialling);
}

/* ---- others who look for the same peer */

static bool
has_place(const waldoi_uri *uri, const char *place)
{
	for (size_t i = 0; i < uri->count; i++) {
		if (strcmp(uri->addresses[i].text, place) == 0) {
			return true;
		}
	}
	return false;
}

/* Without a key the places say who is meant. */
static bool
has_same_places(const waldoi_dialling *dialling, const waldoi_uri *uri)
{
	if (dialling->winner != NULL) {
		return has_place(uri, dialling->winner->place);
	}
	for (size_t i = 0; i < dialling->uri.count; i++) {
		if (!has_place(uri, dialling->uri.addresses[i].text)) {
			return false;
		}
	}
	return dialling->uri.count == uri->count;
}

/* Whoever named the first ones, they do not keep others from the peer. False:
 * there is no room for these. */
static bool
add_places(waldoi_dialling *dialling, const waldoi_uri *uri)
{
	waldoi_uri *all = &dialling->uri;
	size_t count = all->count;

	for (size_t i = 0; i < uri->count; i++) {
		if (has_place(all, uri->addresses[i].text)) {
			continue;
		}
		if (all->count == WALDOI_MAX_HOSTS) {
			all->count = count;
			return false;
		}
		all->addresses[all->count++] = uri->addresses[i];
	}
	if (all->count > count && !waldoi_timer_is_armed(&dialling->stagger)) {
		try_next(dialling);
	}
	return true;
}

bool
waldoi_dial_join(waldoi_dialling *dialling, const waldoi_uri *uri)
{
	bool was_nobody = dialling->own.secret != NULL;

	if (dialling->uri.has_key != uri->has_key ||
	    dialling->uri.psk != uri->psk ||
	    (was_nobody &&
	     waldoi_dialling_node(dialling)->identity.key_count > 0)) {
		return false;
	}
	if (!uri->has_key) {
		return has_same_places(dialling, uri);
	}
	return memcmp(dialling->uri.key, uri->key, sizeof(uri->key)) == 0 &&
	       (dialling->winner != NULL || add_places(dialling, uri));
}
