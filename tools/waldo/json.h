/* SPDX-License-Identifier: MIT */
/*
 * json.h - values written as JSON, and back
 *
 * What JSON cannot say is spelled as an object with one key:
 *
 *	{"$bytes": "AAEC"}                             bytes, in base64
 *	{"$time": "2026-01-02T03:04:05.678901Z"}       a time, UTC
 *	{"$double": "nan"}                             also "inf" and "-inf"
 *	{"$uint": "18446744073709551615"}              accepted; the digits
 *alone are too, and are printed
 *	{"$ref": "Label#3"}                            printed only
 */
#ifndef JSON_H
#define JSON_H

#include <jansson.h>
#include <waldo.h>
#include "labels.h"

/* ---- json_read.c */

/* Parses exactly one JSON text. NULL after a failure, which `*ret_why` then
 * describes; that is to be freed, and is NULL if memory ran out. */
json_t *json_read(const char *text, char **ret_why);

/* Puts a value that json_read() returned. */
void json_put(waldo_writer *writer, const json_t *value);

/* ---- json_print.c */

/* The next value of `reader`; with `all`, all that is left, as a list. To be
 * freed. NULL if the reader has failed or memory ran out. Runs the node if
 * labels have to be asked for. */
char *json_print(waldo_reader *reader, struct labels *labels, bool all);

#endif
