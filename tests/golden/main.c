/* SPDX-License-Identifier: MIT */
/*
 * golden/main.c - the wire does not change unnoticed
 *
 * wire-v1.bin is what two nodes once said to each other. Each side is played
 * again, alone, against the other's bytes, at the same times: it must say the
 * same, byte for byte. Whoever changes what goes over the wire finds it out
 * here, and has to think of those who speak as it was recorded.
 *
 *	test_golden FILE            replays
 *	test_golden --record FILE   records anew
 */
#include "golden/recording.h"
#include "memory/driver.h"
#include "memory/text.h"
#include "world/ground.h"
#include "world/conversation.h"
#include "waldo_test.h"

#include <stdlib.h>
#include <string.h>

#define NAME "golden"

static const char *path;
static struct world world;

/* ---- recording */

struct recorder {
	FILE *file;
	uint64_t last; /* when the last record was made */
	bool failed;
};

static void
write_record(struct recorder *recorder, enum record_kind kind, const void *data,
             size_t len)
{
	const struct record record = {
	    .kind = kind,
	    .after_us = (uint32_t) (memory_now() - recorder->last),
	    .len = (uint32_t) len,
	    .data = data,
	};

	recorder->last = memory_now();
	recorder->failed |= !recording_write(recorder->file, &record);
}

static size_t
record_bytes(bool to_initiator, const void *data, size_t len, void *user)
{
	write_record(user,
	             to_initiator ? RECORD_TO_INITIATOR : RECORD_TO_RESPONDER,
	             data, len);
	return len;
}

static bool
record_talk(FILE *file)
{
	struct recorder recorder = {.file = file, .last = memory_now()};

	recorder.failed = !recording_begin(file);
	memory_set_tap(record_bytes, &recorder);
	world = (struct world){0};
	if (!world_open_server(&world, "inproc:" NAME)) {
		return false;
	}
	for (size_t i = 0; i < conversation_steps; i++) {
		const struct step *step = &conversation[i];

		write_record(&recorder, RECORD_STEP, step->name,
		             strlen(step->name));
		step->act(&world);
		ground_advance(step->ms);
	}
	memory_set_tap(NULL, NULL);
	world_close(&world);
	return !recorder.failed;
}

static int
record(void)
{
	FILE *file = fopen(path, "wb");
	bool done = file != NULL && record_talk(file);

	if (file == NULL || fclose(file) != 0 || !done) {
		perror(path);
		return 1;
	}
	return 0;
}

/* ---- replaying */

struct replay {
	enum side side; /* that is played */
	memory_raw *peer;
	uint64_t now;
	size_t step;         /* the next */
	size_t said;         /* bytes so far */
	const char *current; /* step */
};

static void
complain(const struct replay *replay, const char *what)
{
	fail_msg("in the step \"%s\", behind byte %zu, the %s %s.\n"
	         "Nodes that are out there speak as %s says. If that is to "
	         "change, PROTOCOL.md needs\na new version or a feature bit "
	         "(HELLO keys 0 and 1), by which both ways can be told\n"
	         "apart; then: test_golden --record %s",
	         replay->current, replay->said,
	         replay->side == CLIENT ? "initiator" : "responder", what, path,
	         path);
}

static size_t
first_difference(const uint8_t *a, const uint8_t *b, size_t len)
{
	size_t i = 0;

	while (i < len && a[i] == b[i]) {
		i++;
	}
	return i;
}

/* The side that is played must have said `record`, at least. */
static void
expect_said(struct replay *replay, const struct record *record)
{
	size_t len;
	const uint8_t *said = memory_raw_received(replay->peer, &len);
	size_t most = len < record->len ? len : record->len;
	size_t same = first_difference(said, record->data, most);

	replay->said += same;
	if (same < most) {
		complain(replay, "says something else");
	}
	if (len < record->len) {
		complain(replay, "says less");
	}
	memory_raw_skip(replay->peer, record->len);
}

/* Nodes differ in what is random for them: each is made in its turn. */
static void
join(struct replay *replay)
{
	if (replay->side == CLIENT) {
		world.server = node_new(&world);
		(void) snprintf(world.uri, sizeof(world.uri),
		                "waldo+inproc:" NAME);
	} else {
		assert_true(world_open_server(&world, "inproc:" NAME));
	}
}

/* The peer of the link that begins now; all that it was told is known. */
static void
begin_link(struct replay *replay)
{
	size_t left = 0;

	if (replay->peer != NULL) {
		(void) memory_raw_received(replay->peer, &left);
		memory_raw_free(replay->peer);
	}
	if (left > 0) {
		complain(replay, "says more");
	}
	replay->peer = replay->side == CLIENT ? memory_raw_listen(NAME)
	                                      : memory_raw_dial(NAME);
	assert_non_null(replay->peer);
}

static void
do_step(struct replay *replay, const struct record *record)
{
	const struct step *step = &conversation[replay->step++];

	assert_true(replay->step <= conversation_steps);
	assert_int_equal(record->len, strlen(step->name));
	assert_memory_equal(record->data, step->name, record->len);
	replay->current = step->name;
	if (step->dials) {
		begin_link(replay);
	}
	if (step->side == replay->side) {
		step->act(&world);
	}
	ground_settle();
}

/* What comes at the very time of a timer comes first, as it did when it was
 * recorded. */
static void
hear(struct replay *replay, const struct record *record)
{
	memory_approach(record->after_us);
	assert_true(memory_raw_send(replay->peer, record->data, record->len));
	ground_settle();
}

static void
do_record(struct replay *replay, const struct record *record)
{
	bool to_us =
	    (record->kind == RECORD_TO_INITIATOR) == (replay->side == CLIENT);

	if (record->kind == RECORD_STEP) {
		memory_advance(record->after_us);
		do_step(replay, record);
	} else if (to_us) {
		hear(replay, record);
	} else {
		memory_advance(record->after_us);
		expect_said(replay, record);
	}
}

static void
replay_side(enum side side)
{
	struct replay replay = {.side = side, .current = "the beginning"};
	struct recording recording;
	struct record next;
	size_t left;

	world = (struct world){0};
	assert_true(recording_open(&recording, path));
	join(&replay);
	while (recording_next(&recording, &next)) {
		do_record(&replay, &next);
	}
	assert_true(recording_is_at_end(&recording));
	assert_int_equal(replay.step, conversation_steps);
	(void) memory_raw_received(replay.peer, &left);
	if (left > 0) {
		complain(&replay, "says more");
	}
	memory_raw_free(replay.peer);
	recording_fini(&recording);
	world_close(&world);
}

static void
the_initiator_says_what_it_said(void **state)
{
	(void) state;
	replay_side(CLIENT);
}

static void
the_responder_says_what_it_said(void **state)
{
	(void) state;
	replay_side(SERVER);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_initiator_says_what_it_said),
	    cmocka_unit_test(the_responder_says_what_it_said),
	};

	path = argv[argc > 1 ? argc - 1 : 0];
	if (argc == 3 && strcmp(argv[1], "--record") == 0) {
		return record();
	}
	if (argc != 2) {
		(void) fprintf(stderr, "Usage: %s [--record] FILE\n", argv[0]);
		return 2;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
