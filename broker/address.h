/* SPDX-License-Identifier: MIT */
/*
 * broker/address.h - where a node listens or dials
 *
 * Parsing only; who can open what is the driver's business. The parser is
 * strict: a character that the grammar does not have is an error that names
 * it and its place. The grammar is in PROTOCOL.md, "Addresses and URIs".
 */
#ifndef WALDOI_ADDRESS_H
#define WALDOI_ADDRESS_H

#include <waldo/error.h>

#define WALDOI_MAX_NAME    128 /* bytes of a published name */
#define WALDOI_MAX_ADDRESS 288 /* text of an address, with its NUL */
#define WALDOI_MAX_URI     512 /* text of a URI, with its NUL */

typedef enum waldoi_scheme {
	WALDOI_UNIX,         /* host: the path */
	WALDOI_TCP_INSECURE, /* host and port */
	WALDOI_TCP,          /* host and port; through the encrypted channel */
	WALDOI_INPROC,       /* host: the name of the meeting point */
	WALDOI_FD            /* fd; only to listen */
} waldoi_scheme;

typedef struct waldoi_address {
	waldoi_scheme scheme;
	char host[256]; /* without brackets and escapes */
	uint16_t port;
	int fd;
	char text[WALDOI_MAX_ADDRESS]; /* canonical: equal text, same address */
} waldoi_address;

/* "unix:/run/x", "tcp-insecure:[::1]:4747", ... WALDO_EADDRESS and why. */
waldo_err waldoi_address_parse(const char *text, waldoi_address *ret_address,
                               char message[200]) WALDO_MUST_CHECK;

/* Makes the canonical text of an address from its parts. */
void waldoi_address_format(waldoi_address *address);

/* 1 to 128 characters that RFC 3986 allows in a path segment unescaped. */
bool waldoi_name_is_valid(const char *name);

#endif
