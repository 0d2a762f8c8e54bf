/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base64.h"
#include "json.h"
#include "tool.h"

/* ---- objects with one key that stand for what JSON has not */

typedef bool special_put(waldo_writer *writer, const char *text, size_t len);

/* Each checks `text`, and puts what it says unless `writer` is NULL. */

static bool
put_bytes(waldo_writer *writer, const char *text, size_t len)
{
	ptrdiff_t size = base64_decode(text, len, NULL);
	uint8_t *data;

	if (size < 0 || writer == NULL) {
		return size >= 0;
	}
	data = malloc((size_t) size + 1);
	if (data == NULL) {
		exit(complain(STATUS_LOST, "out of memory"));
	}
	base64_decode(text, len, data);
	waldo_put_bytes_take(writer, data, (size_t) size, free, data);
	return true;
}

static bool
put_time(waldo_writer *writer, const char *text, size_t len)
{
	struct tm tm = {0};
	struct tm read;
	const char *s = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t micros = 0;
	int64_t unit = 100000;
	int64_t seconds;

	if (s == NULL ||
	    s - text != (ptrdiff_t) strlen("2026-01-02T03:04:05")) {
		return false;
	}
	if (*s == '.' && isdigit((unsigned char) s[1])) {
		while (isdigit((unsigned char) *++s) && unit > 0) {
			micros += (*s - '0') * unit;
			unit /= 10;
		}
	}
	/* timegm() makes the 2nd of March of the 30th of February. */
	read = tm;
	seconds = timegm(&tm);
	if (*s != 'Z' || s + 1 != text + len || tm.tm_mday != read.tm_mday ||
	    tm.tm_sec != read.tm_sec) {
		return false;
	}
	if (writer != NULL) {
		waldo_put_time(writer, seconds * 1000000 + micros);
	}
	return true;
}

static bool
put_double(waldo_writer *writer, const char *text, size_t len)
{
	bool minus = text[0] == '-';
	bool is_nan = strcmp(text, "nan") == 0;

	(void) len;
	if (!is_nan && strcmp(text + minus, "inf") != 0) {
		return false;
	}
	if (writer != NULL) {
		double value = is_nan ? (double) NAN : (double) INFINITY;

		waldo_put_double(writer, minus ? -value : value);
	}
	return true;
}

static bool
put_uint(waldo_writer *writer, const char *text, size_t len)
{
	char *end = NULL;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (!isdigit((unsigned char) text[0]) || end != text + len ||
	    errno != 0) {
		return false;
	}
	waldo_put_uint(writer, value);
	return true;
}

static const struct special {
	const char *key;
	special_put *put; /* NULL: printed, but never accepted */
	const char *wants;
} specials[] = {
    {"$bytes", put_bytes, "base64"},
    {"$time", put_time, "like 2026-01-02T03:04:05.678901Z"},
    {"$double", put_double, "\"nan\", \"inf\" or \"-inf\""},
    {"$uint", put_uint, "decimal digits, 18446744073709551615 at most"},
    {"$ref", NULL, NULL},
};

/* The special form that `value` is, with its text; NULL if it is none. */
static const struct special *
find_special(const json_t *value, const json_t **ret_text)
{
	void *iter = json_object_iter((json_t *) value);
	size_t i;

	if (json_object_size(value) != 1) {
		return NULL;
	}
	for (i = 0; i < sizeof(specials) / sizeof(specials[0]); i++) {
		if (strcmp(json_object_iter_key(iter), specials[i].key) == 0) {
			*ret_text = json_object_iter_value(iter);
			return &specials[i];
		}
	}
	return NULL;
}

/* ---- reading */

/* The list that the arguments are in is one more: the default, and most, of
 * waldo_limits.depth is 64. */
#define MAX_DEPTH 63

/* Why `special` cannot be sent with `text`, to be freed; NULL if it can. */
static char *
find_special_misfit(const struct special *special, const json_t *text)
{
	char *why = NULL;
	int len;

	if (special->put == NULL) {
		len = asprintf(&why,
		               "cannot be sent: %s gives no access to an "
		               "object; pass @URI",
		               special->key);
	} else if (json_is_string(text) &&
	           special->put(NULL, json_string_value(text),
	                        json_string_length(text))) {
		return NULL;
	} else {
		len =
		    asprintf(&why, "cannot be sent: the value of %s must be %s",
		             special->key, special->wants);
	}
	if (len < 0) {
		exit(complain(STATUS_LOST, "out of memory"));
	}
	return why;
}

/* The same of the first value in `value`, around which there are `depth` more,
 * that cannot be sent. */
static char *
find_misfit(const json_t *value, size_t depth)
{
	const json_t *text = NULL;
	const struct special *special = find_special(value, &text);
	char *why = NULL;
	const char *key;
	json_t *item;
	size_t i;

	if (special != NULL) {
		return find_special_misfit(special, text);
	}
	if (depth == MAX_DEPTH &&
	    (json_is_array(value) || json_is_object(value))) {
		if (asprintf(&why, "nests deeper than %d levels", MAX_DEPTH) <
		    0) {
			exit(complain(STATUS_LOST, "out of memory"));
		}
		return why;
	}
	json_array_foreach(value, i, item)
	{
		if (why == NULL) {
			why = find_misfit(item, depth + 1);
		}
	}
	json_object_foreach((json_t *) value, key, item)
	{
		if (why == NULL) {
			why = find_misfit(item, depth + 1);
		}
	}
	return why;
}

/* Copies one number of `text`, as {"$uint": ...} if it is above INT64_MAX,
 * which jansson would refuse. Returns what follows it. */
static const char *
copy_number(FILE *out, const char *text)
{
	size_t len = strspn(text, "0123456789+-.eE");
	bool large =
	    strspn(text, "0123456789") == len && text[0] != '0' &&
	    ((len == 20 && strncmp(text, "18446744073709551615", 20) <= 0) ||
	     (len == 19 && strncmp(text, "9223372036854775807", 19) > 0));

	fprintf(out, large ? "{\"$uint\":\"%.*s\"}" : "%.*s", (int) len, text);
	return text + len;
}

/* The same JSON with its large numbers spelled so that jansson takes them. */
static char *
spell_large_numbers(const char *text)
{
	char *spelled = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&spelled, &size);
	bool in_string = false;

	if (out == NULL) {
		return NULL;
	}
	while (*text != '\0') {
		if (!in_string &&
		    (*text == '-' || isdigit((unsigned char) *text))) {
			text = copy_number(out, text);
			continue;
		}
		if (in_string && *text == '\\' && text[1] != '\0') {
			fputc(*text++, out);
		} else if (*text == '"') {
			in_string = !in_string;
		}
		fputc(*text++, out);
	}
	return fclose(out) == 0 ? spelled : NULL;
}

static json_t *
load(const char *text, json_error_t *ret_error)
{
	return json_loads(
	    text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
	    ret_error);
}

/* Where the text went wrong, counted from 1. That it is too short is wrong
 * behind its last character, which is what jansson names. */
static int
column_of(const json_error_t *error)
{
	bool ended =
	    json_error_code(error) == json_error_premature_end_of_input ||
	    strstr(error->text, "near end of file") != NULL;

	return error->column + (ended ? 1 : 0);
}

json_t *
json_read(const char *text, char **ret_why)
{
	json_error_t error;
	json_t *value = load(text, &error);

	*ret_why = NULL;
	if (value == NULL &&
	    json_error_code(&error) == json_error_numeric_overflow) {
		json_error_t ignored;
		char *spelled = spell_large_numbers(text);

		value = spelled != NULL ? load(spelled, &ignored) : NULL;
		free(spelled);
	}
	if (value == NULL) {
		if (asprintf(ret_why, "is not JSON: %s at column %d",
		             error.text, column_of(&error)) < 0) {
			*ret_why = NULL;
		}
		return NULL;
	}
	*ret_why = find_misfit(value, 0);
	if (*ret_why != NULL) {
		json_decref(value);
		return NULL;
	}
	return value;
}

/* ---- putting */

static void
put_list(waldo_writer *writer, const json_t *list)
{
	json_t *item;
	size_t i;

	waldo_put_list(writer, json_array_size(list));
	json_array_foreach(list, i, item)
	{
		json_put(writer, item);
	}
}

static void
put_map(waldo_writer *writer, const json_t *map)
{
	const json_t *text = NULL;
	const struct special *special = find_special(map, &text);
	const char *key;
	json_t *item;

	if (special != NULL) {
		special->put(writer, json_string_value(text),
		             json_string_length(text));
		return;
	}
	waldo_put_map(writer, json_object_size(map));
	json_object_foreach((json_t *) map, key, item)
	{
		waldo_put_str(writer, key);
		json_put(writer, item);
	}
}

void
json_put(waldo_writer *writer, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_NULL: waldo_put_nil(writer); break;
	case JSON_TRUE: waldo_put_bool(writer, true); break;
	case JSON_FALSE: waldo_put_bool(writer, false); break;
	case JSON_INTEGER:
		waldo_put_int(writer, json_integer_value(value));
		break;
	case JSON_REAL: waldo_put_double(writer, json_real_value(value)); break;
	case JSON_STRING:
		waldo_put_strn(writer, json_string_value(value),
		               json_string_length(value));
		break;
	case JSON_ARRAY: put_list(writer, value); break;
	case JSON_OBJECT: put_map(writer, value); break;
	}
}
