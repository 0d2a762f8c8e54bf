/* SPDX-License-Identifier: MIT */
/* base64.h - RFC 4648 section 4, with padding */
#ifndef BASE64_H
#define BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

void base64_print(FILE *out, const uint8_t *data, size_t len);

/* Strict. Returns the number of bytes, which `data` has room for (3 for each
 * 4 characters), or -1. `data` may be NULL: only checks. */
ptrdiff_t base64_decode(const char *text, size_t len, uint8_t *data);

#endif
