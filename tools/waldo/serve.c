/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include "demo.h"
#include "psk.h"
#include "store.h"
#include "tool.h"

#define DEFAULT_ADDRESS "tcp:127.0.0.1:0"

/* What calls that run may take to finish, once we are told to stop. */
#define GRACE_MS 5000

/* What there is beside the objects of the demonstration; NULL: it is not. */
struct files {
	const char *store, *accounts;
	struct psks psks;
	bool needs_psk;
};

struct addresses {
	const char **items;
	waldo_listener **listeners; /* at each; the node closes them */
	size_t count;
};

static bool
add_address(const char *text, void *target)
{
	struct addresses *addresses = target;

	addresses->items[addresses->count++] = text;
	return true;
}

static void
log_line(waldo_log_level level, const char *line, void *user)
{
	(void) user;
	if (level <= WALDO_LOG_INFO) {
		complain(STATUS_OK, "%s", line);
	}
}

static int
print_names(const char *uri, const struct files *files)
{
	size_t i;

	for (i = 0; demo_names[i] != NULL; i++) {
		printf("publish %s %s/%s\n", demo_names[i], uri, demo_names[i]);
	}
	if (files->accounts != NULL) {
		printf("publish gate %s/gate\n", uri);
	}
	return flush_output(STATUS_OK);
}

/* At all of them or none: what is printed can be connected to. */
static int
listen_at(waldo_node *node, struct addresses *addresses,
          const struct files *files)
{
	waldo_err err = WALDO_OK;
	int status = STATUS_OK;
	size_t i;

	for (i = 0; i < addresses->count && err == WALDO_OK; i++) {
		err = waldo_listen(node, addresses->items[i],
		                   &addresses->listeners[i]);
	}
	if (err != WALDO_OK) {
		return complain_err(err, node);
	}
	for (i = 0; i < addresses->count && status == STATUS_OK; i++) {
		status = print_names(
		    waldo_listener_get_uri(addresses->listeners[i]), files);
	}
	return status;
}

/* The node closes it. */
static waldo_err
open_store(struct demo *demo, const char *path)
{
	waldo_grants *grants = NULL;
	waldo_ref *factory = NULL;
	waldo_err err = waldo_grants_open(demo->node, path, &grants);

	if (err == WALDO_OK) {
		err = waldo_set_finder(demo->node,
		                       waldo_grants_get_finder(grants));
	}
	if (err == WALDO_OK) {
		err = demo_restore_new(demo, &factory);
	}
	if (err == WALDO_OK) {
		err = waldo_grants_set_factory(grants, "counter", factory);
	}
	waldo_ref_release(factory);
	return err;
}

static bool
needs_key(const struct addresses *addresses)
{
	for (size_t i = 0; i < addresses->count; i++) {
		if (strncmp(addresses->items[i], "tcp:", 4) == 0) {
			return true;
		}
	}
	return false;
}

/* The key at `path`; NULL: at the usual place, if one is needed. */
static int
load_key(const struct addresses *addresses, const char *path,
         waldo_key **ret_key)
{
	char *usual = NULL;
	waldo_err err;

	if (path == NULL) {
		if (!needs_key(addresses)) {
			return STATUS_OK;
		}
		path = usual = state_path("key", true);
		if (path == NULL) {
			return STATUS_LOST;
		}
	}
	err = waldo_key_load(path, ret_key);
	free(usual);
	return err == WALDO_OK ? STATUS_OK : complain_err(err, NULL);
}

static int
serve(struct peer *peer, struct demo *demo, struct addresses *addresses,
      waldo_key *key, const struct files *files, uint32_t grace_ms)
{
	waldo_node_options options = {
	    .size = sizeof(options), .key = key, .log = log_line};
	waldo_err err = waldo_node_new(&options, &peer->node);
	int status;

	if (err == WALDO_OK) {
		demo->node = peer->node;
		err = demo_publish(demo);
	}
	if (err == WALDO_OK && files->store != NULL) {
		err = open_store(demo, files->store);
	}
	if (err == WALDO_OK && files->accounts != NULL) {
		err = demo_gate_publish(demo, files->accounts);
	}
	if (err != WALDO_OK) {
		return complain_err(err, peer->node);
	}
	status = psks_give(&files->psks, peer->node, files->needs_psk);
	if (status != STATUS_OK) {
		return status;
	}
	stop_on_signal(peer->node, grace_ms);
	dump_on_signal(peer->node);
	status = listen_at(peer->node, addresses, files);
	if (status != STATUS_OK) {
		return status;
	}
	puts("ready");
	status = flush_output(STATUS_OK);
	if (status != STATUS_OK) {
		return status; /* for whoever waits for that line */
	}
	err = waldo_node_run(peer->node);
	return err == WALDO_OK ? STATUS_OK : complain_err(err, peer->node);
}

static int
run(const struct command *command, int argc, char **argv)
{
	struct addresses addresses = {0};
	struct demo demo = {0};
	struct peer peer = {0};
	bool is_demo = false;
	struct files files = {0};
	const char *key_file = NULL;
	waldo_key *key = NULL;
	uint32_t grace_ms = GRACE_MS;
	const struct option options[] = {
	    {0, "demo", NULL, NULL, &is_demo},
	    {'l', "listen", "an address", add_address, &addresses},
	    {'k', "key", "a file", option_text, &key_file},
	    {0, "store", "a file", option_text, &files.store},
	    {0, "accounts", "a file", option_text, &files.accounts},
	    {0, "psk-file", WANTS_PSK, option_psk, &files.psks},
	    {0, "psk-only", NULL, NULL, &files.needs_psk},
	    {'g', "grace", "seconds, like 2.5, up to 4294967", option_grace,
	     &grace_ms},
	    {0},
	};
	int status = STATUS_OK;

	addresses.items = calloc((size_t) argc + 1, sizeof(*addresses.items));
	addresses.listeners =
	    calloc((size_t) argc + 1, sizeof(*addresses.listeners));
	if (addresses.items == NULL || addresses.listeners == NULL) {
		free(addresses.items);
		free(addresses.listeners);
		return complain(STATUS_LOST, "out of memory");
	}
	if (take_options(command, options, &argc, argv, &status)) {
		if (argc > 0) {
			status = complain_usage(
			    command->name, "'%s' is not expected", argv[0]);
		} else if (!is_demo) {
			status = complain_usage(command->name,
			                        "--demo says what to publish, "
			                        "and is missing");
		} else if (files.needs_psk && files.psks.count == 0) {
			status =
			    complain_usage(command->name, "--psk-only wants a "
			                                  "--psk-file");
		} else {
			if (addresses.count == 0) {
				add_address(DEFAULT_ADDRESS, &addresses);
			}
			status = load_key(&addresses, key_file, &key);
			if (status == STATUS_OK) {
				status = serve(&peer, &demo, &addresses, key,
				               &files, grace_ms);
			}
			dump_no_more();
			peer_close(&peer);
			waldo_key_release(key);
		}
	}
	free(addresses.items);
	free(addresses.listeners);
	return status;
}

static const char help[] =
    "usage: waldo serve --demo [OPTION]...\n"
    "\n"
    "Publishes the demonstration objects, prints 'publish NAME URI' for each\n"
    "name and address, then 'ready', and serves until SIGINT or SIGTERM.\n"
    "SIGUSR1 has it tell on stderr who holds what: its sessions, what each\n"
    "refers to, and the calls that are open.\n"
    "\n"
    "      --demo            publish the objects below\n"
    "  -l, --listen ADDRESS  accept there; may be repeated\n"
    "        tcp:127.0.0.1:0            encrypted; port 0 is one that is "
    "free;\n"
    "                                   what you get if you ask for none\n"
    "        tcp-insecure:127.0.0.1:0   clear text\n"
    "        unix:/run/x                a Unix socket\n"
    "  -k, --key FILE        who we are, behind tcp:; made if it is not "
    "there.\n"
    "                        Else waldo/key in $XDG_STATE_HOME or\n"
    "                        ~/.local/state\n"
    "      --psk-file SLOT:FILE  the secret of a cluster, of waldo key "
    "secret:\n"
    "                        clients may say ?psk=SLOT; may be repeated\n"
    "      --psk-only        whoever dials tcp: without one is refused\n"
    "      --store FILE      restore what waldo grant FILE counter NAME has\n"
    "                        granted: a counter for each name\n"
    "      --accounts FILE   publish gate, too, where the accounts of waldo "
    "user\n"
    "                        FILE log in: waldo call --login\n"
    "  -g, --grace SECONDS   what calls that run then may take to finish, 5 "
    "by\n"
    "                        default; a second signal ends it\n"
    "\n"
    "  echo     echo(...) returns its arguments; sleep(ms) answers after that\n"
    "           time; fail(type, message) answers with that error\n"
    "  counter  add(n) and get() return the total; watch(observer) has\n"
    "           observer.changed(total) called from then on and returns a\n"
    "           subscription with cancel()\n"
    "  factory  make(label) returns a new object with label(), rename(label)\n"
    "           and same(ref); count() tells how many of them live\n"
    "  clock    now(); cancelled() tells how many deferred calls were given "
    "up\n"
    "           by their callers\n"
    "  relay    call(target, method, ...) returns what target.method(...)\n"
    "           does; keep(target) holds it, kept() returns it\n"
    "  gate     login(credentials, mind) returns a greeter with greet() and\n"
    "           whoami()\n";

const struct command serve_command = {
    "serve",
    run,
    "publish the demonstration objects",
    help,
};
