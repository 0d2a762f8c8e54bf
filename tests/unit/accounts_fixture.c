/* SPDX-License-Identifier: MIT */
#include "tests/unit/accounts_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const waldoi_verify_cost cheap = {crypto_pwhash_OPSLIMIT_MIN,
                                  crypto_pwhash_MEMLIMIT_MIN};
const waldoi_verify_cost dear = {2, 16 * 1024 * 1024};

/* ---- a realm whose perspectives tell their names */

static void
name(void *self, waldo_call *call)
{
	waldo_call_reply(call, "s", self);
}

static const waldo_method methods[] = {{"name", name, NULL, 0}, {0}};
static const waldo_class avatar_class = {WALDO_CLASS_SIZES, "Avatar", methods,
                                         free, NULL};

static void
realm(void *self, waldo_login *login)
{
	fixture *f = self;
	waldo_ref *ref = NULL;

	if (waldo_object_new(f->server, &avatar_class,
	                     strdup(waldo_login_get_account(login)),
	                     &ref) != WALDO_OK) {
		abort();
	}
	waldo_login_admit(login, ref, NULL, NULL);
	waldo_ref_release(ref);
}

static void
keep_line(waldo_log_level level, const char *line, void *user)
{
	fixture *f = user;

	(void) level;
	snprintf(f->log, sizeof(f->log), "%s", line);
}

/* ---- two nodes of one thread, the link between them encrypted */

int
open_server(fixture *f)
{
	waldo_node_options options = {
	    .size = sizeof(options), .log = keep_line, .log_user = f};
	waldo_portal_options portal = {
	    .size = sizeof(portal), .realm = realm, .self = f};
	waldo_listener *listener = NULL;

	if (waldo_node_new(&options, &f->server) != WALDO_OK ||
	    waldo_accounts_open(f->server, f->path, &f->accounts) != WALDO_OK ||
	    waldoi_accounts_tune(f->accounts, cheap, 1000000, NULL) !=
	        WALDO_OK ||
	    waldo_portal_new(f->server, &portal, &f->portal, &f->portal_ref) !=
	        WALDO_OK ||
	    waldo_portal_add_accounts(f->portal, f->accounts) != WALDO_OK ||
	    waldo_publish(f->server, "gate", f->portal_ref) != WALDO_OK ||
	    waldo_listen(f->server, "tcp:127.0.0.1:0", &listener) != WALDO_OK) {
		return -1;
	}
	snprintf(f->uri, sizeof(f->uri), "%s/gate",
	         waldo_listener_get_uri(listener));
	return 0;
}

int
open_client(fixture *f)
{
	waldo_node_options options = {.size = sizeof(options), .key = f->key};

	return waldo_node_new(&options, &f->client) == WALDO_OK &&
	               waldo_connect(f->client, f->uri, &f->gate) == WALDO_OK
	           ? 0
	           : -1;
}

int
accounts_setup(void **state)
{
	fixture *f = calloc(1, sizeof(*f));

	*state = f;
	strcpy(f->folder, "/tmp/waldo-accounts-XXXXXX");
	if (mkdtemp(f->folder) == NULL) {
		return -1;
	}
	snprintf(f->path, sizeof(f->path), "%s/store", f->folder);
	if (waldo_key_new(&f->key) != WALDO_OK || open_server(f) != 0 ||
	    open_client(f) != 0 ||
	    waldo_account_add(f->accounts, "ann") != WALDO_OK ||
	    waldo_account_set_password(f->accounts, "ann", "sesame") !=
	        WALDO_OK) {
		return -1;
	}
	return 0;
}

void
close_client(fixture *f)
{
	waldo_ref_release(f->gate);
	waldo_node_free(f->client);
	f->gate = NULL;
	f->client = NULL;
}

void
close_server(fixture *f)
{
	waldo_ref_release(f->portal_ref);
	waldo_node_free(f->server);
	f->portal_ref = NULL;
	f->server = NULL;
	f->accounts = NULL;
}

int
accounts_teardown(void **state)
{
	fixture *f = *state;
	char command[64];

	close_client(f);
	close_server(f);
	waldo_key_release(f->key);
	snprintf(command, sizeof(command), "rm -rf %s", f->folder);
	free(f);
	return system(command) == 0 ? 0 : -1;
}

/* ---- logging in */

static void
answered(waldo_reader *result, const waldo_failure *failure, void *user)
{
	answer *a = user;

	a->count++;
	if (failure != NULL) {
		snprintf(a->text, sizeof(a->text), "%s: %s", failure->type,
		         failure->message);
	} else {
		snprintf(a->text, sizeof(a->text), "%s",
		         waldo_read_str(result, NULL));
	}
}

void
turn(fixture *f)
{
	assert_ok(waldo_node_step(f->client, 1));
	assert_ok(waldo_node_step(f->server, 1));
}

void
await(fixture *f, const answer *a)
{
	time_t end = time(NULL) + 20;

	while (a->count == 0) {
		assert_true(time(NULL) < end);
		turn(f);
	}
}

void
ask(waldo_promise *login, answer *a)
{
	*a = (answer){0};
	assert_ok(waldo_promise_when(
	    waldo_ref_invoke(waldo_promise_get_ref(login), "name", ""),
	    answered, a));
	waldo_promise_release(login);
}

const char *
outcome(fixture *f, waldo_promise *login)
{
	static answer a;

	ask(login, &a);
	await(f, &a);
	return a.text;
}

waldo_promise *
send_password(fixture *f, const char *user, const char *password)
{
	return waldo_ref_invoke(f->gate, "login", "{ssss}n", "user", user,
	                        "password", password);
}

const char *
by_password(fixture *f, const char *user, const char *password)
{
	return outcome(f, send_password(f, user, password));
}

const char *
by_text(fixture *f, const char *kind, const char *text)
{
	return outcome(f,
	               waldo_ref_invoke(f->gate, "login", "{ss}n", kind, text));
}
