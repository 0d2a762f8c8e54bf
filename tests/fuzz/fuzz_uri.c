/* SPDX-License-Identifier: MIT */
/* The first byte chooses the parser, the rest is the text. What is accepted
 * must be printed in a form that is accepted again and means the same. */
#include "broker/address.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
require(bool claim)
{
	if (!claim) {
		abort();
	}
}

static void
check_message(const char *message)
{
	size_t len = strnlen(message, 200);

	require(len > 0 && len < 200);
	for (size_t i = 0; i < len; i++) {
		require(message[i] >= ' ' && message[i] <= '~');
	}
}

/* Canonical means: parsed and printed again it is the same. */
static void
check_address(const waldoi_address *address)
{
	waldoi_address again;
	char message[200];

	require(strlen(address->text) < sizeof(address->text));
	require(waldoi_address_parse(address->text, &again, message) ==
	        WALDO_OK);
	require(strcmp(again.text, address->text) == 0);
	require(strcmp(again.host, address->host) == 0);
	require(again.scheme == address->scheme);
	require(again.port == address->port && again.fd == address->fd);
}

static void
check_uri(const waldoi_address *address, const char *name)
{
	char uri[WALDOI_MAX_URI + WALDOI_MAX_NAME + 2] = {0};
	char name_again[WALDOI_MAX_NAME + 1], message[200];
	waldoi_address again;
	waldo_err err;

	waldoi_address_to_uri(address, uri);
	require(strlen(uri) < WALDOI_MAX_URI);
	strcat(uri, "/");
	strcat(uri, name);
	err = waldoi_uri_parse(uri, &again, name_again, message);
	if (err != WALDO_OK) {
		/* What can be listened on but not dialled. */
		require(address->scheme == WALDOI_TCP ||
		        (address->scheme == WALDOI_TCP_INSECURE &&
		         address->port == 0));
		return;
	}
	require(strcmp(again.text, address->text) == 0);
	require(strcmp(name_again, name) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = len > 0 ? malloc(len) : NULL;
	char name[WALDOI_MAX_NAME + 1] = "", message[200] = "";
	waldoi_address address;
	waldo_err err;

	if (text == NULL) {
		return 0;
	}
	memcpy(text, data + 1, len - 1);
	text[len - 1] = '\0';
	if (data[0] % 2 == 0) {
		err = waldoi_address_parse(text, &address, message);
	} else {
		err = waldoi_uri_parse(text, &address, name, message);
		require(err != WALDO_OK || name[0] == '\0' ||
		        waldoi_name_is_valid(name));
	}
	free(text);
	if (err != WALDO_OK) {
		check_message(message);
		return 0;
	}
	check_address(&address);
	if (address.scheme != WALDOI_FD) {
		check_uri(&address, name);
	}
	return 0;
}
