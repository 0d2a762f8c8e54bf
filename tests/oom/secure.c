/* SPDX-License-Identifier: MIT */
/* Whom nodes meet by encrypted links, in a world whose links may be others:
 * the server listens beside them, and a third node comes. */
#include "oom/scenarios.h"
#include "world/ground.h"

#include <waldo/grant.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLOT 7

static const uint8_t secret[32] = "what all of the cluster know";
static waldo_trust *question;
static bool answered; /* or it would be by now */

static void
answer_later(waldo_trust *asked, void *user)
{
	(void) user;
	if (answered) {
		waldo_trust_accept(asked);
	} else {
		question = asked;
	}
}

static void
answer_at_once(waldo_trust *asked, void *user)
{
	(void) user;
	waldo_trust_accept(asked);
}

static waldo_node *
client_new(waldo_key *key, waldo_trust_cb *trust)
{
	const waldo_node_options options = {.size = sizeof(options),
	                                    .key = key,
	                                    .known_hosts = "known",
	                                    .trust = trust};
	waldo_node *node = NULL;

	return ground_node_new(&options, &node) == WALDO_OK ? node : NULL;
}

/* Where the server listens; NULL without memory. */
static const char *
listen_too(struct world *w, waldo_trust_cb *trust)
{
	waldo_listener *listener = NULL;

	pump();
	w->third = client_new(NULL, trust);
	if (w->third == NULL ||
	    waldo_listen(w->server, "tcp:vault:1", &listener) != WALDO_OK ||
	    waldo_publish(w->server, "vault", w->service) != WALDO_OK) {
		return NULL;
	}
	return waldo_listener_get_uri(listener);
}

/* Calls the vault by `uri`; NULL without memory. */
static waldo_ref *
call_by(struct world *w, const char *uri)
{
	waldo_ref *ref = NULL;

	if (waldo_connect(w->third, uri, &ref) != WALDO_OK) {
		return NULL;
	}
	(void) ask(w, ref, "echo", WALDO_OK);
	pump();
	return ref;
}

void
trusting_a_host(struct world *w)
{
	if (listen_too(w, answer_at_once) != NULL) {
		waldo_ref_release(call_by(w, "waldo://@vault:1/vault"));
		ground_advance(10);
		/* It is known by now. */
		waldo_ref_release(call_by(w, "waldo://@vault:1/vault"));
	}
}

void
trusting_a_host_later(struct world *w)
{
	question = NULL;
	answered = false;
	if (listen_too(w, answer_later) != NULL) {
		waldo_ref_release(call_by(w, "waldo://@vault:1/vault"));
		answered = true;
		waldo_trust_accept(question);
	}
}

/* The first place is silent: another link is tried beside it. */
void
trying_two_places(struct world *w)
{
	const char *at = listen_too(w, NULL);
	char uri[640];

	if (at != NULL) {
		(void) snprintf(uri, sizeof(uri), "waldo://%.*s@%s",
		                WALDO_KEY_TEXT - 1, at + 8,
		                "nowhere:1,vault:1/vault");
		waldo_ref_release(call_by(w, uri));
	}
}

void
meeting_a_cluster(struct world *w)
{
	const char *at = listen_too(w, NULL);
	char uri[640];

	if (at != NULL &&
	    waldo_node_set_psk(w->server, SLOT, secret, false) == WALDO_OK &&
	    waldo_node_set_psk(w->third, SLOT, secret, false) == WALDO_OK) {
		(void) snprintf(uri, sizeof(uri), "%s/vault?psk=%d", at, SLOT);
		waldo_ref_release(call_by(w, uri));
	}
}

/* The next key is announced, remembered, and asked for. */
void
following_a_rotation(struct world *w)
{
	const char *at = listen_too(w, NULL);
	waldo_key *next = NULL;
	char uri[640];

	if (at != NULL && waldo_key_new(&next) == WALDO_OK &&
	    waldo_node_add_key(w->server, next) == WALDO_OK) {
		(void) snprintf(uri, sizeof(uri), "%s/vault", at);
		waldo_ref_release(call_by(w, uri));
		ground_advance(10);
		waldo_ref_release(call_by(w, uri));
	}
	waldo_key_release(next);
}

/* ---- grants */

static void
restore(void *self, waldo_call *call)
{
	struct world *w = self;

	waldo_call_reply(call, "r", w->service);
}

static const waldo_method factory_methods[] = {{"restore", restore, NULL, 0},
                                               {0}};
static const waldo_class factory_class = {WALDO_CLASS_SIZES, "Factory",
                                          factory_methods, NULL, NULL};

/* Of a client that is known by its key, by swissnum; then it is revoked. */
static void
fetch(struct world *w, waldo_grants *grants, const char *at,
      const waldo_grant_options *options)
{
	const waldo_grant_match all = {.size = sizeof(all), .kind = "vault"};
	char swissnum[WALDO_SWISSNUM_TEXT], uri[640];
	waldo_ref *factory = NULL, *ref;

	if (waldo_object_new(w->server, &factory_class, w, &factory) !=
	        WALDO_OK ||
	    waldo_grants_set_factory(grants, "vault", factory) != WALDO_OK ||
	    waldo_set_finder(w->server, waldo_grants_get_finder(grants)) !=
	        WALDO_OK ||
	    waldo_grant_new(grants, options, swissnum, "i", MAX_OUTCOMES - 1) !=
	        WALDO_OK) {
		waldo_ref_release(factory);
		return;
	}
	waldo_ref_release(factory);
	(void) snprintf(uri, sizeof(uri), "%s/%s", at, swissnum);
	ref = call_by(w, uri);
	(void) ask(w, ref, "hold", WALDO_EREVOKED);
	pump();
	if (waldo_grants_revoke(grants, &all, NULL) == WALDO_OK) {
		(void) ask(w, ref, "echo", WALDO_EREVOKED);
	}
	waldo_ref_release(ref);
	pump();
	answer_held(w);
}

void
fetching_a_grant(struct world *w)
{
	const char *at = listen_too(w, NULL);
	waldo_key *key = NULL;
	waldo_grant_options options = {.size = sizeof(options),
	                               .kind = "vault"};
	waldo_grants *grants = NULL;
	/* In memory if that can be: it is made thousands of times. */
	char path[] = "/dev/shm/waldo-oom-XXXXXX";
	int file = mkstemp(path);

	if (file < 0) {
		memcpy(path, "/var/tmp", 8);
		file = mkstemp(path);
	}

	if (file < 0) {
		abort();
	}
	(void) close(file);
	(void) unlink(path);
	ground_node_free(w->third);
	w->third = NULL;
	if (at != NULL && waldo_key_new(&key) == WALDO_OK) {
		w->third = client_new(key, NULL);
		options.seal = waldo_key_get_public(key);
	}
	if (w->third != NULL &&
	    waldo_grants_open(w->server, path, &grants) == WALDO_OK) {
		fetch(w, grants, at, &options);
	}
	waldo_grants_close(grants);
	waldo_key_release(key);
	(void) unlink(path);
}
