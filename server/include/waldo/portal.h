/* SPDX-License-Identifier: MIT */
/*
 * waldo/portal.h - logging in
 *
 * A portal is an object with one method:
 *
 *	login(credentials: map, mind: ref | nil) -> ref
 *
 * `credentials` are texts by their names, `mind` the client's own object, for
 * the server to call. The portal's checkers, in order, make an account of the
 * credentials; the realm, yours, makes a perspective of the account: the
 * object that this client reaches. The answer can be pipelined on, so that
 * login and the first call cost one flight:
 *
 *	const waldo_options secret = {.size = sizeof(secret),
 *	                              .flags = WALDO_CONFIDENTIAL};
 *
 *	request = waldo_request_new(gate, "login", &secret);
 *	waldo_putf(waldo_request_get_args(request), "{ssss}", "user", name,
 *	           "password", password);
 *	login = waldo_request_send(request);
 *	look = waldo_ref_invoke(waldo_promise_get_ref(login), "look", "");
 *
 * WALDO_CONFIDENTIAL because a password that has left is known to whoever was
 * reached: it goes to a key that was known before, or not at all.
 *
 * Whatever was wrong with credentials, the client is told the same:
 * WALDO_EDENIED, "login failed"; the log says more. Credentials for which there
 * is no checker are WALDO_EDENIED, too, and the answer tells what there is; a
 * client sends at most 8, with 256 bytes of names and 4 KiB of texts
 * (WALDO_ELIMIT). The word is Twisted's.
 *
 * What a client gets is a facet (<waldo/facet.h>) of its own: it can be passed
 * on, waldo_call_get_perspective() tells it to the methods that are called
 * through it, and it has the library's method `.logout()`, which ends it.
 */
#ifndef WALDO_PORTAL_H
#define WALDO_PORTAL_H

#include <waldo/facet.h>
#include <waldo/server.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct waldo_portal waldo_portal;

/* One attempt to log in. It is the library's; handed to a checker or to the
 * realm it must be answered exactly once by it, now or later. */
typedef struct waldo_login waldo_login;

/* A credential's text, NULL if it is not among them; until it is answered. */
const char *waldo_login_get(const waldo_login *login, const char *name);
/* Who asks, as its link has proved it, also if that is gone by now; never
 * NULL. */
const waldo_peer *waldo_login_get_peer(const waldo_login *login);
/* The client's own object, borrowed; NULL if it brought none. Retain it if you
 * will call it later: it breaks when the client is lost. */
waldo_ref *waldo_login_get_mind(const waldo_login *login);
/* What the checker said; NULL before. */
const char *waldo_login_get_account(const waldo_login *login);

/* ---- checkers */

typedef void waldo_check_fn(void *self, waldo_login *login);

typedef struct waldo_checker {
	size_t size;       /* sizeof(waldo_checker) */
	const char *needs; /* names of credentials, with blanks between; it is
	                    * asked when the client sent exactly these */
	waldo_check_fn *check;
	void (*destroy)(void *self); /* with the portal; NULL: `self` stays
	                              * the caller's */
	bool secret; /* credentials that it would be asked for are refused if
	              * they came over a link that leaves this machine in
	              * clear, before anybody looks at them */
} waldo_checker;

/* The credentials are `account`'s (copied). */
void waldo_login_accept(waldo_login *login, const char *account);
/* They are nobody's; the next checker that fits is asked. `why` is for the
 * log. */
void waldo_login_deny(waldo_login *login, const char *why);
/* Not now, whoever it is: WALDO_ELIMIT with `why`, told to the client. No other
 * checker is asked. The realm may say so, too. */
void waldo_login_postpone(waldo_login *login, const char *why);

/* ---- the realm */

/* Makes the perspective of waldo_login_get_account(), then answers. It is not
 * asked for a client that is lost already. */
typedef void waldo_realm_fn(void *self, waldo_login *login);

/*
 * Lets the client in: `perspective` (borrowed) is what it gets, behind a facet
 * of its own. `logout` (may be NULL) runs exactly once, when nobody holds that
 * any more (the client has released it or was lost, or the answer never reached
 * it), when its `.logout` was called, in waldo_portal_logout() and when the node
 * is freed; not before this has returned, unless the node is gone. It is a
 * callback as `destroy` is. A perspective for which the client was lost
 * meanwhile is told to nobody.
 */
void waldo_login_admit(waldo_login *login, waldo_ref *perspective,
                       void (*logout)(void *user), void *user);
/* Does not, though it is who it says: WALDO_EDENIED with `why`, told to the
 * client. */
void waldo_login_refuse(waldo_login *login, const char *why);

typedef enum waldo_second_login {
	WALDO_SECOND_ALLOW = 0,   /* each has a perspective of its own */
	WALDO_SECOND_REPLACE = 1, /* the first is logged out before the realm
	                           * is asked; its perspective is revoked. One
	                           * that the realm still thinks about fails */
	WALDO_SECOND_REFUSE = 2   /* WALDO_EDENIED, until the first has gone */
} waldo_second_login;

typedef struct waldo_portal_options {
	size_t size; /* sizeof(waldo_portal_options) */
	waldo_realm_fn *realm;
	void *self;
	waldo_second_login second;
	/* What a client may use from its login on, as for
	 * waldo_call_raise_limits(): it is told together with the answer. NULL:
	 * as before. Copied. */
	const waldo_limits *limits;
} waldo_portal_options;

/* Makes a portal, and in `*ret_ref` a reference to it, for you to publish;
 * the portal lives as long as that, as any object. Those who are in stay in.
 * WALDO_EINVAL: a size, a limit, or there is no realm. */
waldo_err waldo_portal_new(waldo_node *node,
                           const waldo_portal_options *options,
                           waldo_portal **ret_portal, waldo_ref **ret_ref)
    WALDO_MUST_CHECK;

/* Behind those that are there. `checker` is static, `self` is taken on
 * success. WALDO_EINVAL: a size, no function, or more than 8 names. */
waldo_err waldo_portal_add_checker(waldo_portal *portal,
                                   const waldo_checker *checker, void *self)
    WALDO_MUST_CHECK;

/* Everybody who asks with no credentials at all becomes `account`. */
waldo_err waldo_portal_allow_anonymous(waldo_portal *portal,
                                       const char *account) WALDO_MUST_CHECK;

/* Logs `account` out wherever it is in: its perspectives are revoked. Returns
 * how many there were. */
size_t waldo_portal_logout(waldo_portal *portal, const char *account);

#ifdef __cplusplus
}
#endif
#endif
