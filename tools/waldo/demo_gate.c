/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <waldo/accounts.h>
#include "demo.h"

/* Each who logs in has a greeter of his own, which is called by his name. */

static void
greeter_whoami(void *self, waldo_call *call)
{
	if (waldo_call_check(call)) {
		waldo_call_reply(call, "s", self);
	}
}

static void
greeter_greet(void *self, waldo_call *call)
{
	const char *name = self;

	if (waldo_call_check(call)) {
		char text[100];

		(void) snprintf(text, sizeof(text), "hello, %s", name);
		waldo_call_reply(call, "s", text);
	}
}

static const waldo_method greeter_methods[] = {
    {"greet", greeter_greet, "() -> string", WALDO_READONLY},
    {"whoami", greeter_whoami, "() -> string", WALDO_READONLY},
    {0},
};

static const waldo_class greeter_class = {
    WALDO_CLASS_SIZES, "Greeter", greeter_methods, free, NULL,
};

static void
realm(void *self, waldo_login *login)
{
	struct demo *demo = self;
	char *name = strdup(waldo_login_get_account(login));
	waldo_ref *greeter = NULL;

	if (name == NULL || waldo_object_new(demo->node, &greeter_class, name,
	                                     &greeter) != WALDO_OK) {
		free(name);
		waldo_login_postpone(login, "out of memory");
		return;
	}
	waldo_login_admit(login, greeter, NULL, NULL);
	waldo_ref_release(greeter);
}

waldo_err
demo_gate_publish(struct demo *demo, const char *path)
{
	waldo_portal_options options = {
	    .size = sizeof(options),
	    .realm = realm,
	    .self = demo,
	};
	waldo_accounts *accounts = NULL;
	waldo_portal *portal = NULL;
	waldo_ref *gate = NULL;
	waldo_err err = waldo_accounts_open(demo->node, path, &accounts);

	if (err == WALDO_OK) {
		err = waldo_portal_new(demo->node, &options, &portal, &gate);
	}
	if (err == WALDO_OK) {
		err = waldo_portal_add_accounts(portal, accounts);
	}
	if (err == WALDO_OK) {
		err = waldo_publish(demo->node, "gate", gate);
	}
	waldo_ref_release(gate);
	waldo_accounts_close(accounts); /* the portal keeps it */
	return err;
}
