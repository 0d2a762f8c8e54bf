/* SPDX-License-Identifier: MIT */
#include "broker/call.h"

#include <stdlib.h>
#include <string.h>

/* ---- names */

waldoi_name *
waldoi_name_new(const char *text, size_t len)
{
	waldoi_name *name = malloc(sizeof(*name) + len + 1);

	if (name == NULL) {
		return NULL;
	}
	*name = (waldoi_name){.count = 1, .len = (uint16_t) len};
	memcpy(name->text, text, len);
	name->text[len] = '\0';
	name->flush = strcmp(name->text, WALDOI_FLUSH) == 0;
	return name;
}

/* ---- messages */

void
waldoi_message_let_go(waldoi_message *message)
{
	waldo_ref **refs = message->refs;
	uint32_t count = message->ref_count;
	waldo_ref *few[WALDOI_FEW];

	if (refs == message->few) {
		memcpy(few, refs, count * sizeof(*few));
		refs = few;
	}
	if (message->owned) {
		free(message->body);
	}
	waldoi_message_init(message);
	/* Last, for the release of an object may do anything. */
	for (uint32_t i = 0; i < count; i++) {
		waldo_ref_release(refs[i]);
	}
	if (refs != few) {
		free(refs);
	}
}

bool
waldoi_message_room(waldoi_message *message, size_t count)
{
	waldo_ref **refs = message->few;

	if (count > WALDOI_FEW) {
		refs = malloc(count * sizeof(*refs));
		if (refs == NULL) {
			return false;
		}
	}
	for (size_t i = 0; i < count; i++) {
		refs[i] = NULL;
	}
	message->refs = refs;
	message->ref_count = (uint32_t) count;
	return true;
}

bool
waldoi_message_own(waldoi_message *message)
{
	uint8_t *copy;

	if (message->owned || message->body == NULL) {
		return true;
	}
	copy = malloc(message->len);
	if (copy == NULL) {
		return false;
	}
	message->body = memcpy(copy, message->body, message->len);
	message->owned = true;
	return true;
}

waldo_err
waldoi_message_from(waldoi_message *message, waldo_writer *writer, bool list)
{
	const uint8_t *bytes;
	size_t len;
	waldo_err err = waldoi_writer_finish(writer, list, &bytes, &len);

	waldoi_message_init(message);
	if (err != WALDO_OK) {
		return err;
	}
	message->body = malloc(len + writer->taken_bytes);
	if (message->body == NULL) {
		return WALDO_ENOMEM;
	}
	message->owned = true;
	message->len = len + writer->taken_bytes;
	waldoi_writer_copy_out(writer, bytes, len, message->body);
	if (!waldoi_message_room(message, writer->handle_count)) {
		waldoi_message_fini(message);
		return WALDO_ENOMEM;
	}
	for (uint32_t i = 0; i < writer->handle_count; i++) {
		message->refs[i] = waldo_ref_retain(writer->handles[i]);
	}
	return WALDO_OK;
}
