/* SPDX-License-Identifier: MIT */
#include <waldo/packed.h>

#include "serial/api.h"
#include "serial/check.h"
#include "serial/writer.h"

#include <stdlib.h>
#include <string.h>

/* Handles are only counted: one is too many. */
static void *
retain_nothing(void *handle)
{
	return handle;
}

static void
release_nothing(void *handle)
{
	(void) handle;
}

static const waldoi_writer_ops no_handles = {retain_nothing, release_nothing};

static void
give_back(waldoi_taken *taken, void *context)
{
	(void) context;
	if (taken->done != NULL) {
		taken->done(taken->user);
	}
	free(taken);
}

WALDO_API waldo_writer *
waldo_writer_new(size_t max_bytes)
{
	waldoi_writer_limits limits = {
	    .message_bytes = max_bytes,
	    .depth = WALDOI_MAX_DEPTH,
	    .refs_per_message = UINT32_MAX,
	};
	waldo_writer *writer = malloc(sizeof(*writer));

	if (writer != NULL) {
		waldoi_writer_init(writer, &no_handles, &limits, give_back,
		                   NULL);
	}
	return writer;
}

WALDO_API void
waldo_writer_free(waldo_writer *writer)
{
	if (writer != NULL) {
		waldoi_writer_fini(writer);
		free(writer);
	}
}

WALDO_API waldo_err
waldo_writer_pack(waldo_writer *writer, uint8_t **ret_data, size_t *ret_len)
{
	const uint8_t *bytes;
	size_t len;
	uint8_t *data;
	waldo_err err;

	if (writer == NULL) {
		return WALDO_ENOMEM;
	}
	if (writer->handle_count > 0) {
		waldoi_writer_fail(writer, WALDO_EINVAL,
		                   "a reference cannot be kept");
	}
	err = waldoi_writer_finish(writer, true, &bytes, &len);
	if (err != WALDO_OK) {
		return err;
	}
	data = malloc(len + writer->taken_bytes);
	if (data == NULL) {
		return WALDO_ENOMEM;
	}
	waldoi_writer_copy_out(writer, bytes, len, data);
	*ret_data = data;
	*ret_len = len + writer->taken_bytes;
	return WALDO_OK;
}

WALDO_API const char *
waldo_writer_get_message(const waldo_writer *writer)
{
	return writer == NULL ? "out of memory" : writer->message;
}

WALDO_API void
waldo_vputf(waldo_writer *writer, const char *format, va_list args)
{
	waldoi_putf_va(writer, format, args);
}

/* Checked values; the reader that walks over them writes into them. */
static void
put_values(waldo_writer *writer, uint8_t *data, size_t len)
{
	char why[WALDOI_CHECK_MESSAGE];
	waldo_reader reader;
	waldo_err err = waldoi_check(data, len, WALDOI_MAX_DEPTH, 0, why);

	if (err == WALDO_OK && !waldoi_payload_is_list(data, len)) {
		err = WALDO_EARGS;
		strcpy(why, "it is no list");
	}
	if (err != WALDO_OK) {
		waldoi_writer_fail(writer, err, "packed values: %s", why);
		return;
	}
	waldoi_reader_init(&reader, data, len, true, NULL, 0);
	waldo_put_rest(writer, &reader);
}

WALDO_API void
waldo_put_packed(waldo_writer *writer, const void *data, size_t len)
{
	uint8_t *copy;

	if (writer == NULL) {
		return;
	}
	if (data == NULL || len == 0) {
		waldoi_writer_fail(writer, WALDO_EARGS,
		                   "packed values: there are none");
		return;
	}
	copy = malloc(len);
	if (copy == NULL) {
		waldoi_writer_fail_memory(writer);
		return;
	}
	put_values(writer, memcpy(copy, data, len), len);
	free(copy);
}
