/* SPDX-License-Identifier: MIT */
#include "tests/unit/writer_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int counts[COUNTS];

static void *
retain(void *handle)
{
	++*(int *) handle;
	return handle;
}

static void
release(void *handle)
{
	--*(int *) handle;
}

static const waldoi_writer_ops ops = {retain, release};
static const waldoi_writer_limits limits = {
    .message_bytes = 8000, .depth = 5, .refs_per_message = 270};

void
give_back(waldoi_taken *taken, void *context)
{
	struct fixture *f = context;

	f->given_back++;
	if (taken->done != NULL) {
		taken->done(taken->user);
	}
	free(taken);
}

void
count_done(void *user)
{
	struct fixture *f = user;

	f->done++;
}

int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL) {
		return -1;
	}
	memset(counts, 0, sizeof(counts));
	waldoi_writer_init(&f->writer, &ops, &limits, give_back, f);
	*state = f;
	return 0;
}

int
teardown(void **state)
{
	struct fixture *f = *state;

	waldoi_writer_fini(&f->writer);
	free(f);
	for (int i = 0; i < COUNTS; i++) {
		if (counts[i] != 0) {
			return -1;
		}
	}
	return 0;
}

/* Ends the payload, checks it and keeps it in f->bytes. */
void
finish(struct fixture *f, bool list)
{
	char message[WALDOI_CHECK_MESSAGE] = "";
	const uint8_t *bytes = NULL;
	size_t len = 0;

	if (waldoi_writer_finish(&f->writer, list, &bytes, &len) != WALDO_OK) {
		fail_msg("%s", f->writer.message);
	}
	f->len = len + f->writer.taken_bytes;
	assert_true(f->len <= sizeof(f->bytes));
	waldoi_writer_copy_out(&f->writer, bytes, len, f->bytes);
	if (waldoi_check(f->bytes, f->len, limits.depth, f->writer.handle_count,
	                 message) != WALDO_OK) {
		fail_msg("%s", message);
	}
}

void
assert_failed(struct fixture *f, bool list, waldo_err err, const char *message)
{
	const uint8_t *bytes = NULL;
	size_t len = 0;

	assert_err(waldoi_writer_finish(&f->writer, list, &bytes, &len), err);
	assert_string_equal(f->writer.message, message);
}

/* What was put, to be read. */
waldo_reader *
read_back(struct fixture *f, bool list)
{
	finish(f, list);
	waldoi_reader_init(&f->reader, f->bytes, f->len, list,
	                   f->writer.handles, f->writer.handle_count);
	return &f->reader;
}
