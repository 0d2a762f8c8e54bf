/* SPDX-License-Identifier: MIT */
#include "broker/failure.h"
#include "broker/line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAST_CODE WALDO_ESYSTEM
#define FEW       256 /* bytes of a message: nearly all are shorter */

#define NO_MEMORY(fate)                                                        \
	{                                                                      \
		.pub = {WALDO_ENOMEM,    fate, false, "waldo.NoMemory",        \
		        "out of memory", 0},                                   \
		.count = WALDOI_IMMORTAL                                       \
	}

/* Ready-made, one for each fate. */
static waldoi_failure *
no_memory(waldo_fate fate)
{
	static waldoi_failure not_sent = NO_MEMORY(WALDO_NOT_SENT);
	static waldoi_failure maybe = NO_MEMORY(WALDO_MAYBE_EXECUTED);
	static waldoi_failure executed = NO_MEMORY(WALDO_EXECUTED);

	switch (fate) {
	case WALDO_NOT_SENT: return &not_sent;
	case WALDO_MAYBE_EXECUTED: return &maybe;
	default: return &executed;
	}
}

static waldoi_failure *
new_failure(waldo_err code, waldo_fate fate, size_t text_len)
{
	waldoi_failure *failure = malloc(sizeof(*failure) + text_len);

	if (failure == NULL) {
		return NULL;
	}
	*failure =
	    (waldoi_failure){.pub = {.code = code, .fate = fate}, .count = 1};
	return failure;
}

static waldoi_failure *
make(waldo_err code, waldo_fate fate, const char *type, const char *format,
     va_list args)
{
	size_t type_size = strlen(type) + 1;
	char few[FEW];
	va_list again;
	int len;
	waldoi_failure *failure = NULL;

	va_copy(again, args);
	len = vsnprintf(few, sizeof(few), format, args);
	if (len >= 0) {
		failure = new_failure(code, fate, type_size + (size_t) len + 1);
	}
	if (failure == NULL) {
		va_end(again);
		return no_memory(fate);
	}
	memcpy(failure->text, type, type_size);
	if ((size_t) len < sizeof(few)) {
		memcpy(failure->text + type_size, few, (size_t) len + 1);
	} else {
		vsnprintf(failure->text + type_size, (size_t) len + 1, format,
		          again);
	}
	va_end(again);
	waldoi_escape(failure->text, failure->text, type_size - 1);
	waldoi_escape(failure->text + type_size, failure->text + type_size,
	              (size_t) len);
	failure->pub.type = failure->text;
	failure->pub.message = failure->text + type_size;
	return failure;
}

waldoi_failure *
waldoi_failure_newv(waldo_err code, waldo_fate fate, const char *format,
                    va_list args)
{
	return make(code, fate, waldo_err_type(code), format, args);
}

waldoi_failure *
waldoi_failure_new(waldo_err code, waldo_fate fate, const char *format, ...)
{
	va_list args;
	waldoi_failure *failure;

	if (code == WALDO_ENOMEM) {
		return no_memory(fate);
	}
	va_start(args, format);
	failure = waldoi_failure_newv(code, fate, format, args);
	va_end(args);
	return failure;
}

waldoi_failure *
waldoi_failure_typedv(const char *type, const char *format, va_list args)
{
	waldoi_failure *failure =
	    make(WALDO_EREMOTE, WALDO_EXECUTED, type, format, args);

	if (failure->count != WALDOI_IMMORTAL) {
		failure->pub.number = WALDOI_APPLICATION_CODE;
	}
	return failure;
}

waldoi_failure *
waldoi_failure_typed(const char *type, const char *format, ...)
{
	va_list args;
	waldoi_failure *failure;

	va_start(args, format);
	failure = waldoi_failure_typedv(type, format, args);
	va_end(args);
	return failure;
}

waldoi_failure *
waldoi_failure_remote(uint64_t code, const char *type, size_t type_len,
                      const char *message, size_t message_len,
                      const uint8_t *details, size_t details_len)
{
	bool ours = code > WALDO_OK && code <= LAST_CODE;
	waldoi_failure *failure =
	    new_failure(ours ? (waldo_err) code : WALDO_EREMOTE, WALDO_EXECUTED,
	                type_len + message_len + details_len + 2);
	char *p;

	if (failure == NULL) {
		return no_memory(WALDO_EXECUTED);
	}
	failure->pub.remote = true;
	failure->pub.number = code >= WALDOI_APPLICATION_CODE ? code : 0;
	failure->pub.type = failure->text;
	p = waldoi_escape(failure->text, type, type_len);
	failure->pub.message = p;
	p = waldoi_escape(p, message, message_len);
	if (details_len > 0) {
		memcpy(p, details, details_len);
		failure->details_len = (uint32_t) details_len;
	}
	return failure;
}

const uint8_t *
waldoi_failure_details(const waldoi_failure *failure)
{
	return failure->details_len == 0
	           ? NULL
	           : (const uint8_t *) failure->pub.message +
	                 strlen(failure->pub.message) + 1;
}

waldoi_failure *
waldoi_failure_with_fate(waldoi_failure *failure, waldo_fate fate)
{
	const waldo_failure *pub = &failure->pub;
	size_t type_size = strlen(pub->type) + 1;
	size_t message_size = strlen(pub->message) + 1;
	waldoi_failure *copy;

	if (pub->fate == fate) {
		return waldoi_failure_retain(failure);
	}
	if (pub->code == WALDO_ENOMEM && !pub->remote) {
		return no_memory(fate);
	}
	copy = new_failure(pub->code, fate,
	                   type_size + message_size + failure->details_len);
	if (copy == NULL) {
		return no_memory(fate);
	}
	copy->pub.remote = pub->remote;
	copy->pub.number = pub->number;
	copy->pub.type = memcpy(copy->text, pub->type, type_size);
	copy->pub.message =
	    memcpy(copy->text + type_size, pub->message, message_size);
	copy->details_len = failure->details_len;
	if (failure->details_len > 0) {
		memcpy(copy->text + type_size + message_size,
		       waldoi_failure_details(failure), failure->details_len);
	}
	return copy;
}

waldoi_failure *
waldoi_failure_retain(waldoi_failure *failure)
{
	if (failure != NULL && failure->count != WALDOI_IMMORTAL) {
		failure->count++;
	}
	return failure;
}

void
waldoi_failure_release(waldoi_failure *failure)
{
	if (failure == NULL || failure->count == WALDOI_IMMORTAL) {
		return;
	}
	if (--failure->count == 0) {
		free(failure);
	}
}

waldoi_failure *
waldoi_failure_of(const waldo_failure *pub)
{
	return (waldoi_failure *) (uintptr_t) pub;
}
