/* SPDX-License-Identifier: MIT */
/*
 * broker/address_text.h - what addresses and URIs are made of
 *
 * For address.c and uri.c: a text is taken apart from its beginning to its
 * end; a part of it is [begin, end). Whatever the grammar does not have is
 * refused with its place.
 */
#ifndef WALDOI_ADDRESS_TEXT_H
#define WALDOI_ADDRESS_TEXT_H

#include "broker/address.h"

#define WALDOI_TEXT_MESSAGE 200
#define WALDOI_MAX_PATH     107 /* sun_path, less its NUL */

typedef struct waldoi_text {
	const char *text;
	char *message; /* WALDOI_TEXT_MESSAGE bytes */
	bool is_uri;
} waldoi_text;

typedef struct waldoi_prefix {
	const char *text; /* NULL ends a list of them */
	waldoi_scheme scheme;
} waldoi_prefix;

/* Makes the message: the text, and what is wrong with it. Returns `err`. */
waldo_err waldoi_text_refuse(const waldoi_text *p, waldo_err err,
                             const char *format, ...) WALDO_PRINTF(3, 4);

/* For messages: where `at` is, as people count; and how many bytes of a part
 * to repeat, with "%.*s". */
size_t waldoi_text_place(const waldoi_text *p, const char *at);
int waldoi_text_shown(const char *begin, const char *end);

/* What stands behind the prefix; NULL if there is none of them. Schemes are
 * equal whatever their case (RFC 3986 section 3.1). */
const char *waldoi_text_scheme(const char *text, const waldoi_prefix *prefixes,
                               waldoi_scheme *ret_scheme);

/* Decimal without sign or leading zeros; -1 if it is not, or is above `max`. */
long waldoi_text_number(const char *begin, const char *end, long max);

/* May stand in a segment of a path unescaped (RFC 3986 section 3.3). */
bool waldoi_text_is_pchar(char c);

/* HOST ":" PORT, into host and port of the address. */
waldo_err waldoi_text_host_port(const waldoi_text *p, const char *begin,
                                const char *end, waldoi_address *address)
    WALDO_MUST_CHECK;

/* A published name, at most WALDOI_MAX_NAME characters. */
waldo_err waldoi_text_name(const waldoi_text *p, const char *begin,
                           const char *end, char *ret_name) WALDO_MUST_CHECK;

/* The name of a meeting point of inproc, into address->host. */
waldo_err waldoi_text_inproc(const waldoi_text *p, const char *begin,
                             const char *end, waldoi_address *address)
    WALDO_MUST_CHECK;

/* The path of a socket, into address->host, its escapes undone. */
waldo_err waldoi_text_path(const waldoi_text *p, const char *begin,
                           const char *end, waldoi_address *address)
    WALDO_MUST_CHECK;

/* HOST ":" PORT behind `scheme`. */
void waldoi_text_format_host_port(const char *scheme,
                                  const waldoi_address *address, char *text,
                                  size_t size);

#endif
