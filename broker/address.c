/* SPDX-License-Identifier: MIT */
#include "broker/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MESSAGE_SIZE 200
#define MAX_PATH     107 /* sun_path, less its NUL */
#define MAX_HOST     253 /* RFC 1035, in text */
#define SHOWN        100 /* bytes of a text that a message repeats */
#define SHOWN_PART   32  /* of a part of it */

/* One text under the knife; parts of it are [begin, end). */
typedef struct parser {
	const char *text;
	char *message; /* MESSAGE_SIZE bytes */
	bool is_uri;
} parser;

typedef struct prefix {
	const char *text;
	waldoi_scheme scheme;
} prefix;

static const prefix address_prefixes[] = {
    {"unix:", WALDOI_UNIX}, {"tcp-insecure:", WALDOI_TCP_INSECURE},
    {"tcp:", WALDOI_TCP},   {"inproc:", WALDOI_INPROC},
    {"fd:", WALDOI_FD},     {NULL, WALDOI_UNIX},
};

static const prefix uri_prefixes[] = {
    {"waldo+unix:", WALDOI_UNIX}, {"waldo+tcp-insecure:", WALDOI_TCP_INSECURE},
    {"waldo:", WALDOI_TCP},       {"waldo+inproc:", WALDOI_INPROC},
    {NULL, WALDOI_UNIX},
};

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

WALDO_PRINTF(3, 4)
static waldo_err
refuse(const parser *p, waldo_err err, const char *format, ...)
{
	bool cut = strlen(p->text) > SHOWN;
	int len = snprintf(p->message, MESSAGE_SIZE,
	                   "%.*s%s: ", cut ? SHOWN : (int) strlen(p->text),
	                   p->text, cut ? "..." : "");
	va_list args;

	va_start(args, format);
	vsnprintf(p->message + len, MESSAGE_SIZE - (size_t) len, format, args);
	va_end(args);
	make_printable(p->message);
	return err;
}

/* People count from one. */
static size_t
place(const parser *p, const char *at)
{
	return (size_t) (at - p->text) + 1;
}

static int
shown(const char *begin, const char *end)
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

static bool
is_pchar(char c)
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

/* Decimal without sign or leading zeros; -1 if it is not, or is above `max`. */
static long
parse_number(const char *begin, const char *end, long max)
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
parse_port(const parser *p, const char *begin, const char *end,
           waldoi_address *address)
{
	long port = parse_number(begin, end, UINT16_MAX);

	if (port < (p->is_uri ? 1 : 0)) {
		return refuse(p, WALDO_EADDRESS,
		              "port '%.*s' at character %zu is not a number "
		              "%d..65535",
		              shown(begin, end), begin, place(p, begin),
		              p->is_uri ? 1 : 0);
	}
	address->port = (uint16_t) port;
	return WALDO_OK;
}

/* [begin, end) is what stands between the brackets. */
static waldo_err
parse_ipv6(const parser *p, const char *begin, const char *end,
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
	return refuse(p, WALDO_EADDRESS,
	              "'%.*s' at character %zu is not an IPv6 address",
	              shown(begin, end), begin, place(p, begin));
}

/* Labels of letters, digits, '-' and '_' with dots between them. */
static waldo_err
parse_host_name(const parser *p, const char *begin, const char *end,
                waldoi_address *address)
{
	const char *label = begin; /* where the last one begins */
	const char *at;
	struct in_addr in;

	if (end - begin > MAX_HOST) {
		return refuse(p, WALDO_EADDRESS,
		              "the host name at character %zu is longer than "
		              "%d characters",
		              place(p, begin), MAX_HOST);
	}
	for (at = begin; at < end; at++) {
		if (*at == '.' && at > label) {
			label = at + 1;
		} else if (!is_alnum(*at) && *at != '-' && *at != '_') {
			return refuse(p, WALDO_EADDRESS,
			              "'%c' at character %zu cannot stand "
			              "there in a host name",
			              *at, place(p, at));
		}
		address->host[at - begin] =
		    *at >= 'A' && *at <= 'Z' ? (char) (*at + 32) : *at;
	}
	if (label == end) {
		return refuse(p, WALDO_EADDRESS,
		              "there is no host before character %zu",
		              place(p, end));
	}
	/* No top level domain is a number: that is an address, perhaps with a
	 * slip in it, and never a question for a name server. */
	label = address->host + (label - begin);
	if (strspn(label, "0123456789") == strlen(label) &&
	    inet_pton(AF_INET, address->host, &in) != 1) {
		return refuse(p, WALDO_EADDRESS,
		              "'%.*s' at character %zu is not an IPv4 address",
		              shown(begin, end), begin, place(p, begin));
	}
	return WALDO_OK;
}

/* HOST ":" PORT */
static waldo_err
parse_host_port(const parser *p, const char *begin, const char *end,
                waldoi_address *address)
{
	const char *host_end = end;
	waldo_err err;

	if (begin < end && *begin == '[') {
		host_end = memchr(begin, ']', (size_t) (end - begin));
		if (host_end == NULL) {
			return refuse(p, WALDO_EADDRESS,
			              "'[' at character %zu is not closed",
			              place(p, begin));
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
		return refuse(p, WALDO_EADDRESS,
		              "there is no ':' and port at character %zu",
		              place(p, host_end));
	}
	return parse_port(p, host_end + 1, end, address);
}

/* A published name, or a meeting point of inproc. */
static waldo_err
parse_name(const parser *p, const char *begin, const char *end, char *ret_name)
{
	const char *at;

	if (end - begin > WALDOI_MAX_NAME) {
		return refuse(p, WALDO_EADDRESS,
		              "the name at character %zu is longer than %d "
		              "characters",
		              place(p, begin), WALDOI_MAX_NAME);
	}
	for (at = begin; at < end; at++) {
		if (!is_pchar(*at)) {
			return refuse(p, WALDO_EADDRESS,
			              "'%c' at character %zu cannot stand in "
			              "a name",
			              *at, place(p, at));
		}
	}
	memcpy(ret_name, begin, (size_t) (end - begin));
	ret_name[end - begin] = '\0';
	return WALDO_OK;
}

static waldo_err
parse_inproc(const parser *p, const char *begin, const char *end,
             waldoi_address *address)
{
	if (begin == end) {
		return refuse(p, WALDO_EADDRESS,
		              "there is no name at character %zu",
		              place(p, begin));
	}
	return parse_name(p, begin, end, address->host);
}

/* One byte of a path, escaped or not; moves *at behind it. */
static waldo_err
parse_path_byte(const parser *p, const char **at, const char *end,
                char *ret_byte)
{
	const char *c = *at;
	char byte = *c;
	int high, low;

	if (p->is_uri && byte == '%') {
		high = end - c > 2 ? hex_value(c[1]) : -1;
		low = end - c > 2 ? hex_value(c[2]) : -1;
		if (high < 0 || low < 0) {
			return refuse(p, WALDO_EADDRESS,
			              "'%%' at character %zu is not followed "
			              "by two hexadecimal digits",
			              place(p, c));
		}
		byte = (char) (high * 16 + low);
		*at += 2;
		if (is_control(byte) || byte == '/') {
			return refuse(p, WALDO_EADDRESS,
			              "'%.3s' at character %zu cannot stand "
			              "in a path",
			              c, place(p, c));
		}
	} else if (is_control(byte) ||
	           (p->is_uri && byte != '/' && !is_pchar(byte))) {
		return refuse(p, WALDO_EADDRESS,
		              "'%c' at character %zu cannot stand in a path%s",
		              byte, place(p, c),
		              p->is_uri ? " unless it is escaped" : "");
	}
	*at += 1;
	*ret_byte = byte;
	return WALDO_OK;
}

static waldo_err
parse_path(const parser *p, const char *begin, const char *end,
           waldoi_address *address)
{
	const char *at = begin;
	size_t len = 0;
	waldo_err err;

	if (begin == end) {
		return refuse(p, WALDO_EADDRESS,
		              "there is no path at character %zu",
		              place(p, begin));
	}
	while (at < end) {
		if (len == MAX_PATH) {
			return refuse(p, WALDO_EADDRESS,
			              "the path at character %zu is longer "
			              "than %d bytes",
			              place(p, begin), MAX_PATH);
		}
		err = parse_path_byte(p, &at, end, &address->host[len]);
		if (err != WALDO_OK) {
			return err;
		}
		len++;
	}
	return WALDO_OK;
}

static waldo_err
parse_fd(const parser *p, const char *begin, const char *end,
         waldoi_address *address)
{
	long fd = parse_number(begin, end, INT_MAX);

	if (fd < 0) {
		return refuse(p, WALDO_EADDRESS,
		              "'%.*s' at character %zu is not the number of a "
		              "descriptor",
		              shown(begin, end), begin, place(p, begin));
	}
	address->fd = (int) fd;
	return WALDO_OK;
}

static waldo_err
parse_rest(const parser *p, const char *begin, const char *end,
           waldoi_address *address)
{
	switch (address->scheme) {
	case WALDOI_UNIX: return parse_path(p, begin, end, address);
	case WALDOI_TCP_INSECURE:
	case WALDOI_TCP: return parse_host_port(p, begin, end, address);
	case WALDOI_INPROC: return parse_inproc(p, begin, end, address);
	case WALDOI_FD: return parse_fd(p, begin, end, address);
	}
	return WALDO_EADDRESS; /* not reached */
}

/* What stands behind the prefix; NULL if there is none that we know. Schemes
 * are equal whatever their case (RFC 3986 section 3.1). */
static const char *
find_scheme(const char *text, const prefix *prefixes, waldoi_scheme *ret_scheme)
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

waldo_err
waldoi_address_parse(const char *text, waldoi_address *ret_address,
                     char message[MESSAGE_SIZE])
{
	parser p = {.text = text, .message = message};
	waldoi_address address = {.fd = -1};
	const char *rest = find_scheme(text, address_prefixes, &address.scheme);
	waldo_err err;

	if (rest == NULL) {
		return refuse(&p, WALDO_EADDRESS,
		              "does not begin with unix:, tcp-insecure:, tcp:, "
		              "inproc: or fd:");
	}
	err = parse_rest(&p, rest, rest + strlen(rest), &address);
	if (err == WALDO_OK) {
		waldoi_address_format(&address);
		*ret_address = address;
	}
	return err;
}

/* Moves *begin behind the slashes of an authority. A relative path, which is
 * unix:'s alone, has none. */
static waldo_err
skip_slashes(const parser *p, const char **begin, waldoi_scheme scheme)
{
	bool there = strncmp(*begin, "//", 2) == 0;

	if (there && scheme != WALDOI_INPROC) {
		*begin += 2;
	}
	if (scheme == WALDOI_UNIX && there != (**begin == '/')) {
		return refuse(p, WALDO_EADDRESS,
		              there ? "a host stands at character %zu, where "
		                      "a '/' begins the path"
		                    : "there is no '//' at character %zu",
		              place(p, *begin));
	}
	if (scheme == WALDOI_TCP_INSECURE && !there) {
		return refuse(p, WALDO_EADDRESS,
		              "there is no '//' at character %zu",
		              place(p, *begin));
	}
	return WALDO_OK;
}

/* The slash before the name: of a path the last one, else the first. */
static waldo_err
find_name(const parser *p, const char *begin, waldoi_scheme scheme,
          const char **ret_slash)
{
	const char *slash;

	if (scheme == WALDOI_UNIX) {
		slash = strrchr(begin, '/');
		if (slash == NULL) {
			return refuse(p, WALDO_EADDRESS,
			              "there is no '/' between path and name");
		}
	} else {
		slash = strchr(begin, '/');
	}
	*ret_slash = slash != NULL ? slash : begin + strlen(begin);
	return WALDO_OK;
}

waldo_err
waldoi_uri_parse(const char *uri, waldoi_address *ret_address,
                 char ret_name[WALDOI_MAX_NAME + 1], char message[MESSAGE_SIZE])
{
	parser p = {.text = uri, .message = message, .is_uri = true};
	waldoi_address address = {.fd = -1};
	const char *begin = find_scheme(uri, uri_prefixes, &address.scheme);
	const char *slash = NULL, *name_begin;
	char name[WALDOI_MAX_NAME + 1];
	waldo_err err;

	if (begin == NULL) {
		return refuse(&p, WALDO_EADDRESS,
		              "does not begin with waldo+unix:, "
		              "waldo+tcp-insecure: or waldo+inproc:");
	}
	if (address.scheme == WALDOI_TCP) {
		return refuse(&p, WALDO_EDENIED,
		              "needs the encrypted channel, which this version "
		              "has not");
	}
	if ((err = skip_slashes(&p, &begin, address.scheme)) != WALDO_OK ||
	    (err = find_name(&p, begin, address.scheme, &slash)) != WALDO_OK ||
	    (err = parse_rest(&p, begin, slash, &address)) != WALDO_OK) {
		return err;
	}
	name_begin = *slash == '/' ? slash + 1 : slash;
	err = parse_name(&p, name_begin, name_begin + strlen(name_begin), name);
	if (err != WALDO_OK) {
		return err;
	}
	waldoi_address_format(&address);
	*ret_address = address;
	memcpy(ret_name, name, strlen(name) + 1);
	return WALDO_OK;
}

/* HOST ":" PORT, of which an IPv6 address alone has colons. */
static void
format_host_port(const char *scheme, const waldoi_address *address, char *text,
                 size_t size)
{
	bool ipv6 = strchr(address->host, ':') != NULL;

	snprintf(text, size, "%s%s%s%s:%u", scheme, ipv6 ? "[" : "",
	         address->host, ipv6 ? "]" : "", (unsigned) address->port);
}

/* The path of `address` with what RFC 3986 does not allow in one escaped. */
static void
format_path(const waldoi_address *address, char ret_uri[WALDOI_MAX_URI])
{
	const char *at = address->host;
	char *to = ret_uri;

	assert(strlen(at) <= MAX_PATH);
	to += sprintf(to, "waldo+unix:%s", *at == '/' ? "//" : "");
	for (; *at != '\0'; at++) {
		if (*at == '/' || is_pchar(*at)) {
			*to++ = *at;
		} else {
			to += sprintf(to, "%%%02X", (unsigned char) *at);
		}
	}
	*to = '\0';
}

void
waldoi_address_to_uri(const waldoi_address *address,
                      char ret_uri[WALDOI_MAX_URI])
{
	assert(address->scheme != WALDOI_FD);
	switch (address->scheme) {
	case WALDOI_UNIX: format_path(address, ret_uri); break;
	case WALDOI_TCP_INSECURE:
		format_host_port("waldo+tcp-insecure://", address, ret_uri,
		                 WALDOI_MAX_URI);
		break;
	case WALDOI_TCP:
		format_host_port("waldo://", address, ret_uri, WALDOI_MAX_URI);
		break;
	case WALDOI_INPROC:
		snprintf(ret_uri, WALDOI_MAX_URI, "waldo+inproc:%s",
		         address->host);
		break;
	case WALDOI_FD: ret_uri[0] = '\0'; break;
	}
}

void
waldoi_address_format(waldoi_address *address)
{
	char *text = address->text;
	size_t size = sizeof(address->text);

	switch (address->scheme) {
	case WALDOI_UNIX: snprintf(text, size, "unix:%s", address->host); break;
	case WALDOI_TCP_INSECURE:
		format_host_port("tcp-insecure:", address, text, size);
		break;
	case WALDOI_TCP: format_host_port("tcp:", address, text, size); break;
	case WALDOI_INPROC:
		snprintf(text, size, "inproc:%s", address->host);
		break;
	case WALDOI_FD: snprintf(text, size, "fd:%d", address->fd); break;
	}
}

bool
waldoi_name_is_valid(const char *name)
{
	size_t len = 0;

	while (is_pchar(name[len])) {
		len++;
	}
	return len > 0 && len <= WALDOI_MAX_NAME && name[len] == '\0';
}
