/* SPDX-License-Identifier: MIT */
#include "broker/address_text.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MAX_HOST   253 /* RFC 1035, in text */
#define SHOWN      100 /* bytes of a text that a message repeats */
#define SHOWN_PART 32  /* of a part of it */

/* A message goes to terminals and logs: what is not printable ASCII in the
 * text that it repeats becomes '?'. */
static void
make_printable(char *message)
{
	for (; *message != '\0'; message++) {
		if (*message < ' ' || *message > '~') {
			*message = '?';
		}
	}
}

waldo_err
waldoi_text_refuse(const waldoi_text *p, waldo_err err, const char *format, ...)
{
	bool cut = strlen(p->text) > SHOWN;
	int len = snprintf(p->message, WALDOI_TEXT_MESSAGE,
	                   "%.*s%s: ", cut ? SHOWN : (int) strlen(p->text),
	                   p->text, cut ? "..." : "");
	va_list args;

	va_start(args, format);
	vsnprintf(p->message + len, WALDOI_TEXT_MESSAGE - (size_t) len, format,
	          args);
	va_end(args);
	make_printable(p->message);
	return err;
}

size_t
waldoi_text_place(const waldoi_text *p, const char *at)
{
	return (size_t) (at - p->text) + 1;
}

int
waldoi_text_shown(const char *begin, const char *end)
{
	return end - begin < SHOWN_PART ? (int) (end - begin) : SHOWN_PART;
}

/* Not isalnum() and its kin: they ask the locale. */
static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool
waldoi_text_is_pchar(char c)
{
	return is_alnum(c) ||
	       (c != '\0' && strchr("-._~!$&'()*+,;=:@", c) != NULL);
}

static bool
is_control(char c)
{
	return (unsigned char) c < ' ' || c == 0x7f;
}

static int
hex_value(char c)
{
	if (is_digit(c)) {
		return c - '0';
	}
	if (c >= 'a' && c <= 'f') {
		return c - 'a' + 10;
	}
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

long
waldoi_text_number(const char *begin, const char *end, long max)
{
	long number = 0;

	if (begin == end || (*begin == '0' && end - begin > 1)) {
		return -1;
	}
	for (; begin < end; begin++) {
		if (!is_digit(*begin) || number > (max - (*begin - '0')) / 10) {
			return -1;
		}
		number = number * 10 + (*begin - '0');
	}
	return number;
}

static waldo_err
parse_port(const waldoi_text *p, const char *begin, const char *end,
           waldoi_address *address)
{
	long port = waldoi_text_number(begin, end, UINT16_MAX);

	if (port < (p->is_uri ? 1 : 0)) {
		return waldoi_text_refuse(
		    p, WALDO_EADDRESS,
		    "port '%.*s' at character %zu is not a number "
		    "%d..65535",
		    waldoi_text_shown(begin, end), begin,
		    waldoi_text_place(p, begin), p->is_uri ? 1 : 0);
	}
	address->port = (uint16_t) port;
	return WALDO_OK;
}

/* [begin, end) is what stands between the brackets. */
static waldo_err
parse_ipv6(const waldoi_text *p, const char *begin, const char *end,
           waldoi_address *address)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr in6;
	size_t len = (size_t) (end - begin);

	if (len < sizeof(text)) {
		memcpy(text, begin, len);
		text[len] = '\0';
		if (inet_pton(AF_INET6, text, &in6) == 1) {
			/* The one spelling of RFC 5952. */
			inet_ntop(AF_INET6, &in6, address->host,
			          sizeof(address->host));
			return WALDO_OK;
		}
	}
	return waldoi_text_refuse(
	    p, WALDO_EADDRESS, "'%.*s' at character %zu is not an IPv6 address",
	    waldoi_text_shown(begin, end), begin, waldoi_text_place(p, begin));
}

/* Labels of letters, digits, '-' and '_' with dots between them. */
static waldo_err
parse_host_name(const waldoi_text *p, const char *begin, const char *end,
                waldoi_address *address)
{
	const char *label = begin; /* where the last one begins */
	const char *at;
	struct in_addr in;

	if (end - begin > MAX_HOST) {
		return waldoi_text_refuse(
		    p, WALDO_EADDRESS,
		    "the host name at character %zu is longer than "
		    "%d characters",
		    waldoi_text_place(p, begin), MAX_HOST);
	}
	for (at = begin; at < end; at++) {
		if (*at == '.' && at > label) {
			label = at + 1;
		} else if (!is_alnum(*at) && *at != '-' && *at != '_') {
			return waldoi_text_refuse(
			    p, WALDO_EADDRESS,
			    "'%c' at character %zu cannot stand "
			    "there in a host name",
			    *at, waldoi_text_place(p, at));
		}
		address->host[at - begin] =
		    *at >= 'A' && *at <= 'Z' ? (char) (*at + 32) : *at;
	}
	if (label == end) {
		return waldoi_text_refuse(
		    p, WALDO_EADDRESS, "there is no host before character %zu",
		    waldoi_text_place(p, end));
	}
	/* No top level domain is a number: that is an address, perhaps with a
	 * slip in it, and never a question for a name server. */
	label = address->host + (label - begin);
	if (strspn(label, "0123456789") == strlen(label) &&
	    inet_pton(AF_INET, address->host, &in) != 1) {
		return waldoi_text_refuse(
		    p, WALDO_EADDRESS,
		    "'%.*s' at character %zu is not an IPv4 address",
		    waldoi_text_shown(begin, end), begin,
		    waldoi_text_place(p, begin));
	}
	return WALDO_OK;
}

waldo_err
waldoi_text_host_port(const waldoi_text *p, const char *begin, const char *end,
                      waldoi_address *address)
{
	const char *host_end = end;
	waldo_err err;

	if (begin < end && *begin == '[') {
		host_end = memchr(begin, ']', (size_t) (end - begin));
		if (host_end == NULL) {
			return waldoi_text_refuse(
			    p, WALDO_EADDRESS,
			    "'[' at character %zu is not closed",
			    waldoi_text_place(p, begin));
		}
		err = parse_ipv6(p, begin + 1, host_end, address);
		host_end++;
	} else {
		host_end = memchr(begin, ':', (size_t) (end - begin));
		host_end = host_end != NULL ? host_end : end;
		err = parse_host_name(p, begin, host_end, address);
	}
	if (err != WALDO_OK) {
		return err;
	}
	if (host_end == end || *host_end != ':') {
		return waldoi_text_refuse(
		    p, WALDO_EADDRESS,
		    "there is no ':' and port at character %zu",
		    waldoi_text_place(p, host_end));
	}
	return parse_port(p, host_end + 1, end, address);
}

waldo_err
waldoi_text_name(const waldoi_text *p, const char *begin, const char *end,
                 char *ret_name)
{
	const char *at;

	if (end - begin > WALDOI_MAX_NAME) {
		return waldoi_text_refuse(
		    p, WALDO_EADDRESS,
		    "the name at character %zu is longer than %d "
		    "characters",
		    waldoi_text_place(p, begin), WALDOI_MAX_NAME);
	}
	for (at = begin; at < end; at++) {
		if (!waldoi_text_is_pchar(*at)) {
			return waldoi_text_refuse(
			    p, WALDO_EADDRESS,
			    "'%c' at character %zu cannot stand in "
			    "a name",
			    *at, waldoi_text_place(p, at));
		}
	}
	memcpy(ret_name, begin, (size_t) (end - begin));
	ret_name[end - begin] = '\0';
	return WALDO_OK;
}

waldo_err
waldoi_text_inproc(const waldoi_text *p, const char *begin, const char *end,
                   waldoi_address *address)
{
	if (begin == end) {
		return waldoi_text_refuse(p, WALDO_EADDRESS,
		                          "there is no name at character %zu",
		                          waldoi_text_place(p, begin));
	}
	return waldoi_text_name(p, begin, end, address->host);
}

/* One byte of a path, escaped or not; moves *at behind it. */
static waldo_err
parse_path_byte(const waldoi_text *p, const char **at, const char *end,
                char *ret_byte)
{
	const char *c = *at;
	char byte = *c;
	int high, low;

	if (p->is_uri && byte == '%') {
		high = end - c > 2 ? hex_value(c[1]) : -1;
		low = end - c > 2 ? hex_value(c[2]) : -1;
		if (high < 0 || low < 0) {
			return waldoi_text_refuse(
			    p, WALDO_EADDRESS,
			    "'%%' at character %zu is not followed "
			    "by two hexadecimal digits",
			    waldoi_text_place(p, c));
		}
		byte = (char) (high * 16 + low);
		*at += 2;
		if (is_control(byte) || byte == '/') {
			return waldoi_text_refuse(
			    p, WALDO_EADDRESS,
			    "'%.3s' at character %zu cannot stand "
			    "in a path",
			    c, waldoi_text_place(p, c));
		}
	} else if (is_control(byte) ||
	           (p->is_uri && byte != '/' && !waldoi_text_is_pchar(byte))) {
		return waldoi_text_refuse(
		    p, WALDO_EADDRESS,
		    "'%c' at character %zu cannot stand in a path%s", byte,
		    waldoi_text_place(p, c),
		    p->is_uri ? " unless it is escaped" : "");
	}
	*at += 1;
	*ret_byte = byte;
	return WALDO_OK;
}

waldo_err
waldoi_text_path(const waldoi_text *p, const char *begin, const char *end,
                 waldoi_address *address)
{
	const char *at = begin;
	size_t len = 0;
	waldo_err err;

	if (begin == end) {
		return waldoi_text_refuse(p, WALDO_EADDRESS,
		                          "there is no path at character %zu",
		                          waldoi_text_place(p, begin));
	}
	while (at < end) {
		if (len == WALDOI_MAX_PATH) {
			return waldoi_text_refuse(
			    p, WALDO_EADDRESS,
			    "the path at character %zu is longer "
			    "than %d bytes",
			    waldoi_text_place(p, begin), WALDOI_MAX_PATH);
		}
		err = parse_path_byte(p, &at, end, &address->host[len]);
		if (err != WALDO_OK) {
			return err;
		}
		len++;
	}
	return WALDO_OK;
}
const char *
waldoi_text_scheme(const char *text, const waldoi_prefix *prefixes,
                   waldoi_scheme *ret_scheme)
{
	for (; prefixes->text != NULL; prefixes++) {
		size_t len = strlen(prefixes->text);

		if (strncasecmp(text, prefixes->text, len) == 0) {
			*ret_scheme = prefixes->scheme;
			return text + len;
		}
	}
	return NULL;
}
void
waldoi_text_format_host_port(const char *scheme, const waldoi_address *address,
                             char *text, size_t size)
{
	bool ipv6 = strchr(address->host, ':') != NULL;

	/* An IPv6 address alone has colons. */
	snprintf(text, size, "%s%s%s%s:%u", scheme, ipv6 ? "[" : "",
	         address->host, ipv6 ? "]" : "", (unsigned) address->port);
}

bool
waldoi_name_is_valid(const char *name)
{
	size_t len = 0;

	while (waldoi_text_is_pchar(name[len])) {
		len++;
	}
	return len > 0 && len <= WALDOI_MAX_NAME && name[len] == '\0';
}
