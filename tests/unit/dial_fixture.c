/* SPDX-License-Identifier: MIT */
#include "tests/unit/dial_fixture.h"

#include <stdio.h>

struct asked asked;
waldo_key *host_key;

static void
ask(waldo_trust *question, void *user)
{
	(void) user;
	asked.count++;
	(void) snprintf(asked.host, sizeof(asked.host), "%s",
	                waldo_trust_get_host(question));
	memcpy(asked.key, waldo_trust_get_key(question), sizeof(asked.key));
	if (asked.then == ACCEPT) {
		waldo_trust_accept(question);
	} else if (asked.then == REFUSE) {
		waldo_trust_refuse(question);
	} else {
		asked.question = question;
	}
}

waldo_key *
key_new(void)
{
	waldo_key *key = NULL;

	assert_ok(waldo_key_new(&key));
	return key;
}

waldo_node *
keyed_node(waldo_key *key, bool remembers)
{
	waldo_node_options options = {.size = sizeof(options), .key = key};
	waldo_node *node = NULL;

	if (remembers) {
		options.known_hosts = "known";
		options.trust = ask;
	}
	assert_ok(memory_node_new(&options, &node));
	waldo_key_release(key);
	return node;
}

struct service *
serve(struct fixture *f, waldo_node *node, const char *name)
{
	waldo_ref *ref = NULL;
	struct service *service = service_new(f, node, &ref);
	char address[64];

	(void) snprintf(address, sizeof(address), "tcp:%s:1", name);
	assert_ok(waldo_listen(node, address, NULL));
	assert_ok(waldo_publish(node, "gate", ref));
	waldo_ref_release(ref);
	return service;
}

int
dial_setup(void **state)
{
	struct fixture *f;

	wire = transport_find("secure");
	asked = (struct asked){.then = LATER};
	if (setup_nothing(state) != 0) {
		return -1;
	}
	f = *state;
	host_key = key_new();
	f->server = keyed_node(host_key, false);
	f->client = keyed_node(NULL, true);
	f->service = serve(f, f->server, "host");
	return 0;
}

const char *
uri_of(const waldo_key *key, const char *places)
{
	static char uri[4][512];
	static unsigned next;
	char text[WALDO_KEY_TEXT] = "";
	char *to = uri[next++ % 4];

	if (key != NULL) {
		waldo_key_format(waldo_key_get_public(key), text);
	}
	(void) snprintf(to, sizeof(uri[0]), "waldo://%s@%s/gate", text, places);
	return to;
}

struct outcome *
reach(struct fixture *f, waldo_node *node, const char *uri)
{
	waldo_ref *ref = NULL;
	struct outcome *outcome;

	assert_ok(waldo_connect(node, uri, &ref));
	outcome = outcome_of(f, waldo_ref_invoke(ref, "add", "i", 1));
	waldo_ref_release(ref);
	return outcome;
}

size_t
count_sessions(const waldo_node *node)
{
	waldoi_counts counts;

	waldoi_node_count(node, &counts);
	return counts.sessions;
}
