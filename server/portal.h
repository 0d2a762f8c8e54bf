/* SPDX-License-Identifier: MIT */
/*
 * server/portal.h - the inside of a portal and of a login
 *
 * A portal outlives its object while somebody is on the way in or is in. One
 * who is in has a seat, which is remembered by the facet that he holds and ends
 * with it.
 */
#ifndef WALDOI_PORTAL_H
#define WALDOI_PORTAL_H

#include "broker/runqueue.h"
#include <waldo/portal.h>

#define WALDOI_CREDENTIALS      8
#define WALDOI_CREDENTIAL_NAMES 256  /* bytes of all names */
#define WALDOI_CREDENTIAL_TEXTS 4096 /* bytes of all texts */

typedef struct waldoi_checker {
	TAILQ_ENTRY(waldoi_checker) entry;
	const waldo_checker *checker;
	void *self;
	char account[]; /* of the one for anonymous clients */
} waldoi_checker;

typedef struct waldoi_seat {
	LIST_ENTRY(waldoi_seat) entry;
	waldo_portal *portal; /* counted; NULL: it is not listed any more */
	waldo_ref *facet;     /* not counted */
	void (*logout)(void *user);
	void *user;
	char account[];
} waldoi_seat;

struct waldo_portal {
	size_t count;
	waldo_node *node; /* NULL: the object is gone */
	waldo_realm_fn *realm;
	void *self;
	waldo_second_login second;
	bool raises;
	waldo_limits limits;
	int64_t said_since; /* the second of the log lines that are counted */
	uint32_t said;
	TAILQ_HEAD(, waldoi_checker) checkers;
	LIST_HEAD(, waldoi_seat) seats;
	LIST_HEAD(, waldo_login) logins; /* that are not answered */
};

typedef struct waldoi_credential {
	const char *name, *text;
} waldoi_credential;

typedef struct waldoi_credentials {
	size_t count;
	waldoi_credential items[WALDOI_CREDENTIALS];
} waldoi_credentials;

/* Whether the names are exactly those that `needs` has. */
bool waldoi_credentials_fit(const waldoi_credentials *credentials,
                            const char *needs);

/* In clear to another machine. The peers of all other links are on this one, or
 * the link is encrypted. */
bool waldoi_peer_is_exposed(const waldo_peer *peer);

/* Begins a login: `call` is kept, what it brought is copied. */
void waldoi_login_begin(waldo_portal *portal, waldo_call *call,
                        const waldoi_credentials *credentials, waldo_ref *mind);

void waldoi_portal_release(waldo_portal *portal);

/* With the last login of a portal whose object is gone the checkers go. */
void waldoi_portal_look(waldo_portal *portal);

/* Whether `account` is in, or on its way at the realm in another login. */
bool waldoi_portal_has(const waldo_portal *portal, const char *account,
                       const waldo_login *but);

/* Logs all out who are `account`, but for that login. */
size_t waldoi_portal_expel(waldo_portal *portal, const char *account,
                           const waldo_login *but);

/* The same login's share of it: true if it was at the realm as `account`. */
bool waldoi_login_is_entering(const waldo_login *login, const char *account);
bool waldoi_login_expel(waldo_login *login, const char *account);
waldo_login *waldoi_login_next(const waldo_login *login);

/* Gives `perspective` a seat, and a facet to be told to the client. */
waldo_err waldoi_seat_new(waldo_portal *portal, const char *account,
                          waldo_ref *perspective, void (*logout)(void *user),
                          void *user, waldo_ref **ret_facet) WALDO_MUST_CHECK;

#endif
