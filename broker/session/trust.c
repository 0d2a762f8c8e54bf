/* SPDX-License-Identifier: MIT */
/* Which keys are remembered, and the question about one that is not. */
#include "broker/session/dialling.h"
#include "serial/api.h"

#include <stdlib.h>
#include <string.h>

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

waldo_err
waldoi_trust_recall(waldo_node *node, char **ret_text, size_t *ret_len)
{
	*ret_text = NULL;
	*ret_len = 0;
	if (node->identity.known_hosts == NULL ||
	    node->driver->recall == NULL) {
		return WALDO_OK;
	}
	return node->driver->recall(
	    node->driver_data, node->identity.known_hosts, ret_text, ret_len);
}

/* Of one key no more than would be tried: who announces others each time does
 * not fill the file. */
static void
remember_next(waldo_node *node, const uint8_t *key,
              uint8_t (*next)[WALDO_KEY_BYTES], size_t count)
{
	char line[WALDOI_KNOWN_LINE], *text;
	size_t known, len;

	if (count == 0 || waldoi_trust_recall(node, &text, &len) != WALDO_OK) {
		return;
	}
	known = waldoi_known_count_next(text, len, key);
	for (size_t i = 0; i < count && known < WALDOI_MAX_KEYS; i++) {
		if (memcmp(next[i], key, WALDO_KEY_BYTES) != 0 &&
		    !waldoi_known_has_next(text, len, key, next[i])) {
			waldoi_known_format_next(key, next[i], line);
			remember(node, line);
			known++;
		}
	}
	free(text);
}

bool
waldoi_trust_learn_next(waldoi_dialling *dialling, const uint8_t *key,
                        const uint8_t *payload, size_t len)
{
	uint8_t next[WALDOI_MAX_KEYS][WALDO_KEY_BYTES];
	waldo_trust *question = dialling->question;
	size_t count;

	if (!waldoi_identity_read(payload, len, next, &count)) {
		return false;
	}
	if (question == NULL) {
		remember_next(waldoi_dialling_node(dialling), key, next, count);
	} else {
		memcpy(question->next, next, count * sizeof(next[0]));
		question->next_count = count;
	}
	return true;
}

static const char *
place_in(const char *address)
{
	return address + strlen("tcp:");
}

static const char *
place_of(const waldoi_attempt *a)
{
	return place_in(a->place);
}

bool
waldoi_trust_knows(waldo_node *node, const waldoi_uri *uri)
{
	uint8_t key[WALDO_KEY_BYTES];
	bool knows = true;
	size_t len;
	char *text;

	if (waldoi_trust_recall(node, &text, &len) != WALDO_OK) {
		return false;
	}
	for (size_t i = 0; i < uri->count && knows; i++) {
		knows = waldoi_known_find(
		    text, len, place_in(uri->addresses[i].text), key);
	}
	free(text);
	return knows;
}

static waldoi_failure *
changed_key(const waldoi_attempt *a, const uint8_t *known, const uint8_t *key)
{
	char was[WALDO_KEY_PRINT], is[WALDO_KEY_PRINT];

	waldo_key_fingerprint(known, was);
	waldo_key_fingerprint(key, is);
	return waldoi_failure_new(
	    WALDO_EDENIED, WALDO_NOT_SENT,
	    "%s shows another key than the one that %s remembers: its "
	    "fingerprint is %s, and was %s",
	    place_of(a),
	    waldoi_dialling_node(a->dialling)->identity.known_hosts, is, was);
}

static waldoi_verdict
ask(waldoi_attempt *a, const uint8_t *key)
{
	waldoi_dialling *dialling = a->dialling;
	waldo_node *node = waldoi_dialling_node(dialling);
	waldo_trust *question;

	/* What is confidential may wait for the key that was remembered. */
	if (dialling->session->expected) {
		waldoi_dial_deny(
		    a, waldoi_failure_new(WALDO_EDENIED, WALDO_NOT_SENT,
		                          "the key of %s has been forgotten "
		                          "meanwhile",
		                          place_of(a)));
		return WALDOI_REFUSE;
	}
	if (node->identity.trust == NULL ||
	    (question = calloc(1, sizeof(*question))) == NULL) {
		char print[WALDO_KEY_PRINT];

		waldo_key_fingerprint(key, print);
		waldoi_dial_deny(
		    a, waldoi_failure_new(
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
	waldoi_dial_win(a);
	dialling->asking = true;
	dialling->verdict = WALDOI_WAIT;
	node->callbacks++;
	node->identity.trust(question, node->identity.trust_user);
	node->callbacks--;
	dialling->asking = false;
	return dialling->verdict;
}

/* The holder of `known` said that it would go on as `key`. */
static bool
has_become(const char *text, size_t len, const uint8_t *known,
           const uint8_t *key)
{
	uint8_t next[WALDOI_MAX_KEYS][WALDO_KEY_BYTES];
	size_t count =
	    waldoi_known_list_next(text, len, known, next, WALDOI_MAX_KEYS);

	for (size_t i = 0; i < count; i++) {
		if (memcmp(next[i], key, WALDO_KEY_BYTES) == 0) {
			return true;
		}
	}
	return false;
}

waldoi_verdict
waldoi_trust_look_up(waldoi_attempt *a, const uint8_t *key)
{
	waldoi_dialling *dialling = a->dialling;
	waldoi_verdict verdict = WALDOI_REFUSE;
	uint8_t known[WALDO_KEY_BYTES];
	char line[WALDOI_KNOWN_LINE], *text;
	size_t len;

	if (waldoi_trust_recall(waldoi_dialling_node(dialling), &text, &len) !=
	    WALDO_OK) {
		waldoi_dial_deny(a,
		                 waldoi_failure_new(
		                     WALDO_EDENIED, WALDO_NOT_SENT, "%s",
		                     waldoi_dialling_node(dialling)->message));
		return WALDOI_REFUSE;
	}
	if (!waldoi_known_find(text, len, place_of(a), known)) {
		verdict = ask(a, key);
	} else if (memcmp(known, key, sizeof(known)) == 0) {
		verdict = WALDOI_GO_ON;
	} else if (has_become(text, len, known, key)) {
		waldoi_known_format_host(place_of(a), key, line);
		remember(waldoi_dialling_node(dialling), line);
		verdict = WALDOI_GO_ON;
	} else {
		waldoi_dial_deny(a, changed_key(a, known, key));
	}
	free(text);
	return verdict;
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
		remember_next(node, question->key, question->next,
		              question->next_count);
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
