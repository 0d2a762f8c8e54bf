/* SPDX-License-Identifier: MIT */
/* chat_server [ADDRESS]: a room; members hand in a reference to themselves,
 * and hear from it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <waldo.h>

struct member {
	TAILQ_ENTRY(member) entry;
	struct room *room;
	waldo_ref *who;
	waldo_watch *gone;
	char nick[32];
};

struct room {
	TAILQ_HEAD(, member) members;
};

static void
tell(struct room *room, const char *from, const char *text)
{
	struct member *m;

	TAILQ_FOREACH(m, &room->members, entry) {
		/* A member who does not read fast enough misses lines. */
		(void) waldo_ref_notify(m->who, "heard", "ss", from, text);
	}
}

/* More than once does no harm. */
static void
member_leave(struct member *m)
{
	struct room *room = m->room;

	waldo_watch_stop(m->gone);
	waldo_ref_release(m->who);
	m->gone = NULL;
	m->who = NULL;
	m->room = NULL;
	if (room != NULL) {
		TAILQ_REMOVE(&room->members, m, entry);
		tell(room, m->nick, "has gone");
	}
}

static void
on_member(waldo_ref *who, waldo_state state, void *user)
{
	(void) who;
	if (state == WALDO_BROKEN) {
		member_leave(user);
	}
}

static void
seat_say(void *self, waldo_call *call)
{
	struct member *m = self;
	const char *text = waldo_read_str(waldo_call_get_args(call), NULL);

	if (!waldo_call_check(call)) {
		return;
	}
	if (m->room == NULL) {
		waldo_call_fail(call, "chat.Left", "%s has left the room",
		                m->nick);
		return;
	}
	tell(m->room, m->nick, text);
	waldo_call_reply(call, "");
}

static void
seat_destroy(void *self)
{
	member_leave(self);
	free(self);
}

static const waldo_method seat_methods[] = {
    {"say", seat_say, "(text: string)", 0},
    {0},
};

static const waldo_class seat_class = {
    WALDO_CLASS_SIZES, "Seat", seat_methods, seat_destroy, NULL,
};

/* join(nick, who) -> seat: your object in the room; drop it to leave. */
static void
room_join(void *self, waldo_call *call)
{
	struct room *room = self;
	waldo_reader *args = waldo_call_get_args(call);
	const char *nick = waldo_read_str(args, NULL);
	waldo_ref *who = waldo_read_ref(args);
	struct member *m = NULL;
	waldo_ref *seat = NULL;
	waldo_err err = WALDO_ENOMEM;

	if (!waldo_call_check(call)) {
		return;
	}
	if (strlen(nick) >= sizeof(m->nick)) {
		waldo_call_fail(call, "chat.LongNick", "%zu bytes at most",
		                sizeof(m->nick) - 1);
		return;
	}
	m = calloc(1, sizeof(*m));
	if (m == NULL) {
		goto fail;
	}
	strcpy(m->nick, nick);
	m->who = waldo_ref_retain(who);
	err = waldo_ref_watch(who, on_member, m, &m->gone);
	if (err != WALDO_OK) {
		goto fail;
	}
	err =
	    waldo_object_new(waldo_call_get_node(call), &seat_class, m, &seat);
	if (err != WALDO_OK) {
		goto fail;
	}
	m->room = room;
	TAILQ_INSERT_TAIL(&room->members, m, entry);
	waldo_call_reply(call, "r", seat);
	waldo_ref_release(seat);
	return;
fail:
	if (m != NULL) {
		seat_destroy(m);
	}
	waldo_call_fail_err(call, err);
}

static void
room_who(void *self, waldo_call *call)
{
	struct room *room = self;
	waldo_writer *names = waldo_call_get_result(call);
	struct member *m;
	size_t count = 0;

	if (!waldo_call_check(call)) {
		return;
	}
	TAILQ_FOREACH(m, &room->members, entry) {
		count++;
	}
	waldo_put_list(names, count);
	TAILQ_FOREACH(m, &room->members, entry) {
		waldo_put_str(names, m->nick);
	}
	waldo_call_reply(call, "");
}

static const waldo_method room_methods[] = {
    {"join", room_join, "(nick: string, who: ref Member) -> ref Seat", 0},
    {"who", room_who, "() -> list<string>", WALDO_READONLY},
    {0},
};

static const waldo_class room_class = {
    WALDO_CLASS_SIZES, "Room", room_methods, NULL, NULL,
};

int
main(int argc, char **argv)
{
	const char *address = argc > 1 ? argv[1] : "tcp:127.0.0.1:4747";
	struct room room;
	waldo_node *node = NULL;
	waldo_ref *ref = NULL;
	waldo_listener *listener = NULL;

	TAILQ_INIT(&room.members);
	if (waldo_node_new(NULL, &node) != WALDO_OK ||
	    waldo_object_new(node, &room_class, &room, &ref) != WALDO_OK ||
	    waldo_publish(node, "room", ref) != WALDO_OK ||
	    waldo_listen(node, address, &listener) != WALDO_OK) {
		fprintf(stderr, "chat: %s\n", waldo_node_get_message(node));
		waldo_ref_release(ref);
		waldo_node_free(node);
		return EXIT_FAILURE;
	}
	waldo_ref_release(ref);
	printf("%s/room\n", waldo_listener_get_uri(listener));
	fflush(stdout);
	waldo_node_run(node);
	waldo_node_free(node);
	return EXIT_SUCCESS;
}
