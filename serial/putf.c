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

/* ---- without a writer */

/* A list or map that is being packed: its head is told by a byte once its
 * values are there. */
struct opened {
	uint8_t *head;   /* has the bracket until then */
	uint32_t before; /* values before it in what is around it */
};

#define FEW_LEVELS 8
#define FEW_VALUES 15 /* of a list, or pairs of a map */

/* False if there are too many values, a key has none, or the bracket is not
 * the one that closes it. */
static inline bool
close_level(const struct opened *opened, char bracket, uint32_t count)
{
	bool map = bracket == '}';

	/* ']' is '[' + 2, as '}' is '{' + 2 */
	if (*opened->head + 2 != bracket || (map && count % 2 != 0) ||
	    count > (map ? 2 * FEW_VALUES : FEW_VALUES)) {
		return false;
	}
	*opened->head = (uint8_t) (map ? 0x80 | count / 2 : 0x90 | count);
	return true;
}

/* Beyond `end` if it finds no room, or is not UTF-8. */
static inline uint8_t *
pack_text(uint8_t *p, uint8_t *end, const char *text)
{
	size_t len;

	if (text == NULL) {
		return waldoi_pack_nil(p);
	}
	len = strlen(text);
	if (len >= (size_t) (end - p)) {
		return end + 1;
	}
	p = waldoi_pack_str_head(p, len);
	return waldoi_ascii_copy(p, text, len) || waldoi_is_utf8(text, len)
	           ? p + len
	           : end + 1;
}

static uint8_t *
pack_bytes(uint8_t *p, uint8_t *end, const void *data, size_t len)
{
	if (len >= (size_t) (end - p)) {
		return end + 1;
	}
	return waldoi_pack_bin(p, data, len);
}

/* What a bracket opens, or closes; beyond `end` if that is wrong, or too much.
 */
static inline uint8_t *
pack_bracket(uint8_t *p, uint8_t *end, struct opened open[FEW_LEVELS],
             uint32_t levels, char bracket, uint32_t *depth, uint32_t *count)
{
	if (is_opening(bracket)) {
		if (*depth == FEW_LEVELS || *depth >= levels) {
			return end + 1;
		}
		open[(*depth)++] = (struct opened){p, *count};
		*count = 0;
		*p = (uint8_t) bracket;
		return p + 1;
	}
	if (*depth == 0 || !close_level(&open[--*depth], bracket, *count)) {
		return end + 1;
	}
	*count = open[*depth].before + 1;
	return p;
}

uint8_t *
waldoi_packf(uint8_t *p, uint8_t *end, uint32_t levels, const char *format,
             va_list args, uint32_t *ret_count)
{
	struct opened open[FEW_LEVELS];
	uint32_t depth = 0, count = 0;
	const void *data;
	int64_t number;

	for (; *format != '\0'; format++) {
		if (p > end) {
			return NULL;
		}
		/* The usual ones first: that is quicker than a table. */
		if (*format == 's') {
			p = pack_text(p, end, va_arg(args, const char *));
		} else if (*format == 'I' || *format == 'i') {
			number = *format == 'I' ? va_arg(args, int64_t)
			                        : va_arg(args, int);
			p = waldoi_pack_int(p, number);
		} else if (is_opening(*format) || is_closing(*format)) {
			p = pack_bracket(p, end, open, levels, *format, &depth,
			                 &count);
			continue;
		} else {
			switch (*format) {
			case 'n': p = waldoi_pack_nil(p); break;
			case 'b':
				p = waldoi_pack_bool(p, va_arg(args, int));
				break;
			case 'u':
				p = waldoi_pack_uint(p, va_arg(args, unsigned));
				break;
			case 'U':
				p = waldoi_pack_uint(p, va_arg(args, uint64_t));
				break;
			case 'd':
				p = waldoi_pack_double(p, va_arg(args, double));
				break;
			case 'y':
				data = va_arg(args, const void *);
				p = pack_bytes(p, end, data,
				               va_arg(args, size_t));
				break;
			default: return NULL;
			}
		}
		count++;
	}
	*ret_count = count;
	return depth == 0 && p <= end ? p : NULL;
}

WALDO_API void
waldo_putf(waldo_writer *writer, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	waldoi_putf_va(writer, format, args);
	va_end(args);
}
