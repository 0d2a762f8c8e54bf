/* SPDX-License-Identifier: MIT */
#include "serial/api.h"
#include "serial/put.h"

/* Those of the values, each a bit; they are from '@' to 0x7f. */
static bool
is_letter(char c)
{
#define BIT(letter) (UINT64_C(1) << ((letter) - '@'))
	const uint64_t letters = BIT('n') | BIT('b') | BIT('i') | BIT('I') |
	                         BIT('u') | BIT('U') | BIT('d') | BIT('s') |
	                         BIT('y') | BIT('r');
#undef BIT
	return c >= '@' && (letters >> (c - '@') & 1) != 0;
}

/* Square and curly brackets differ in one bit. */
static bool
is_opening(char c)
{
	return (c | 0x20) == '{';
}

static bool
is_closing(char c)
{
	return (c | 0x20) == '}';
}

static void
fail_format(waldo_writer *writer, const char *format, const char *at,
            const char *why)
{
	waldoi_writer_fail(writer, WALDO_EINVAL, "format: '%c' at %zu %s", *at,
	                   (size_t) (at - format), why);
}

/* The number of values between the bracket at `open` and its partner, in a
 * format whose brackets are in order. */
static size_t
count_values(const char *open)
{
	size_t count = 0;
	size_t depth = 0;

	for (const char *p = open + 1;; p++) {
		if (is_closing(*p)) {
			if (depth == 0) {
				return count;
			}
			depth--;
		} else {
			count += depth == 0;
			depth += is_opening(*p);
		}
	}
}

/* Looks at the format from its first bracket `p` on, before anything behind
 * it is put: a bracket is put with the number of its values. */
static bool
check_brackets(waldo_writer *writer, const char *format, const char *p)
{
	const char *open[WALDOI_MAX_DEPTH];
	size_t depth = 0;

	for (; *p != '\0'; p++) {
		if (is_letter(*p)) {
			continue;
		}
		if (is_opening(*p)) {
			if (depth == WALDOI_MAX_DEPTH) {
				fail_format(writer, format, p, "is too deep");
				return false;
			}
			open[depth++] = p;
		} else if (is_closing(*p)) {
			/* ']' is '[' + 2, as '}' is '{' + 2 */
			if (depth == 0 || *open[--depth] + 2 != *p) {
				fail_format(writer, format, p,
				            "closes nothing");
				return false;
			}
			if (*p == '}' && count_values(open[depth]) % 2 != 0) {
				fail_format(writer, format, open[depth],
				            "has a key without a value");
				return false;
			}
		} else {
			fail_format(writer, format, p, "is no letter of ours");
			return false;
		}
	}
	if (depth > 0) {
		fail_format(writer, format, open[depth - 1], "is not closed");
	}
	return depth == 0;
}

/* The number of values of the list that begins at `p` if it ends the format
 * and has no brackets in it, as most have that are a result; -1 if not. */
static int
count_plain(const char *p)
{
	int count = 0;

	if (*p != '[') {
		return -1;
	}
	for (p++; is_letter(*p); p++) {
		count++;
	}
	return p[0] == ']' && p[1] == '\0' ? count : -1;
}

/* A bracket at `p`. */
static void
put_bracket(waldo_writer *writer, const char *p)
{
	if (*p == '[') {
		waldoi_put_list(writer, count_values(p));
	} else if (*p == '{') {
		waldoi_put_map(writer, count_values(p) / 2);
	}
}

void
waldoi_putf_va(waldo_writer *writer, const char *format, va_list args)
{
	bool brackets = false;
	const void *data;
	int count;

	if (writer == NULL || writer->error != WALDO_OK) {
		return;
	}
	if (format == NULL) {
		waldoi_writer_fail(writer, WALDO_EINVAL, "format: NULL");
		return;
	}
	for (const char *p = format; *p != '\0'; p++) {
		switch (*p) {
		case 'n': waldoi_put_nil(writer); break;
		case 'b': waldoi_put_bool(writer, va_arg(args, int)); break;
		case 'i': waldoi_put_int(writer, va_arg(args, int)); break;
		case 'I': waldoi_put_int(writer, va_arg(args, int64_t)); break;
		case 'u':
			waldoi_put_uint(writer, va_arg(args, unsigned));
			break;
		case 'U':
			waldoi_put_uint(writer, va_arg(args, uint64_t));
			break;
		case 'd':
			waldoi_put_double(writer, va_arg(args, double));
			break;
		case 's':
			waldoi_put_str(writer, va_arg(args, const char *));
			break;
		case 'y':
			data = va_arg(args, const void *);
			waldoi_put_bytes(writer, data, va_arg(args, size_t));
			break;
		case 'r':
			waldoi_put_handle(writer, va_arg(args, void *));
			break;
		case '[':
		case ']':
		case '{':
		case '}':
			if (!brackets) {
				brackets = true;
				count = count_plain(p);
				if (count >= 0) {
					waldoi_put_list(writer, (size_t) count);
					break;
				}
				if (!check_brackets(writer, format, p)) {
					return;
				}
			}
			put_bracket(writer, p);
			break;
		default:
			/* What comes behind cannot be told apart. */
			fail_format(writer, format, p, "is no letter of ours");
			return;
		}
	}
}

WALDO_API void
waldo_putf(waldo_writer *writer, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	waldoi_putf_va(writer, format, args);
	va_end(args);
}
