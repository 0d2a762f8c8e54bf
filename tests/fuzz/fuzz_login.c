/* SPDX-License-Identifier: MIT */
/*
 * A portal with a few accounts, and a peer whose credentials are the fuzzer's.
 *
 * The first byte:
 *	bits 0-1  what happens to a second login
 *	bit 2     checkers and realm answer when an act says so
 *	bit 3     who is in may use more
 *	bit 4     the node goes before those answers are given
 *	bits 5-7  how many bytes are handed over at a time; 0: all
 * The rest is cut into acts: kind, u16be n, n bytes if the kind is below 240.
 * Kind 1 is a login with these bytes for its arguments, other kinds are frames.
 *
 * Whatever comes, a checker is asked with the credentials that it needs and no
 * others, the realm with an account that a checker named, and who was let in is
 * logged out exactly once.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/memory/peer.h"
#include "tests/memory/text.h"

#include <waldo/client.h>
#include <waldo/portal.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_HELD = 8 };

typedef struct seat {
	bool out;
	bool is_ann;
} seat;

static struct world {
	waldo_node *node;
	waldo_portal *portal;
	waldo_ref *gate;
	waldo_login *held[MAX_HELD];
	unsigned next_held;
	bool later, allows;
	int in, anns;    /* who are in; of those, ann */
	int avatars;     /* that live */
	long long calls; /* the peer's last call */
	long long login; /* of those, the last login */
} world;

static void
require(bool claim, const char *what)
{
	if (!claim) {
		(void) fprintf(stderr, "not so: %s\n", what);
		abort();
	}
}

/* ---- perspectives */

static void
avatar_name(void *self, waldo_call *call)
{
	(void) self;
	require(waldo_call_get_perspective(call) != NULL,
	        "a perspective is told");
	waldo_call_reply(call, "s", "avatar");
}

static void
avatar_destroy(void *self)
{
	(void) self;
	world.avatars--;
}

static const waldo_method avatar_methods[] = {{"name", avatar_name, NULL, 0},
                                              {0}};
static const waldo_class avatar_class = {WALDO_CLASS_SIZES, "Avatar",
                                         avatar_methods, avatar_destroy, NULL};

static void
logged_out(void *user)
{
	seat *s = user;

	require(!s->out, "nobody is logged out twice");
	s->out = true;
	world.in--;
	world.anns -= s->is_ann;
	free(s);
}

static void
admit(waldo_login *login)
{
	seat *s = calloc(1, sizeof(*s));
	waldo_ref *ref = NULL;

	if (s == NULL) {
		abort();
	}
	s->is_ann = strcmp(waldo_login_get_account(login), "ann") == 0;
	world.in++;
	world.anns += s->is_ann;
	require(world.allows || world.later || world.anns <= 1,
	        "one login of an account at a time");
	if (world.node != NULL) {
		require(waldo_object_new(world.node, &avatar_class, NULL,
		                         &ref) == WALDO_OK,
		        "there is memory");
		world.avatars++;
	}
	waldo_login_admit(login, ref, logged_out, s);
	waldo_ref_release(ref);
}

/* ---- checkers and realm, now or later */

static void
answer(waldo_login *login, size_t how)
{
	const char *account = waldo_login_get_account(login);
	const char *user = waldo_login_get(login, "user");
	bool good = user == NULL ||
	            strcmp(waldo_login_get(login, "password"), "sesame") == 0;

	if (account != NULL) {
		require(strcmp(account, "ann") == 0 ||
		            strcmp(account, "bot") == 0 ||
		            strcmp(account, "anybody") == 0,
		        "an account that a checker named");
	}
	if (how % 4 == 3) {
		waldo_login_postpone(login, "not now");
	} else if (account != NULL && how % 4 == 2) {
		waldo_login_refuse(login, "no");
	} else if (account != NULL) {
		admit(login);
	} else if (good && how % 4 == 0) {
		waldo_login_accept(login, user == NULL ? "bot" : "ann");
	} else {
		waldo_login_deny(login, user);
	}
}

static void
take(waldo_login *login)
{
	waldo_login **slot = &world.held[world.next_held++ % MAX_HELD];
	waldo_login *old = *slot;

	if (!world.later) {
		answer(login, 0);
		return;
	}
	*slot = login;
	if (old != NULL) {
		answer(old, 1);
	}
}

static void
check_password(void *self, waldo_login *login)
{
	const char *user = waldo_login_get(login, "user");
	const char *password = waldo_login_get(login, "password");

	(void) self;
	require(user != NULL && password != NULL &&
	            strlen(user) + strlen(password) <= 4096 &&
	            waldo_login_get(login, "token") == NULL,
	        "a checker gets what it needs");
	take(login);
}

static void
check_token(void *self, waldo_login *login)
{
	const char *token = waldo_login_get(login, "token");

	(void) self;
	require(token != NULL && waldo_login_get(login, "user") == NULL,
	        "a checker gets what it needs");
	if (strcmp(token, "open") == 0) {
		take(login);
	} else {
		waldo_login_deny(login, token);
	}
}

static void
realm(void *self, waldo_login *login)
{
	(void) self;
	(void) waldo_ref_notify(waldo_login_get_mind(login), "hello", "s",
	                        waldo_login_get_account(login));
	take(login);
}

static const waldo_checker checkers[] = {
    {.size = sizeof(waldo_checker),
     .needs = "user password",
     .check = check_password,
     .secret = true},
    {.size = sizeof(waldo_checker), .needs = "token", .check = check_token},
};

/* ---- acts */

static void
send_call(struct peer *peer, const char *head, const uint8_t *data, size_t len)
{
	uint8_t frame[5 + 128];
	size_t head_len = text_encode(head, frame + 5, sizeof(frame) - 5);
	size_t all = head_len + len + 1;

	require(head_len > 0, "a header is text");
	frame[0] = (uint8_t) (all >> 24);
	frame[1] = (uint8_t) (all >> 16);
	frame[2] = (uint8_t) (all >> 8);
	frame[3] = (uint8_t) all;
	frame[4] = 0;
	(void) peer_send_bytes(peer, frame, 5 + head_len);
	(void) peer_send_bytes(peer, data, len);
}

static void
send_login(struct peer *peer, const uint8_t *data, size_t len)
{
	char head[96];

	world.login = world.calls += 2;
	(void) snprintf(head, sizeof(head),
	                "[1,%lld,-2,'login',[[0,-1,nil]],{}]", world.login);
	send_call(peer, head, data, len);
}

/* On the perspective, also if it is not there yet. */
static void
send_method(struct peer *peer, const char *method)
{
	static const uint8_t none[] = {0x90};
	char head[96];

	world.calls += 2;
	(void) snprintf(head, sizeof(head), "[1,%lld,%lld,'%s',[],{}]",
	                world.calls, world.login, method);
	send_call(peer, head, none, sizeof(none));
}

/* DROP and CANCEL. */
static void
send_end(struct peer *peer, int op, const char *rest)
{
	char text[64];

	(void) snprintf(text, sizeof(text), "[%d,%lld%s]", op, world.login,
	                rest);
	(void) peer_send(peer, text);
}

static void
answer_held(size_t how)
{
	for (unsigned i = 0; i < MAX_HELD; i++) {
		waldo_login **slot =
		    &world.held[(world.next_held + i) % MAX_HELD];
		waldo_login *login = *slot;

		if (login != NULL) {
			*slot = NULL;
			answer(login, how);
			return;
		}
	}
}

static void
act(struct peer *peer, unsigned what, size_t n)
{
	switch (what % 16) {
	case 0: memory_advance(n * 1000); break;
	case 1: answer_held(n); break;
	case 2: (void) waldo_portal_logout(world.portal, "ann"); break;
	case 3:
		waldo_unpublish(world.node, "gate");
		waldo_ref_release(world.gate);
		world.gate = NULL;
		world.portal = NULL;
		break;
	case 4: send_method(peer, "name"); break;
	case 5: send_method(peer, ".logout"); break;
	case 6: send_end(peer, 4, ",1"); break;
	case 7: send_end(peer, 5, ""); break;
	default: peer_fini(peer); break;
	}
}

static void
feed_frame(struct peer *peer, unsigned kind, const uint8_t *data, size_t n)
{
	const uint8_t head[5] = {0, 0, (uint8_t) ((n + 1) >> 8),
	                         (uint8_t) (n + 1), (uint8_t) kind};

	if (n + 1 < 65536) {
		(void) peer_send_bytes(peer, head, sizeof(head));
		(void) peer_send_bytes(peer, data, n);
	}
}

static void
feed(struct peer *peer, const uint8_t *data, size_t len)
{
	while (len >= 3 && peer->raw != NULL) {
		unsigned what = data[0];
		size_t n = (size_t) data[1] << 8 | data[2];

		data += 3;
		len -= 3;
		if (what >= 240) {
			act(peer, what, n);
		} else {
			n = n < len ? n : len;
			if (what == 1) {
				send_login(peer, data, n);
			} else {
				feed_frame(peer, what, data, n);
			}
			data += n;
			len -= n;
		}
		require(memory_settle(), "work ends");
	}
}

/* ---- the world */

static void
open_world(struct peer *peer, unsigned flags)
{
	static const waldo_limits more = {.size = sizeof(more),
	                                  .open_calls = 200};
	const waldo_portal_options options = {
	    .size = sizeof(options),
	    .realm = realm,
	    .second = (waldo_second_login) ((flags & 3) % 3),
	    .limits = (flags & 8) != 0 ? &more : NULL};
	const waldo_limits few = {.size = sizeof(few), .open_calls = 64};
	const waldo_node_options node = {.size = sizeof(node), .limits = &few};

	world = (struct world){.later = (flags & 4) != 0,
	                       .allows = options.second == WALDO_SECOND_ALLOW,
	                       .calls = 1};
	if (memory_node_new(&node, &world.node) != WALDO_OK ||
	    waldo_portal_new(world.node, &options, &world.portal,
	                     &world.gate) != WALDO_OK ||
	    waldo_portal_add_checker(world.portal, &checkers[0], NULL) !=
	        WALDO_OK ||
	    waldo_portal_add_checker(world.portal, &checkers[1], NULL) !=
	        WALDO_OK ||
	    waldo_portal_allow_anonymous(world.portal, "anybody") != WALDO_OK ||
	    waldo_listen(world.node, "inproc:n", NULL) != WALDO_OK ||
	    waldo_publish(world.node, "gate", world.gate) != WALDO_OK ||
	    !peer_dial(peer, "n") ||
	    !peer_send(peer, "[1,1,0,'fetch',[],{}] ['gate']")) {
		abort();
	}
	require(memory_settle(), "work ends");
}

static void
free_node(void)
{
	waldo_ref_release(world.gate);
	waldo_node_free(world.node);
	world.gate = NULL;
	world.node = NULL;
}

/* The realm may be asked by what a checker said. */
static void
answer_all(void)
{
	for (int i = 0; i < 2 * MAX_HELD; i++) {
		answer_held(0);
		require(memory_settle(), "work ends");
	}
}

static void
close_world(struct peer *peer, bool node_first)
{
	peer_fini(peer);
	require(memory_settle(), "work ends");
	if (node_first) {
		free_node();
	}
	answer_all();
	require(world.in == 0, "all are logged out");
	require(world.avatars == 0, "no perspective is left");
	if (!node_first) {
		free_node();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct peer peer;

	if (len == 0) {
		return 0;
	}
	open_world(&peer, data[0]);
	memory_set_chunk(data[0] >> 5);
	feed(&peer, data + 1, len - 1);
	memory_set_chunk(0);
	close_world(&peer, (data[0] & 16) != 0);
	return 0;
}
