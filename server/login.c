/* SPDX-License-Identifier: MIT */
/*
 * One attempt to log in: the checkers one after the other, the realm, the
 * answer; each step from the loop, so that whoever answers is not called back
 * beneath his answer.
 */
#include "server/portal.h"

#include "broker/call.h"
#include "broker/facet.h"
#include "serial/api.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_LINES 10 /* a second, of one portal */

enum phase {
	CHECKING, /* a checker thinks about it */
	CHECKED,  /* it has said so; the next step is queued */
	ENTERING, /* the realm thinks about it */
	ANSWERED  /* its end is queued */
};

struct waldo_login {
	LIST_ENTRY(waldo_login) entry;
	waldo_portal *portal; /* counted */
	waldo_call *call;
	waldo_ref *mind;         /* retained */
	waldoi_checker *checker; /* that is asked, or was last; NULL: none */
	char *account;           /* NULL: nobody has accepted it */
	enum phase phase;
	bool lost;     /* nobody waits for the answer */
	bool expelled; /* whatever the realm will say */
	waldoi_job job;
	waldo_ref *facet; /* that was admitted, until its end; retained */
	void (*logout)(void *user); /* of one that has no seat */
	void *user;
	waldo_peer peer;
	uint8_t key[WALDO_KEY_BYTES];
	waldoi_credentials credentials;
	size_t texts_len;
	char texts[]; /* names and texts of credentials, the address */
};

/* ---- beginning and end */

static void
lose(waldo_call *call, void *user)
{
	waldo_login *login = user;

	(void) call;
	login->lost = true;
}

static const char *
put_text(char **to, const char *text)
{
	char *at = *to;

	strcpy(at, text);
	*to += strlen(text) + 1;
	return at;
}

static size_t
size_of_texts(const waldoi_credentials *credentials, const char *address)
{
	size_t size = strlen(address) + 1;

	for (size_t i = 0; i < credentials->count; i++) {
		size += strlen(credentials->items[i].name) + 1 +
		        strlen(credentials->items[i].text) + 1;
	}
	return size;
}

static void
copy_texts(waldo_login *login, const waldoi_credentials *credentials,
           const char *address)
{
	char *to = login->texts;

	login->peer.address = put_text(&to, address);
	login->credentials.count = credentials->count;
	for (size_t i = 0; i < credentials->count; i++) {
		login->credentials.items[i] = (waldoi_credential){
		    put_text(&to, credentials->items[i].name),
		    put_text(&to, credentials->items[i].text)};
	}
}

static waldo_login *
login_new(waldo_portal *portal, const waldo_peer *peer,
          const waldoi_credentials *credentials, waldo_ref *mind)
{
	size_t size = size_of_texts(credentials, peer->address);
	waldo_login *login = calloc(1, sizeof(*login) + size);

	if (login == NULL) {
		return NULL;
	}
	login->texts_len = size;
	login->peer = *peer;
	copy_texts(login, credentials, peer->address);
	if (peer->key != NULL) {
		memcpy(login->key, peer->key, sizeof(login->key));
		login->peer.key = login->key;
	}
	login->mind = waldo_ref_retain(mind);
	login->portal = portal;
	portal->count++;
	LIST_INSERT_HEAD(&portal->logins, login, entry);
	return login;
}

/* What it was given goes last: that may do anything. */
static void
end(waldo_login *login)
{
	waldo_portal *portal = login->portal;
	waldo_ref *facet = login->facet;
	waldo_ref *mind = login->mind;
	void (*logout)(void *user) = login->logout;
	void *user = login->user;

	LIST_REMOVE(login, entry);
	sodium_memzero(login->texts, login->texts_len);
	free(login->account);
	free(login);
	waldoi_portal_look(portal);
	waldoi_portal_release(portal);
	waldo_ref_release(mind);
	waldo_ref_release(facet);
	if (logout != NULL) {
		logout(user);
	}
}

static void
end_job(waldoi_job *job)
{
	end(waldoi_container_of(job, waldo_login, job));
}

/* The call has been answered. Without a portal there may be no loop. */
static void
end_later(waldo_login *login)
{
	waldo_node *node = login->portal->node;

	login->phase = ANSWERED;
	if (node == NULL) {
		end(login);
	} else {
		waldoi_node_queue(node, &login->job, end_job);
	}
}

static void
fail(waldo_login *login, waldo_err err, const char *why)
{
	waldoi_call_fail(login->call,
	                 waldoi_failure_new(err, WALDO_EXECUTED, "%s", why));
	end_later(login);
}

/* ---- the log */

/* A text of others', of which a terminal or a reader of logs obeys nothing. */
static const char *
quote(char *to, size_t size, const char *text)
{
	size_t len = 0;

	for (; *text != '\0' && len + 5 < size; text++) {
		unsigned char c = (unsigned char) *text;
		bool plain = c >= 0x20 && c < 0x7f && c != '\\' && c != '\'';

		len += (size_t) snprintf(to + len, size - len,
		                         plain ? "%c" : "\\x%02x", c);
	}
	to[len] = '\0';
	return to;
}

/* Whoever knocks often does not fill the disk. */
static bool
may_say(waldo_portal *portal)
{
	int64_t second = (int64_t) (waldoi_node_now(portal->node) / 1000000);

	if (second != portal->said_since) {
		if (portal->said > LOG_LINES) {
			waldo_node_log(portal->node, WALDO_LOG_WARN,
			               "portal: %u more lines were left out",
			               portal->said - LOG_LINES);
		}
		portal->said_since = second;
		portal->said = 0;
	}
	return ++portal->said <= LOG_LINES;
}

static void
say(waldo_login *login, waldo_log_level level, const char *what,
    const char *text)
{
	char quoted[200];

	if (login->portal->node != NULL && may_say(login->portal)) {
		waldo_node_log(login->portal->node, level,
		               "portal: peer=%s %s='%s'", login->peer.address,
		               what, quote(quoted, sizeof(quoted), text));
	}
}

/* Whether it is the turn of whoever answers. */
static bool
is_in(waldo_login *login, enum phase phase)
{
	if (login == NULL) {
		return false;
	}
	if (login->phase != phase) {
		say(login, WALDO_LOG_ERROR, "misuse",
		    "a login was answered that was not asked about");
		return false;
	}
	return true;
}

/* ---- the steps */

static void
enter(waldo_login *login)
{
	waldo_portal *portal = login->portal;

	login->phase = ENTERING;
	if (portal->second == WALDO_SECOND_REFUSE &&
	    waldoi_portal_has(portal, login->account, login)) {
		say(login, WALDO_LOG_INFO, "in-already", login->account);
		fail(login, WALDO_EDENIED, "login: the account is in already");
		return;
	}
	if (portal->second == WALDO_SECOND_REPLACE) {
		(void) waldoi_portal_expel(portal, login->account, login);
	}
	say(login, WALDO_LOG_INFO, "login", login->account);
	portal->realm(portal->self, login);
}

static void
ask_next(waldo_login *login)
{
	waldoi_checker *c = login->checker == NULL
	                        ? TAILQ_FIRST(&login->portal->checkers)
	                        : TAILQ_NEXT(login->checker, entry);

	while (c != NULL && !waldoi_credentials_fit(&login->credentials,
	                                            c->checker->needs)) {
		c = TAILQ_NEXT(c, entry);
	}
	if (c == NULL) {
		fail(login, WALDO_EDENIED, "login failed");
		return;
	}
	login->checker = c;
	login->phase = CHECKING;
	c->checker->check(c->self, login);
}

static void
step(waldoi_job *job)
{
	waldo_login *login = waldoi_container_of(job, waldo_login, job);
	waldo_node *node = login->portal->node;

	if (node == NULL || login->lost) {
		fail(login, WALDO_ELOST, "the client was lost");
		return;
	}
	node->callbacks++;
	if (login->account != NULL) {
		enter(login);
	} else {
		ask_next(login);
	}
	node->callbacks--;
}

static void
step_later(waldo_login *login)
{
	waldo_node *node = login->portal->node;

	login->phase = CHECKED;
	if (node == NULL) {
		fail(login, WALDO_ELOST, "the portal is gone");
	} else {
		waldoi_node_queue(node, &login->job, step);
	}
}

void
waldoi_login_begin(waldo_portal *portal, waldo_call *call,
                   const waldoi_credentials *credentials, waldo_ref *mind)
{
	waldo_login *login =
	    login_new(portal, waldoi_facet_get_peer(call), credentials, mind);

	if (login == NULL) {
		waldo_call_fail_err(call, WALDO_ENOMEM);
		return;
	}
	login->call = waldo_call_defer(call, lose, login);
	step_later(login);
}

/* ---- what checkers say */

WALDO_API void
waldo_login_accept(waldo_login *login, const char *account)
{
	if (!is_in(login, CHECKING)) {
		return;
	}
	login->account = account == NULL ? NULL : strdup(account);
	if (login->account == NULL) {
		fail(login, account == NULL ? WALDO_EINVAL : WALDO_ENOMEM,
		     account == NULL ? "login: the checker names no account"
		                     : "out of memory");
		return;
	}
	step_later(login);
}

WALDO_API void
waldo_login_deny(waldo_login *login, const char *why)
{
	if (is_in(login, CHECKING)) {
		say(login, WALDO_LOG_WARN, "denied", why == NULL ? "" : why);
		step_later(login);
	}
}

WALDO_API void
waldo_login_postpone(waldo_login *login, const char *why)
{
	if (is_in(login, login != NULL && login->phase == ENTERING
	                     ? ENTERING
	                     : CHECKING)) {
		say(login, WALDO_LOG_WARN, "postponed", why == NULL ? "" : why);
		fail(login, WALDO_ELIMIT, why == NULL ? "not now" : why);
	}
}

/* ---- what the realm says */

WALDO_API void
waldo_login_refuse(waldo_login *login, const char *why)
{
	if (is_in(login, ENTERING)) {
		say(login, WALDO_LOG_WARN, "refused", why == NULL ? "" : why);
		fail(login, WALDO_EDENIED, why == NULL ? "refused" : why);
	}
}

/* With the answer, so that what the client does next finds them. */
static void
raise_limits(waldo_login *login)
{
	const waldo_portal *portal = login->portal;

	if (portal->raises && !login->lost && login->call->remote &&
	    waldo_call_raise_limits(login->call, &portal->limits) != WALDO_OK) {
		say(login, WALDO_LOG_ERROR, "limits",
		    waldo_node_get_message(portal->node));
	}
}

WALDO_API void
waldo_login_admit(waldo_login *login, waldo_ref *perspective,
                  void (*logout)(void *user), void *user)
{
	waldo_portal *portal = login == NULL ? NULL : login->portal;
	waldo_err err = WALDO_ELOST;

	if (!is_in(login, ENTERING)) {
		return;
	}
	if (portal->node != NULL && !login->lost && !login->expelled) {
		err = waldoi_seat_new(portal, login->account, perspective,
		                      logout, user, &login->facet);
	}
	if (err == WALDO_OK) {
		raise_limits(login);
		waldo_call_reply(login->call, "r", login->facet);
		end_later(login);
		return;
	}
	login->logout = logout;
	login->user = user;
	if (login->expelled) {
		fail(login, WALDO_EDENIED, "login: the account was logged out");
	} else {
		fail(login, err, waldo_strerror(err));
	}
}

/* ---- what is known */

WALDO_API const char *
waldo_login_get(const waldo_login *login, const char *name)
{
	if (login == NULL || name == NULL) {
		return NULL;
	}
	for (size_t i = 0; i < login->credentials.count; i++) {
		if (strcmp(login->credentials.items[i].name, name) == 0) {
			return login->credentials.items[i].text;
		}
	}
	return NULL;
}

WALDO_API const waldo_peer *
waldo_login_get_peer(const waldo_login *login)
{
	static const waldo_peer nobody = {"", NULL, -1, -1};

	return login == NULL ? &nobody : &login->peer;
}

WALDO_API waldo_ref *
waldo_login_get_mind(const waldo_login *login)
{
	return login == NULL ? NULL : login->mind;
}

WALDO_API const char *
waldo_login_get_account(const waldo_login *login)
{
	return login == NULL ? NULL : login->account;
}

bool
waldoi_login_is_entering(const waldo_login *login, const char *account)
{
	return login->phase == ENTERING && !login->expelled &&
	       strcmp(login->account, account) == 0;
}

bool
waldoi_login_expel(waldo_login *login, const char *account)
{
	bool is_it = waldoi_login_is_entering(login, account);

	login->expelled = login->expelled || is_it;
	return is_it;
}

waldo_login *
waldoi_login_next(const waldo_login *login)
{
	return LIST_NEXT(login, entry);
}
