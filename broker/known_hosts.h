/* SPDX-License-Identifier: MIT */
/*
 * broker/known_hosts.h - which key a host had, and which it will have
 *
 * A text of lines, which people may edit:
 *
 *	# what they like
 *	host HOST:PORT KEY     that key was accepted for that place
 *	next KEY NEXT-KEY      the holder of KEY said that it will go on as
 *	                       NEXT-KEY
 *
 * These functions only read and write the text; known_hosts_file.c of
 * broker/net/ has the file. A line that is none of these is skipped, so that
 * another version may have more of them; it is not lost.
 */
#ifndef WALDOI_KNOWN_HOSTS_H
#define WALDOI_KNOWN_HOSTS_H

#include <waldo/key.h>

#define WALDOI_KNOWN_LINE 384 /* the longest that is written, with its NUL */

/* The key of a place, "host:port" as in the canonical text of an address.
 * False: it has none. With several lines the last one counts. */
bool waldoi_known_find(const char *text, size_t len, const char *place,
                       uint8_t ret_key[WALDO_KEY_BYTES]);

/* Whether the holder of `key` said that it will go on as `next`. */
bool waldoi_known_has_next(const char *text, size_t len,
                           const uint8_t key[WALDO_KEY_BYTES],
                           const uint8_t next[WALDO_KEY_BYTES]);

/* How many lines say what `key` will go on as. */
size_t waldoi_known_count_next(const char *text, size_t len,
                               const uint8_t key[WALDO_KEY_BYTES]);

/* The keys that `key` may have become, at most `max`, directly or in steps, the
 * latest first; returns their number. */
size_t waldoi_known_list_next(const char *text, size_t len,
                              const uint8_t key[WALDO_KEY_BYTES],
                              uint8_t ret_keys[][WALDO_KEY_BYTES], size_t max);

/* Lines to be put at the end, terminated. */
void waldoi_known_format_host(const char *place,
                              const uint8_t key[WALDO_KEY_BYTES],
                              char line[WALDOI_KNOWN_LINE]);
void waldoi_known_format_next(const uint8_t key[WALDO_KEY_BYTES],
                              const uint8_t next[WALDO_KEY_BYTES],
                              char line[WALDOI_KNOWN_LINE]);

/* ---- known_hosts_file.c */

/* Gets the whole text, malloc'ed; of a file that is not there it is empty.
 * Refused as a key file is if others may write it: WALDO_EDENIED. At most
 * 1 MiB: WALDO_ELIMIT. */
waldo_err waldoi_known_read(const char *path, char **ret_text, size_t *ret_len,
                            char message[200]) WALDO_MUST_CHECK;

/* Appends a line, in one write, behind a whole one. WALDO_ELIMIT if it would
 * become longer than can be read. */
waldo_err waldoi_known_append(const char *path, const char *line,
                              char message[200]) WALDO_MUST_CHECK;

#endif
