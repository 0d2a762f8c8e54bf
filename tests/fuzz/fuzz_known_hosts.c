/* SPDX-License-Identifier: MIT */
/* A text of known hosts: whatever it is, what is appended to it is found. */
#include "broker/known_hosts.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void
require(bool claim)
{
	if (!claim) {
		abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t key[WALDO_KEY_BYTES] = {1};
	static const uint8_t next[WALDO_KEY_BYTES] = {2};
	uint8_t keys[8][WALDO_KEY_BYTES], found[WALDO_KEY_BYTES];
	char line[WALDOI_KNOWN_LINE], *text = malloc(len + 1 + sizeof(line));
	size_t count;

	if (text == NULL) {
		return 0;
	}
	if (len > 0) {
		memcpy(text, data, len);
	}
	(void) waldoi_known_find(text, len, "host:1", found);
	count = waldoi_known_list_next(text, len, key, keys, 8);
	require(count <= 8);
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < i; j++) {
			require(memcmp(keys[i], keys[j], sizeof(*keys)) != 0);
		}
	}
	text[len++] = '\n';
	waldoi_known_format_host("host:1", key, line);
	memcpy(text + len, line, strlen(line));
	require(waldoi_known_find(text, len + strlen(line), "host:1", found));
	require(memcmp(found, key, sizeof(found)) == 0);
	waldoi_known_format_next(key, next, line);
	memcpy(text + len, line, strlen(line));
	require(waldoi_known_has_next(text, len + strlen(line), key, next));
	free(text);
	return 0;
}
