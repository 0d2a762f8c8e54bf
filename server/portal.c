/* SPDX-License-Identifier: MIT */
#include "server/portal.h"

#include "broker/call.h"
#include "broker/facet.h"
#include "broker/limits.h"
#include "serial/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- credentials */

bool
waldoi_credentials_fit(const waldoi_credentials *credentials, const char *needs)
{
	size_t words = 0;

	for (needs += strspn(needs, " "); *needs != '\0';
	     needs += strspn(needs, " ")) {
		size_t len = strcspn(needs, " ");
		bool found = false;

		for (size_t i = 0; i < credentials->count && !found; i++) {
			const char *name = credentials->items[i].name;

			found = strlen(name) == len &&
			        memcmp(name, needs, len) == 0;
		}
		if (!found) {
			return false;
		}
		words++;
		needs += len;
	}
	return words == credentials->count;
}

/* Borrowed from the call's arguments, in which no key is there twice. False: the
 * call has failed. */
static bool
read_credentials(waldo_call *call, waldoi_credentials *credentials)
{
	waldo_reader *args = waldo_call_get_args(call);
	size_t left = waldo_read_map(args);
	size_t names = 0, texts = 0;

	credentials->count = 0;
	for (; left > 0 && credentials->count < WALDOI_CREDENTIALS; left--) {
		waldoi_credential read;

		read.name = waldo_read_str(args, NULL);
		read.text = waldo_read_str(args, NULL);
		if (waldo_read_error(args) != WALDO_OK) {
			return waldo_call_check(call);
		}
		names += strlen(read.name);
		texts += strlen(read.text);
		credentials->items[credentials->count++] = read;
	}
	if (left > 0 || names > WALDOI_CREDENTIAL_NAMES ||
	    texts > WALDOI_CREDENTIAL_TEXTS) {
		waldoi_call_fail(
		    call, waldoi_failure_new(
		              WALDO_ELIMIT, WALDO_EXECUTED,
		              "login: at most %d credentials, with %d bytes "
		              "of names and %d bytes of texts",
		              WALDOI_CREDENTIALS, WALDOI_CREDENTIAL_NAMES,
		              WALDOI_CREDENTIAL_TEXTS));
		return false;
	}
	return true;
}

bool
waldoi_peer_is_exposed(const waldo_peer *peer)
{
	static const char clear[] = "tcp-insecure:";
	static const char *const ours[] = {"127.", "[::1]:", "[::ffff:127."};
	const char *host = peer->address + sizeof(clear) - 1;

	if (strncmp(peer->address, clear, sizeof(clear) - 1) != 0) {
		return false;
	}
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++) {
		if (strncmp(host, ours[i], strlen(ours[i])) == 0) {
			return false;
		}
	}
	return true;
}

/* What there is, for the client of whose credentials nobody knows anything. */
static void
fail_unknown(const waldo_portal *portal, waldo_call *call)
{
	char known[200] = "";
	size_t len = 0;
	const waldoi_checker *c;

	TAILQ_FOREACH(c, &portal->checkers, entry) {
		const char *needs = c->checker->needs;
		int more = snprintf(known + len, sizeof(known) - len, "%s%s",
		                    len == 0 ? "" : ", or ",
		                    *needs == '\0' ? "none" : needs);

		if (more < 0 || (size_t) more >= sizeof(known) - len) {
			break;
		}
		len += (size_t) more;
	}
	known[len] = '\0';
	waldoi_call_fail(call, waldoi_failure_new(
	                           WALDO_EDENIED, WALDO_EXECUTED,
	                           "login: the credentials must be: %s",
	                           len == 0 ? "(there is no checker)" : known));
}

/* Whether somebody can be asked; else the call has failed. */
static bool
has_checker(const waldo_portal *portal, waldo_call *call,
            const waldoi_credentials *credentials)
{
	const waldoi_checker *c;
	bool found = false;

	TAILQ_FOREACH(c, &portal->checkers, entry) {
		if (!waldoi_credentials_fit(credentials, c->checker->needs)) {
			continue;
		}
		found = true;
		if (c->checker->secret &&
		    waldoi_peer_is_exposed(waldoi_facet_get_peer(call))) {
			waldoi_call_fail(
			    call, waldoi_failure_new(
			              WALDO_EDENIED, WALDO_EXECUTED,
			              "login: '%s' came in clear and is not "
			              "looked at; the link must be encrypted "
			              "(waldo://KEY@...)",
			              c->checker->needs));
			return false;
		}
	}
	if (!found) {
		fail_unknown(portal, call);
	}
	return found;
}

/* ---- the object */

static waldo_ref *
read_mind(waldo_reader *args)
{
	/* Who brings none may say nothing as well. */
	if (waldo_read_type(args) == WALDO_TYPE_END &&
	    waldo_read_error(args) == WALDO_OK) {
		return NULL;
	}
	if (waldo_read_type(args) == WALDO_TYPE_NIL) {
		waldo_read_skip(args);
		return NULL;
	}
	return waldo_read_ref(args);
}

static void
login(void *self, waldo_call *call)
{
	waldo_portal *portal = self;
	waldoi_credentials credentials;
	waldo_ref *mind;

	if (!read_credentials(call, &credentials)) {
		return;
	}
	mind = read_mind(waldo_call_get_args(call));
	if (waldo_call_check(call) && has_checker(portal, call, &credentials)) {
		waldoi_login_begin(portal, call, &credentials, mind);
	}
}

void
waldoi_portal_look(waldo_portal *portal)
{
	waldoi_checker *c;

	if (portal->node != NULL || !LIST_EMPTY(&portal->logins)) {
		return;
	}
	while ((c = TAILQ_FIRST(&portal->checkers)) != NULL) {
		TAILQ_REMOVE(&portal->checkers, c, entry);
		if (c->checker->destroy != NULL) {
			c->checker->destroy(c->self);
		}
		free(c);
	}
}

void
waldoi_portal_release(waldo_portal *portal)
{
	if (--portal->count == 0) {
		free(portal);
	}
}

static void
destroy(void *self)
{
	waldo_portal *portal = self;

	portal->node = NULL;
	waldoi_portal_look(portal);
	waldoi_portal_release(portal);
}

static const waldo_method methods[] = {
    {"login", login, "(credentials: map<string, string>, mind: ref?) -> ref",
     0},
    {0},
};

static const waldo_class portal_class = {
    WALDO_CLASS_SIZES, "waldo.Portal", methods, destroy, NULL,
};

static waldo_err
set_options(waldo_portal *portal, waldo_node *node,
            const waldo_portal_options *options)
{
	char message[200];
	waldo_err err;

	if (options == NULL || options->size < sizeof(*options)) {
		return waldoi_node_fail(
		    node, WALDO_EINVAL,
		    "waldo_portal_options.size is %zu, not %zu",
		    options == NULL ? 0 : options->size, sizeof(*options));
	}
	if (options->realm == NULL || options->second > WALDO_SECOND_REFUSE) {
		return waldoi_node_fail(node, WALDO_EINVAL,
		                        options->realm == NULL
		                            ? "portal: there is no realm"
		                            : "portal: `second` is none of "
		                              "waldo_second_login");
	}
	if (options->limits != NULL) {
		portal->limits = node->limits;
		err = waldoi_limits_raise(options->limits, &portal->limits,
		                          message);
		if (err != WALDO_OK) {
			return waldoi_node_fail(node, err, "%s", message);
		}
		portal->limits = *options->limits;
		portal->raises = true;
	}
	portal->realm = options->realm;
	portal->self = options->self;
	portal->second = options->second;
	return WALDO_OK;
}

WALDO_API waldo_err
waldo_portal_new(waldo_node *node, const waldo_portal_options *options,
                 waldo_portal **ret_portal, waldo_ref **ret_ref)
{
	waldo_portal *portal;
	waldo_err err;

	if (node == NULL || ret_portal == NULL || ret_ref == NULL) {
		return WALDO_EINVAL;
	}
	portal = calloc(1, sizeof(*portal));
	if (portal == NULL) {
		return waldoi_node_fail(node, WALDO_ENOMEM, "out of memory");
	}
	portal->count = 1;
	portal->node = node;
	TAILQ_INIT(&portal->checkers);
	LIST_INIT(&portal->seats);
	LIST_INIT(&portal->logins);
	err = set_options(portal, node, options);
	if (err == WALDO_OK) {
		err = waldo_object_new(node, &portal_class, portal, ret_ref);
	}
	if (err != WALDO_OK) {
		free(portal);
		return err;
	}
	*ret_portal = portal;
	return WALDO_OK;
}

/* ---- checkers */

static size_t
count_words(const char *text)
{
	size_t words = 0;

	for (text += strspn(text, " "); *text != '\0';
	     text += strspn(text, " ")) {
		text += strcspn(text, " ");
		words++;
	}
	return words;
}

static waldoi_checker *
append(waldo_portal *portal, const waldo_checker *checker, void *self,
       const char *account)
{
	waldoi_checker *c = malloc(sizeof(*c) + strlen(account) + 1);

	if (c == NULL) {
		return NULL;
	}
	c->checker = checker;
	c->self = self;
	strcpy(c->account, account);
	TAILQ_INSERT_TAIL(&portal->checkers, c, entry);
	return c;
}

WALDO_API waldo_err
waldo_portal_add_checker(waldo_portal *portal, const waldo_checker *checker,
                         void *self)
{
	if (portal == NULL || portal->node == NULL) {
		return portal == NULL ? WALDO_EINVAL : WALDO_ELOST;
	}
	if (checker == NULL || checker->size < sizeof(*checker) ||
	    checker->check == NULL || checker->needs == NULL ||
	    count_words(checker->needs) > WALDOI_CREDENTIALS) {
		return waldoi_node_fail(portal->node, WALDO_EINVAL,
		                        "portal: a checker has a size, a "
		                        "function, and the names of at most %d "
		                        "credentials",
		                        WALDOI_CREDENTIALS);
	}
	return append(portal, checker, self, "") != NULL
	           ? WALDO_OK
	           : waldoi_node_fail(portal->node, WALDO_ENOMEM,
	                              "out of memory");
}

static void
accept_anybody(void *self, waldo_login *login)
{
	waldo_login_accept(login, self);
}

WALDO_API waldo_err
waldo_portal_allow_anonymous(waldo_portal *portal, const char *account)
{
	static const waldo_checker anybody = {
	    .size = sizeof(anybody), .needs = "", .check = accept_anybody};
	waldoi_checker *c;

	if (portal == NULL || portal->node == NULL || account == NULL) {
		return portal == NULL || account == NULL ? WALDO_EINVAL
		                                         : WALDO_ELOST;
	}
	c = append(portal, &anybody, NULL, account);
	if (c == NULL) {
		return waldoi_node_fail(portal->node, WALDO_ENOMEM,
		                        "out of memory");
	}
	c->self = c->account;
	return WALDO_OK;
}

/* ---- who is in */

/* Its facet has ended, in whatever way. */
static void
gone(void *user)
{
	waldoi_seat *seat = user;
	waldo_portal *portal = seat->portal;

	if (portal != NULL) {
		LIST_REMOVE(seat, entry);
	}
	if (seat->logout != NULL) {
		seat->logout(seat->user);
	}
	free(seat);
	if (portal != NULL) {
		waldoi_portal_release(portal);
	}
}

waldo_err
waldoi_seat_new(waldo_portal *portal, const char *account,
                waldo_ref *perspective, void (*logout)(void *user), void *user,
                waldo_ref **ret_facet)
{
	waldoi_seat *seat = malloc(sizeof(*seat) + strlen(account) + 1);
	waldo_facet_options options = {
	    .size = sizeof(options),
	    .perspective = perspective,
	    .gone = gone,
	    .user = seat,
	};
	waldo_err err;

	if (seat == NULL) {
		return WALDO_ENOMEM;
	}
	err = waldo_facet_new(perspective, &options, ret_facet);
	if (err == WALDO_OK &&
	    waldo_ref_get_state(*ret_facet) == WALDO_BROKEN) {
		err = waldo_ref_get_failure(*ret_facet)->code;
		waldo_ref_release(*ret_facet);
	}
	if (err != WALDO_OK) {
		free(seat);
		return err;
	}
	waldoi_facet_let_leave(*ret_facet);
	seat->facet = *ret_facet;
	seat->logout = logout;
	seat->user = user;
	strcpy(seat->account, account);
	seat->portal = portal;
	portal->count++;
	LIST_INSERT_HEAD(&portal->seats, seat, entry);
	return WALDO_OK;
}

static waldoi_seat *
find_seat(const waldo_portal *portal, const char *account)
{
	waldoi_seat *seat;

	LIST_FOREACH(seat, &portal->seats, entry) {
		if (strcmp(seat->account, account) == 0) {
			return seat;
		}
	}
	return NULL;
}

bool
waldoi_portal_has(const waldo_portal *portal, const char *account,
                  const waldo_login *but)
{
	for (const waldo_login *l = LIST_FIRST(&portal->logins); l != NULL;
	     l = waldoi_login_next(l)) {
		if (l != but && waldoi_login_is_entering(l, account)) {
			return true;
		}
	}
	return find_seat(portal, account) != NULL;
}

/* It leaves the list first: its end runs others' code. */
static void
take_back(waldoi_seat *seat)
{
	waldo_portal *portal = seat->portal;
	waldo_ref *facet = waldo_ref_retain(seat->facet);

	LIST_REMOVE(seat, entry);
	seat->portal = NULL;
	waldo_object_revoke(facet);
	waldo_ref_release(facet);
	waldoi_portal_release(portal);
}

size_t
waldoi_portal_expel(waldo_portal *portal, const char *account,
                    const waldo_login *but)
{
	waldoi_seat *seat;
	size_t count = 0;

	portal->count++;
	for (waldo_login *l = LIST_FIRST(&portal->logins); l != NULL;
	     l = waldoi_login_next(l)) {
		count += l != but && waldoi_login_expel(l, account);
	}
	while ((seat = find_seat(portal, account)) != NULL) {
		take_back(seat);
		count++;
	}
	waldoi_portal_release(portal);
	return count;
}

WALDO_API size_t
waldo_portal_logout(waldo_portal *portal, const char *account)
{
	return portal == NULL || account == NULL
	           ? 0
	           : waldoi_portal_expel(portal, account, NULL);
}
