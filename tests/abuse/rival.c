/* SPDX-License-Identifier: MIT */
#include "abuse/rival.h"
#include "abuse/raw.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	SMALL = 256,
	BATCH = 512,
	MOST_LINKS = 500,
	ANSWER = 16 /* bytes of a RETURN, about */
};

static struct raw raw, links[MOST_LINKS];

unsigned
rival_many(const struct arena *arena)
{
	return arena->limits.sessions < MOST_LINKS ? arena->limits.sessions
	                                           : MOST_LINKS;
}

/* Does `act` again and again, over a new link when the last one was closed.
 * When it can do no more, it stays. */
static void
go_on(struct arena *arena, bool quiet, bool (*act)(void))
{
	raw.fd = -1;
	while (!arena->over) {
		if (raw.fd < 0 && !raw_open(&raw, arena, quiet)) {
			raw_close(&raw);
			(void) usleep(200);
			continue;
		}
		arena->ready = true;
		if (!act() && raw.fd >= 0) {
			(void) usleep(1000);
		}
	}
	raw_hear_end(&raw);
}

/* ---- honest ones */

/* One-way calls as fast as the window lets them go, as of a program that pushes
 * events. They are the smallest that there are. */
static bool
notify(void)
{
	/* [1, nil, -2, 1, [], {}] [] */
	static const uint8_t frame[] = {0,    0,    0, 9,    0,    0x96, 1,
	                                0xc0, 0xfe, 1, 0x90, 0x80, 0x90};

	if (raw.next == 3) {
		raw.next += 2;
		return raw_say(&raw, "[1,nil,-2,[1,'nop'],[],{}] []");
	}
	return raw_repeat(&raw, frame, sizeof(frame), BATCH, RAW_CALL) &&
	       raw_take(&raw, 0);
}

static void
be_idle(struct arena *arena)
{
	if (raw_open(&raw, arena, false)) {
		arena->ready = true;
	}
	while (raw_take(&raw, 5)) {
	}
}

static void
be_busy(struct arena *arena)
{
	go_on(arena, false, notify);
}

/* The largest call: its frame has message_bytes. */
static size_t
largest(const struct arena *arena, uint8_t **ret_frame)
{
	size_t len = arena->limits.message_bytes + 4, head;
	uint8_t *frame = calloc(1, len);
	uint8_t rest[6] = {0x91, 0xc6};

	if (frame == NULL) {
		_exit(2);
	}
	head = raw_frame(frame, SMALL, "[1,nil,-2,'take',[],{}]");
	for (int i = 0; i < 4; i++) {
		rest[2 + i] = (uint8_t) ((len - head - 6) >> (24 - 8 * i));
		frame[i] = (uint8_t) ((len - 4) >> (24 - 8 * i));
	}
	memcpy(frame + head, rest, sizeof(rest));
	*ret_frame = frame;
	return len;
}

static bool
take_and_wait(void)
{
	static uint8_t *frame;
	static size_t len;

	if (frame == NULL) {
		len = largest(raw.arena, &frame);
	}
	return raw_repeat(&raw, frame, len, 1, RAW_CALL) && raw_take(&raw, 0);
}

static void
be_large(struct arena *arena)
{
	go_on(arena, false, take_and_wait);
}

/* Many that call now and then. Those that acknowledge nothing stop before it is
 * held against one of them alone. */
static void
call_on_many_links(struct arena *arena, bool acknowledge)
{
	size_t most = arena->limits.queued_bytes / 16 / 2;
	unsigned count = rival_many(arena) - 4;
	uint8_t frame[SMALL];
	size_t len =
	    raw_frame(frame, sizeof(frame), "[1,1000,-2,'echo',[],{}] [1]");

	for (unsigned i = 0; i < count && !arena->over; i++) {
		(void) raw_open(&links[i], arena, false);
		links[i].quiet = !acknowledge; /* whatever HELLO said */
	}
	arena->ready = true;
	for (size_t got = 0; !arena->over; got += 10 * ANSWER) {
		for (unsigned i = 0; i < count && got < most; i++) {
			(void) raw_repeat(&links[i], frame, len, 10,
			                  RAW_CALL | RAW_NUMBERED);
			(void) raw_take(&links[i], 0);
		}
		(void) usleep(20 * 1000);
	}
}

static void
be_crowd(struct arena *arena)
{
	call_on_many_links(arena, true);
}

const struct rival references[REFERENCES] = {
    [IDLE] = {.name = "nobody", .run = be_idle, .links = 1},
    [BUSY] = {.name = "an honest peer with small calls",
              .run = be_busy,
              .links = 1},
    [LARGE] = {.name = "an honest peer with large calls",
               .run = be_large,
               .links = 1},
    [CROWD] = {.name = "many honest peers", .run = be_crowd, .links = MANY},
};

/* ---- calls */

/* Many times what `text` says, the same each time. */
static bool
repeat(const char *text, int how)
{
	static uint8_t frame[4096];
	static size_t len;

	if (len == 0) {
		len = raw_frame(frame, sizeof(frame), "%s", text);
	}
	return raw_repeat(&raw, frame, len, BATCH, how);
}

static bool
flood_slow(void)
{
	return repeat("[1,nil,-2,'slow',[],{}] []", RAW_CALL);
}

static void
flood(struct arena *arena)
{
	go_on(arena, true, flood_slow);
}

static bool
open_one_more(void)
{
	return repeat("[1,1000,-2,'hold',[],{}] []", RAW_CALL | RAW_NUMBERED);
}

static void
open_calls(struct arena *arena)
{
	go_on(arena, true, open_one_more);
}

static bool
open_late(void)
{
	return repeat("[1,1000,-2,'hold',[],{0:1}] []",
	              RAW_CALL | RAW_NUMBERED) &&
	       raw_await(&raw, (raw.next - 3) / 2 + 1);
}

/* Its RETURN comes when the time is up, and the object holds the call still. */
static void
open_late_calls(struct arena *arena)
{
	go_on(arena, true, open_late);
}

static bool
call_on_nothing(void)
{
	static uint8_t frame[SMALL];
	static size_t len;

	if (raw.next == 3) { /* a new session */
		raw.next += 2;
		len = raw_frame(frame, sizeof(frame),
		                "[1,1000,3,'echo',[],{}] "
		                "['0123456789012345678901234567890123456789']");
		return raw_say(&raw, "[1,3,-2,'hold',[],{}] []");
	}
	/* Those that found no room were answered: they are not open. */
	return raw_repeat(&raw, frame, len, raw.arena->limits.open_calls / 2,
	                  RAW_CALL | RAW_NUMBERED) &&
	       raw_take(&raw, 1);
}

/* On a result that never comes; with ids, so that it is told why. */
static void
pipeline(struct arena *arena)
{
	go_on(arena, true, call_on_nothing);
}

static bool
park_references(void)
{
	static uint8_t frame[4096];
	static size_t len;
	char text[2048] = "[1,nil,3,'echo',[";

	if (raw.next == 3) {
		raw.next += 2;
		for (int i = 0; i < 250; i++) {
			strcat(text, i > 0 ? ",[7]" : "[7]");
		}
		strcat(text, "],{}] []");
		len = raw_frame(frame, sizeof(frame), "%s", text);
		return raw_say(&raw, "[1,3,-2,'hold',[],{}] []");
	}
	return raw_repeat(&raw, frame, len, 16, RAW_CALL);
}

/* With references that cost it two bytes each. */
static void
pipeline_references(struct arena *arena)
{
	go_on(arena, true, park_references);
}

/* ---- objects and names */

static bool
make_more(void)
{
	static uint8_t call[SMALL], drop[SMALL];
	static size_t call_len, drop_len;
	unsigned open = raw.arena->limits.open_calls / 2;
	uint64_t first = raw.next;

	if (call_len == 0) {
		call_len = raw_frame(call, sizeof(call),
		                     "[1,1000,-2,'make',[],{}] []");
		drop_len = raw_frame(drop, sizeof(drop), "[4,1000,1]");
	}
	if (!raw_repeat(&raw, call, call_len, open, RAW_CALL | RAW_NUMBERED) ||
	    !raw_await(&raw, (raw.next - 3) / 2 + 1)) {
		return false;
	}
	if (raw.arena->said_count > 0) {
		/* No more is given: those that failed are not to be dropped. */
		return raw_take(&raw, 5);
	}
	raw.next = first;
	return raw_repeat(&raw, drop, drop_len, open, RAW_NUMBERED);
}

/* Gives the results back, and the objects never. */
static void
hoard(struct arena *arena)
{
	go_on(arena, true, make_more);
}

static bool
define_more(void)
{
	static uint8_t batch[64 * 1024];
	unsigned number = (unsigned) raw.next - 2;
	size_t len = 0;

	for (int i = 0; i < 64; i++) {
		len += raw_frame(batch + len, sizeof(batch) - len,
		                 "[1,nil,-2,[%u,'%0120u'],[],{}] []", number,
		                 number);
		number++;
	}
	raw.next = number + 2;
	return raw_send(&raw, batch, len);
}

static void
define_names(struct arena *arena)
{
	go_on(arena, true, define_more);
}

/* ---- those who do not read */

static bool
ask_for_much(void)
{
	uint8_t frame[SMALL];
	size_t len =
	    raw_frame(frame, sizeof(frame), "[1,1000,-2,'big',[],{}] []");
	unsigned left =
	    raw.arena->limits.open_calls - (unsigned) (raw.next - 3) / 2;

	raw.mute = true;
	return left > 0 &&
	       raw_repeat(&raw, frame, len, left, RAW_CALL | RAW_NUMBERED) &&
	       false;
}

static void
never_read(struct arena *arena)
{
	go_on(arena, false, ask_for_much);
}

/* Refused at once, so that no order makes them wait for the reader. */
static bool
ask_the_dead(void)
{
	raw.mute = true;
	if (raw.next == 3) {
		raw.next += 2;
		return raw_say(&raw, "[1,3,-2,'nop',[],{}] []");
	}
	/* It is not told that its window grows, but knows. */
	return repeat("[1,1000,3,'nop',[],{}] []", RAW_NUMBERED);
}

static void
never_read_refusals(struct arena *arena)
{
	go_on(arena, true, ask_the_dead);
}

static bool
say_unknown(void)
{
	raw.mute = true;
	return repeat("[99,1]", RAW_PLAIN);
}

static void
never_read_unknown(struct arena *arena)
{
	go_on(arena, true, say_unknown);
}

static bool
ping_mute(void)
{
	raw.mute = true;
	return repeat("![6,1]", RAW_PLAIN);
}

static void
never_read_pongs(struct arena *arena)
{
	go_on(arena, true, ping_mute);
}

static void
never_acknowledge(struct arena *arena)
{
	call_on_many_links(arena, false);
}

/* ---- frames */

static bool
ping(void)
{
	return repeat("![6,1]", RAW_PLAIN);
}

static void
flood_pings(struct arena *arena)
{
	go_on(arena, true, ping);
}

/* Of a kind that is skipped. */
static bool
send_smallest(void)
{
	static const uint8_t frame[RAW_HEAD] = {0, 0, 0, 1, 0xff};

	return raw_repeat(&raw, frame, sizeof(frame), BATCH, RAW_PLAIN);
}

static void
flood_smallest_frames(struct arena *arena)
{
	go_on(arena, true, send_smallest);
}

static void
flood_smallest_calls(struct arena *arena)
{
	go_on(arena, true, notify);
}

static void
flood_largest_calls(struct arena *arena)
{
	go_on(arena, true, take_and_wait);
}

/* ---- many links */

/* One byte every 20 ms stands for one a second: time is short here. */
static void
trickle(struct arena *arena)
{
	static const uint8_t byte;
	unsigned count = rival_many(arena) - 4;

	for (unsigned i = 0; i < count && !arena->over; i++) {
		(void) raw_open(&links[i], arena, true);
		(void) raw_send(&links[i],
		                (const uint8_t[]){0, 0, 0xff, 0xff, 0}, 5);
	}
	arena->ready = true;
	while (!arena->over) {
		for (unsigned i = 0; i < count; i++) {
			(void) raw_send(&links[i], &byte, 1);
		}
		(void) usleep(20 * 1000);
	}
}

static void
say_nothing(struct arena *arena)
{
	unsigned count = rival_many(arena) + 8;

	for (unsigned i = 0; i < count && i < MOST_LINKS && !arena->over; i++) {
		links[i].fd = raw_connect(arena);
	}
	arena->ready = true;
	while (!arena->over) {
		(void) usleep(1000);
	}
}

static void
promise_much(struct arena *arena)
{
	uint8_t frame[RAW_HEAD + 16] = {0};
	unsigned count = rival_many(arena) - 4;

	for (int i = 0; i < 4; i++) {
		frame[i] =
		    (uint8_t) (arena->limits.message_bytes >> (24 - 8 * i));
	}
	for (unsigned i = 0; i < count && !arena->over; i++) {
		(void) raw_open(&links[i], arena, true);
		(void) raw_send(&links[i], frame, sizeof(frame));
	}
	arena->ready = true;
	while (!arena->over) {
		/* Now there is something to put it behind. */
		for (unsigned i = 0; i < count; i++) {
			(void) raw_send(&links[i], frame + RAW_HEAD, 1);
		}
		(void) usleep(20 * 1000);
	}
}

static bool
come_and_go(void)
{
	raw_close(&raw);
	return false;
}

static void
come_and_go_for_ever(struct arena *arena)
{
	go_on(arena, true, come_and_go);
}

/* ---- all of them */

const struct rival attacks[] = {
    {"a flood of one-way calls to a slow object", "flood", flood, BUSY, 1,
     GRANT_CALLS, "open_calls"},
    {"calls without end that are never answered", "open-calls", open_calls,
     BUSY, 1, GRANT_CALLS, "open_calls"},
    {"the same, each with a short deadline", "late-calls", open_late_calls,
     BUSY, 1, GRANT_CALLS, "open_calls"},
    {"a pipeline on a result that never comes", "pipeline", pipeline, BUSY, 1,
     GRANT_CALLS | ROOM_PARKED, "parked_bytes"},
    {"the same with many references", "pipeline-refs", pipeline_references,
     BUSY, 1, GRANT_CALLS | ROOM_PARKED, "parked_bytes"},
    {"objects that are never dropped", "hoard", hoard, BUSY, 1,
     GRANT_CALLS | GRANT_OBJECTS, "exports"},
    {"ever new names", "names", define_names, BUSY, 1, ROOM_NAMES, "names"},
    {"a peer that asks for much and reads nothing", "never-read", never_read,
     IDLE, 1, GRANT_CALLS | GRANT_REPLIES, NULL},
    {"a peer that does not read its refusals", "never-read-refusals",
     never_read_refusals, BUSY, 1, GRANT_REPLIES, "queued_bytes"},
    {"a peer that does not read of unknown operations", "never-read-unknown",
     never_read_unknown, BUSY, 1, GRANT_REPLIES, "queued_bytes"},
    {"a peer that does not read its PONGs", "never-read-pongs",
     never_read_pongs, BUSY, 1, GRANT_REPLIES, NULL},
    {"a flood of PINGs", "pings", flood_pings, BUSY, 1, 0, NULL},
    {"the smallest frames", "smallest-frames", flood_smallest_frames, BUSY, 1,
     0, NULL},
    {"the smallest calls", "smallest-calls", flood_smallest_calls, BUSY, 1, 0,
     NULL},
    {"the largest calls", "largest-calls", flood_largest_calls, LARGE, 1,
     ROOM_MESSAGE, NULL},
    {"a byte now and then inside a frame", "trickle", trickle, IDLE, MANY,
     ROOM_MESSAGE, NULL},
    {"links that say nothing", "half-open", say_nothing, IDLE, MANY, 0,
     "sessions"},
    {"large frames that are promised and never come", "promised", promise_much,
     IDLE, MANY, ROOM_MESSAGE, NULL},
    {"many that acknowledge nothing", "never-ack", never_acknowledge, CROWD,
     MANY, GRANT_REPLIES, NULL},
    {"links that come and go", "come-and-go", come_and_go_for_ever, BUSY, 1, 0,
     NULL},
};

const unsigned attack_count = sizeof(attacks) / sizeof(*attacks);
