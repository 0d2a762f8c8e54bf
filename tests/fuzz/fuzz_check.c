/* SPDX-License-Identifier: MIT */
/*
 * Any bytes: what the checker lets pass, msgpack-c decodes to what the reader
 * reads. The first byte is the number of references.
 */
#include "serial/check.h"
#include "serial/cursor.h"
#include "tests/fuzz/fuzz.h"
#include "tests/msgpack_walk.h"

#include <stdio.h>
#include <stdlib.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static int objects[UINT8_MAX];
	static void *handles[UINT8_MAX];
	char message[WALDOI_CHECK_MESSAGE];
	waldoi_cursor cursor;
	const char *why;
	uint8_t handle_count;

	if (len == 0) {
		return 0;
	}
	handle_count = data[0];
	for (size_t i = 0; i < UINT8_MAX; i++) {
		handles[i] = &objects[i];
	}
	data++;
	len--;
	cursor = waldoi_cursor_of(data, len);
	waldoi_cursor_skip(&cursor);
	if (waldoi_check(data, len, WALDOI_MAX_DEPTH, handle_count, message) !=
	    WALDO_OK) {
		return 0;
	}
	why = walk_disagreement(data, len, handles, handle_count);
	if (why != NULL || cursor.failed || cursor.p != cursor.end) {
		fprintf(stderr, "%s\n", why != NULL ? why : "skip differs");
		abort();
	}
	return 0;
}
