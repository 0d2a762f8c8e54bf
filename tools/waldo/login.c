/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <strings.h>
#include "login.h"

bool
login_is_wanted(const struct login *login)
{
	return login->user != NULL || login->token_file != NULL;
}

/* Known before anybody is asked for a password. */
static bool
leaves_in_clear(const char *uri)
{
	static const char clear[] = "waldo+tcp-insecure://";

	return strncasecmp(uri, clear, sizeof(clear) - 1) == 0;
}

int
login_prepare(struct login *login, const struct peer *peer)
{
	const char *uri = peer->uri;

	if (!login_is_wanted(login)) {
		return STATUS_OK;
	}
	if (login->user != NULL && login->token_file != NULL) {
		return complain_usage("call",
		                      "--login and --token-file are two ways, "
		                      "of which one is enough");
	}
	login->by_key = login->user != NULL && peer->key_file != NULL;
	if (login->by_key) {
		return strncasecmp(uri, "waldo:", 6) == 0
		           ? STATUS_OK
		           : complain(STATUS_USAGE,
		                      "%s: only an encrypted link, "
		                      "waldo://KEY@..., proves a key",
		                      uri);
	}
	if (leaves_in_clear(uri)) {
		return complain(STATUS_USAGE,
		                "%s: a secret is not sent in clear; "
		                "waldo://KEY@... is encrypted",
		                uri);
	}
	return login->user != NULL
	           ? secret_ask("Password", login->secret)
	           : secret_load(login->token_file, login->secret);
}

void
login_send(struct login *login, const struct peer *peer)
{
	waldo_options options = {
	    .size = sizeof(options),
	    .timeout_ms = peer->timeout_ms,
	    .flags = login->by_key ? 0 : WALDO_CONFIDENTIAL,
	};
	waldo_request *request =
	    waldo_request_new(peer->ref, "login", &options);
	waldo_writer *args = waldo_request_get_args(request);

	if (login->by_key) {
		waldo_putf(args, "{ss}n", "key", login->user);
	} else if (login->user != NULL) {
		waldo_putf(args, "{ssss}n", "user", login->user, "password",
		           login->secret);
	} else {
		waldo_putf(args, "{ss}n", "token", login->secret);
	}
	login->promise = waldo_request_send(request);
	secret_wipe(login->secret);
}

void
login_clear(struct login *login)
{
	secret_wipe(login->secret);
	waldo_promise_release(login->promise);
	login->promise = NULL;
}
