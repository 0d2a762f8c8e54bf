/* SPDX-License-Identifier: MIT */
/* The first byte chooses the parser, the rest is the text. What is accepted
 * must be printed in a form that is accepted again and means the same. */
#include "broker/uri.h"
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
check_uri(const waldoi_uri *uri)
{
	char text[WALDOI_MAX_URI + WALDOI_MAX_NAME + 2] = {0};
	char message[200];
	waldoi_uri again;

	require(uri->count >= 1 && uri->count <= WALDOI_MAX_HOSTS);
	require(uri->psk <= 255);
	require(uri->name[0] == '\0' || waldoi_name_is_valid(uri->name));
	for (size_t i = 0; i < uri->count; i++) {
		check_address(&uri->addresses[i]);
		waldoi_uri_format(&uri->addresses[i],
		                  uri->has_key ? uri->key : NULL, text);
		require(strlen(text) < WALDOI_MAX_URI);
		strcat(text, "/");
		strcat(text, uri->name);
		require(waldoi_uri_parse(text, &again, message) == WALDO_OK);
		require(strcmp(again.addresses[0].text,
		               uri->addresses[i].text) == 0);
		require(strcmp(again.name, uri->name) == 0);
		require(again.has_key == uri->has_key &&
		        memcmp(again.key, uri->key, sizeof(uri->key)) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = len > 0 ? malloc(len) : NULL;
	char message[200] = "";
	waldoi_address address;
	waldoi_uri uri;
	waldo_err err;

	if (text == NULL) {
		return 0;
	}
	memcpy(text, data + 1, len - 1);
	text[len - 1] = '\0';
	if (data[0] % 2 == 0) {
		err = waldoi_address_parse(text, &address, message);
		if (err == WALDO_OK) {
			check_address(&address);
		}
	} else {
		err = waldoi_uri_parse(text, &uri, message);
		if (err == WALDO_OK) {
			check_uri(&uri);
		}
	}
	free(text);
	if (err != WALDO_OK) {
		check_message(message);
	}
	return 0;
}
