/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base64.h"
#include "json.h"

/* The code point below U+00A0 that `s` begins with if it needs an escape: C0,
 * DEL and C1, which terminals obey. Else -1. */
static int
control_character(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *) s;

	if (u[0] < 0x20 || u[0] == 0x7f) {
		return u[0];
	}
	return len > 1 && u[0] == 0xc2 && u[1] < 0xa0 ? u[1] : -1;
}

static void
print_string(FILE *out, const char *s, size_t len)
{
	static const char named[] = "\bb\ff\nn\rr\tt\"\"\\\\";
	size_t i;

	fputc('"', out);
	for (i = 0; i < len; i++) {
		int control = control_character(s + i, len - i);
		const char *name = s[i] != '\0' ? strchr(named, s[i]) : NULL;

		if (name != NULL && (name - named) % 2 == 0) {
			fprintf(out, "\\%c", name[1]);
		} else if (control >= 0) {
			fprintf(out, "\\u%04x", (unsigned) control);
			i += control >= 0x80;
		} else {
			fputc(s[i], out);
		}
	}
	fputc('"', out);
}

/* The shortest digits that read back as the same double, and as a double. */
static void
print_double(FILE *out, double value)
{
	char text[40];
	int precision = 14;

	if (!isfinite(value)) {
		fprintf(out, "{\"$double\": \"%s\"}",
		        isnan(value) ? "nan"
		        : value > 0  ? "inf"
		                     : "-inf");
		return;
	}
	do {
		snprintf(text, sizeof(text), "%.*g", ++precision, value);
	} while (precision < 17 && strtod(text, NULL) != value);
	fprintf(out, "%s%s", text, strpbrk(text, ".e") == NULL ? ".0" : "");
}

static void
print_time(FILE *out, int64_t time)
{
	time_t seconds = (time_t) (time / 1000000);
	int64_t micros = time % 1000000;
	char text[64];
	struct tm tm;

	if (micros < 0) {
		seconds--;
		micros += 1000000;
	}
	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(out, "{\"$time\": \"%s.%06dZ\"}", text, (int) micros);
}

static void print_value(FILE *out, waldo_reader *reader, struct labels *labels);

static void
print_list(FILE *out, waldo_reader *reader, struct labels *labels)
{
	size_t count = waldo_read_list(reader);
	size_t i;

	fputc('[', out);
	for (i = 0; i < count; i++) {
		fputs(i > 0 ? "," : "", out);
		print_value(out, reader, labels);
	}
	fputc(']', out);
}

/* JSON knows only strings as keys: of any other, its own JSON is the key. */
static void
print_key(FILE *out, waldo_reader *reader, struct labels *labels)
{
	char *text = NULL;
	size_t size = 0;
	FILE *key;

	if (waldo_read_type(reader) == WALDO_TYPE_STR) {
		print_value(out, reader, labels);
		return;
	}
	key = open_memstream(&text, &size);
	if (key == NULL) {
		waldo_read_skip(reader);
		return;
	}
	print_value(key, reader, labels);
	if (fclose(key) == 0) {
		print_string(out, text, size);
	}
	free(text);
}

static void
print_map(FILE *out, waldo_reader *reader, struct labels *labels)
{
	size_t count = waldo_read_map(reader);
	size_t i;

	fputc('{', out);
	for (i = 0; i < count; i++) {
		fputs(i > 0 ? "," : "", out);
		print_key(out, reader, labels);
		fputs(": ", out);
		print_value(out, reader, labels);
	}
	fputc('}', out);
}

static void
print_ref(FILE *out, waldo_reader *reader, struct labels *labels)
{
	const char *label = labels_get(labels, waldo_read_ref(reader));

	fputs("{\"$ref\": ", out);
	print_string(out, label, strlen(label));
	fputc('}', out);
}

static void
print_bytes(FILE *out, waldo_reader *reader)
{
	size_t len = 0;
	const void *data = waldo_read_bytes(reader, &len);

	fputs("{\"$bytes\": \"", out);
	base64_print(out, data, len);
	fputs("\"}", out);
}

static void
print_value(FILE *out, waldo_reader *reader, struct labels *labels)
{
	const char *text;
	size_t len = 0;

	switch (waldo_read_type(reader)) {
	case WALDO_TYPE_END: break;
	case WALDO_TYPE_NIL:
		waldo_read_skip(reader);
		fputs("null", out);
		break;
	case WALDO_TYPE_BOOL:
		fputs(waldo_read_bool(reader) ? "true" : "false", out);
		break;
	case WALDO_TYPE_INT:
		fprintf(out, "%" PRId64,
		        waldo_read_int(reader, INT64_MIN, INT64_MAX));
		break;
	case WALDO_TYPE_UINT:
		fprintf(out, "%" PRIu64, waldo_read_uint(reader, UINT64_MAX));
		break;
	case WALDO_TYPE_DOUBLE:
		print_double(out, waldo_read_double(reader));
		break;
	case WALDO_TYPE_STR:
		text = waldo_read_str(reader, &len);
		print_string(out, text, len);
		break;
	case WALDO_TYPE_BYTES: print_bytes(out, reader); break;
	case WALDO_TYPE_TIME: print_time(out, waldo_read_time(reader)); break;
	case WALDO_TYPE_LIST: print_list(out, reader, labels); break;
	case WALDO_TYPE_MAP: print_map(out, reader, labels); break;
	case WALDO_TYPE_REF: print_ref(out, reader, labels); break;
	}
}

char *
json_print(waldo_reader *reader, struct labels *labels, bool all)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	bool first = true;

	if (out == NULL) {
		return NULL;
	}
	if (!all) {
		print_value(out, reader, labels);
	} else {
		fputc('[', out);
		while (waldo_read_type(reader) != WALDO_TYPE_END) {
			fputs(first ? "" : ",", out);
			print_value(out, reader, labels);
			first = false;
		}
		fputc(']', out);
	}
	if (fclose(out) != 0 || waldo_read_error(reader) != WALDO_OK) {
		free(text);
		return NULL;
	}
	return text;
}
