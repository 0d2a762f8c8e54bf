/* SPDX-License-Identifier: MIT */
#include "broker/session/dial.h"
#include "broker/channel/noise.h"
#include "broker/identity.h"
#include "broker/known_hosts.h"
#include "serial/api.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* A key that is tried at a place. */
typedef struct attempt {
	LIST_ENTRY(attempt) entry;
	struct waldoi_dialling *dialling;
	waldoi_link *link;  /* NULL once it is the session's or gone */
	const uint8_t *key; /* that it must have; NULL: it is asked */
	const char *place;
	bool closing;
	bool denied;    /* why is noted */
	waldoi_job job; /* to close the link */
} attempt;

typedef struct waldoi_dialling waldoi_dialling;

struct waldoi_dialling {
	waldoi_session *session;
	waldoi_uri uri;
	/* The peer's keys, the most likely first; none: it is asked. */
	uint8_t keys[1 + WALDOI_MAX_KEYS][WALDO_KEY_BYTES];
	size_t key_count;
	size_t next; /* place and key: next % uri.count, next / uri.count */
	LIST_HEAD(, attempt) attempts;
	attempt *winner; /* whose link the session has */
	waldoi_timer stagger;
	waldoi_failure *why; /* the best explanation so far */
	waldo_trust *question;
	bool asking;            /* the user's callback runs */
	waldoi_verdict verdict; /* that it gave there */
	waldoi_keypair own;     /* for this session, if the node has none; its
	                     * secret half is `secret` */
	uint8_t secret[WALDO_KEY_BYTES];
};

struct waldo_trust {
	waldoi_dialling *dialling; /* NULL: it has been given up */
	waldo_node *node;          /* NULL: it was freed */
	LIST_ENTRY(waldo_trust) entry;
	uint8_t key[WALDO_KEY_BYTES];
	char place[WALDOI_MAX_ADDRESS];
};

static waldo_node *
node_of(const waldoi_dialling *dialling)
{
	return dialling->session->node;
}

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

static void
deny(attempt *a, waldoi_failure *failure)
{
	a->denied = true;
	note_failure(a->dialling, failure);
}

static void
free_attempt(attempt *a)
{
	waldoi_runqueue_remove(&a->job);
	LIST_REMOVE(a, entry);
	free(a);
}

static void
close_attempt(waldoi_job *job)
{
	attempt *a = waldoi_container_of(job, attempt, job);
	waldoi_link *link = a->link;

	free_attempt(a);
	link->ops->close(link, WALDOI_CLOSE_NOW);
}

/* In the turn: its link may be on the stack. */
static void
close_later(attempt *a)
{
	a->closing = true;
	waldoi_node_queue(node_of(a->dialling), &a->job, close_attempt);
}

static bool
is_hopeless(const waldoi_dialling *dialling)
{
	const attempt *a;

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

static void
remember(waldo_node *node, const char *line)
{
	waldo_err err = WALDO_OK;

	if (node->identity.known_hosts != NULL &&
	    node->driver->remember != NULL) {
		err = node->driver->remember(node->driver_data,
		                             node->identity.known_hosts, line);
	}
	if (err != WALDO_OK) {
		waldoi_node_log(node, WALDO_LOG_WARN,
		                "a key is not remembered: %s", node->message);
	}
}

/* What is remembered, malloc'ed; nothing if there is no file, or none of use.
 */
static waldo_err
recall(waldoi_dialling *dialling, char **ret_text, size_t *ret_len)
{
	waldo_node *node = node_of(dialling);

	*ret_text = NULL;
	*ret_len = 0;
	if (node->identity.known_hosts == NULL ||
	    node->driver->recall == NULL) {
		return WALDO_OK;
	}
	return node->driver->recall(
	    node->driver_data, node->identity.known_hosts, ret_text, ret_len);
}

/* What the peer says it will be, as far as it is news. */
static bool
learn_next(waldoi_dialling *dialling, const uint8_t *key,
           const uint8_t *payload, size_t len)
{
	uint8_t next[WALDOI_MAX_KEYS][WALDO_KEY_BYTES];
	char line[WALDOI_KNOWN_LINE], *text;
	size_t count, text_len;

	if (!waldoi_identity_read(payload, len, next, &count)) {
		return false;
	}
	if (count == 0 || recall(dialling, &text, &text_len) != WALDO_OK) {
		return true;
	}
	for (size_t i = 0; i < count; i++) {
		if (memcmp(next[i], key, WALDO_KEY_BYTES) != 0 &&
		    !waldoi_known_has_next(text, text_len, key, next[i])) {
			waldoi_known_format_next(key, next[i], line);
			remember(node_of(dialling), line);
		}
	}
	free(text);
	return true;
}

/* The link is the session's; the others are too late. */
static void
win(attempt *winner)
{
	waldoi_dialling *dialling = winner->dialling;
	waldoi_session *session = dialling->session;
	attempt *a;

	dialling->winner = winner;
	waldoi_timer_stop(&node_of(dialling)->timers, &dialling->stagger);
	LIST_FOREACH(a, &dialling->attempts, entry) {
		if (a != winner && !a->closing) {
			close_later(a);
		}
	}
	session->link = winner->link;
	session->link->channel.session = session;
	winner->link = NULL;
}

static const char *
place_of(const attempt *a)
{
	return a->place + strlen("tcp:");
}

static waldoi_failure *
changed_key(const attempt *a, const uint8_t *known, const uint8_t *key)
{
	char was[WALDO_KEY_PRINT], is[WALDO_KEY_PRINT];

	waldo_key_fingerprint(known, was);
	waldo_key_fingerprint(key, is);
	return waldoi_failure_new(
	    WALDO_EDENIED, WALDO_NOT_SENT,
	    "%s shows another key than the one that %s remembers: its "
	    "fingerprint is %s, and was %s",
	    place_of(a), node_of(a->dialling)->identity.known_hosts, is, was);
}

static waldoi_verdict
ask(attempt *a, const uint8_t *key)
{
	waldoi_dialling *dialling = a->dialling;
	waldo_node *node = node_of(dialling);
	waldo_trust *question;

	if (node->identity.trust == NULL ||
	    (question = calloc(1, sizeof(*question))) == NULL) {
		char print[WALDO_KEY_PRINT];

		waldo_key_fingerprint(key, print);
		deny(a, waldoi_failure_new(
		            WALDO_EDENIED, WALDO_NOT_SENT,
		            "%s is not known yet, and nobody is here to "
		            "accept its key, whose fingerprint is %s",
		            place_of(a), print));
		return WALDOI_REFUSE;
	}
	question->dialling = dialling;
	question->node = node;
	memcpy(question->key, key, sizeof(question->key));
	strcpy(question->place, place_of(a));
	LIST_INSERT_HEAD(&node->questions, question, entry);
	dialling->question = question;
	win(a);
	dialling->asking = true;
	dialling->verdict = WALDOI_WAIT;
	node->callbacks++;
	node->identity.trust(question, node->identity.trust_user);
	node->callbacks--;
	dialling->asking = false;
	return dialling->verdict;
}

/* A host that is asked for its key: it must be the one that is remembered. */
static waldoi_verdict
look_up(attempt *a, const uint8_t *key)
{
	waldoi_dialling *dialling = a->dialling;
	waldoi_verdict verdict = WALDOI_GO_ON;
	uint8_t known[WALDO_KEY_BYTES], next[8][WALDO_KEY_BYTES];
	char line[WALDOI_KNOWN_LINE], *text;
	size_t len, count;

	if (recall(dialling, &text, &len) != WALDO_OK) {
		deny(a, waldoi_failure_new(WALDO_EDENIED, WALDO_NOT_SENT, "%s",
		                           node_of(dialling)->message));
		return WALDOI_REFUSE;
	}
	if (!waldoi_known_find(text, len, place_of(a), known)) {
		verdict = ask(a, key);
	} else if (memcmp(known, key, sizeof(known)) != 0) {
		count = waldoi_known_list_next(text, len, known, next, 8);
		verdict = WALDOI_REFUSE;
		for (size_t i = 0; i < count; i++) {
			if (memcmp(next[i], key, sizeof(known)) == 0) {
				verdict = WALDOI_GO_ON;
			}
		}
		if (verdict == WALDOI_GO_ON) {
			waldoi_known_format_host(place_of(a), key, line);
			remember(node_of(dialling), line);
		} else {
			deny(a, changed_key(a, known, key));
		}
	}
	free(text);
	return verdict;
}

static waldoi_verdict
attempt_meet(void *owner, const uint8_t *key, uint8_t *payload, size_t len)
{
	attempt *a = owner;
	waldoi_dialling *dialling = a->dialling;
	waldoi_verdict verdict = WALDOI_GO_ON;

	if (dialling->winner != NULL ||
	    dialling->session->state != WALDOI_OPEN_SESSION) {
		return WALDOI_REFUSE;
	}
	if (is_xx(dialling)) {
		verdict = look_up(a, key);
	}
	if (verdict == WALDOI_REFUSE) {
		return verdict;
	}
	if (!learn_next(dialling, key, payload, len)) {
		deny(a, waldoi_failure_new(WALDO_EPROTOCOL, WALDO_NOT_SENT,
		                           "%s: what it announces is malformed",
		                           a->place));
		return WALDOI_REFUSE;
	}
	if (verdict == WALDOI_GO_ON && dialling->winner == NULL) {
		win(a);
	}
	return verdict;
}

/* ---- what else the handshake asks */

static void
attempt_random(void *owner, void *data, size_t len)
{
	waldo_node *node = node_of(((attempt *) owner)->dialling);

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
	attempt *a = owner;
	waldoi_dialling *dialling = a->dialling;
	if (a->closing) {
		return;
	}
	if (!a->denied) {
		deny(a, waldoi_failure_new(err, WALDO_NOT_SENT, "%s: %s",
		                           a->place, what));
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
	attempt *a = owner;
	waldoi_dialling *dialling = a->dialling;

	free_attempt(a);
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
	waldo_node *node = node_of(dialling);

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
	attempt *a = owner;
	waldoi_dialling *dialling = a->dialling;
	waldoi_identity *identity = &node_of(dialling)->identity;
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
	waldo_node *node = node_of(dialling);
	const waldoi_address *address =
	    &dialling->uri.addresses[number % dialling->uri.count];
	attempt *a = calloc(1, sizeof(*a));
	waldo_err err;

	if (a == NULL) {
		return waldoi_node_fail(node, WALDO_ENOMEM, "out of memory");
	}
	a->dialling = dialling;
	a->place = address->text;
	a->key = is_xx(dialling) ? NULL
	                         : dialling->keys[number / dialling->uri.count];
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
	waldo_node *node = node_of(dialling);
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
		return WALDO_OK;
	}
	err = recall(dialling, &text, &len);
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
	attempt *a;

	if (dialling == NULL) {
		return;
	}
	waldoi_timer_stop(&node_of(dialling)->timers, &dialling->stagger);
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

bool
waldoi_dial_is_for(const waldoi_dialling *dialling, const waldoi_uri *uri)
{
	if (dialling->uri.has_key != uri->has_key ||
	    dialling->uri.psk != uri->psk) {
		return false;
	}
	return uri->has_key
	           ? memcmp(dialling->uri.key, uri->key, sizeof(uri->key)) == 0
	           : strcmp(dialling->uri.addresses[0].text,
	                    uri->addresses[0].text) == 0;
}

/* ---- trust at first sight */

WALDO_API const char *
waldo_trust_get_host(const waldo_trust *question)
{
	return question == NULL ? "" : question->place;
}

WALDO_API const uint8_t *
waldo_trust_get_key(const waldo_trust *question)
{
	return question == NULL ? NULL : question->key;
}

static void
answer(waldo_trust *question, bool accepted)
{
	waldoi_dialling *dialling = question->dialling;
	waldo_node *node = question->node;
	char line[WALDOI_KNOWN_LINE];

	if (accepted && node != NULL) {
		waldoi_known_format_host(question->place, question->key, line);
		remember(node, line);
	}
	if (node != NULL) {
		LIST_REMOVE(question, entry);
	}
	free(question);
	if (dialling != NULL) {
		dialling->question = NULL;
		if (dialling->asking) {
			dialling->verdict =
			    accepted ? WALDOI_GO_ON : WALDOI_REFUSE;
		} else if (dialling->session->link != NULL) {
			waldoi_channel_answer(&dialling->session->link->channel,
			                      accepted);
		}
	}
}

WALDO_API void
waldo_trust_accept(waldo_trust *question)
{
	if (question != NULL) {
		answer(question, true);
	}
}

WALDO_API void
waldo_trust_refuse(waldo_trust *question)
{
	if (question != NULL) {
		answer(question, false);
	}
}

void
waldoi_dial_forget_questions(waldo_node *node)
{
	waldo_trust *question;

	while ((question = LIST_FIRST(&node->questions)) != NULL) {
		LIST_REMOVE(question, entry);
		question->node = NULL;
	}
}
