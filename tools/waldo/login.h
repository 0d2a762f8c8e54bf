/* SPDX-License-Identifier: MIT */
/* login.h - logging in at a portal, for waldo call */
#ifndef LOGIN_H
#define LOGIN_H

#include "secret.h"

struct login {
	const char *user; /* with our key, or a password if we have none */
	const char *token_file; /* or with this; both NULL: not at all */
	bool by_key;
	char secret[SECRET_MAX];
	waldo_promise *promise; /* of the perspective */
};

bool login_is_wanted(const struct login *login);

/* Gets the secret, unless the way to `uri` leaves the machine in clear; who has
 * a key needs none. A status, after a complaint unless STATUS_OK. */
int login_prepare(struct login *login, const struct peer *peer);

/* Sends it to the portal that `peer` has, and forgets it. */
void login_send(struct login *login, const struct peer *peer);

void login_clear(struct login *login);

#endif
