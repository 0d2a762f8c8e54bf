/* SPDX-License-Identifier: MIT */
#include "broker/uri.h"
#include "broker/address_text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const waldoi_prefix prefixes[] = {
    {"waldo+unix:", WALDOI_UNIX}, {"waldo+tcp-insecure:", WALDOI_TCP_INSECURE},
    {"waldo:", WALDOI_TCP},       {"waldo+inproc:", WALDOI_INPROC},
    {NULL, WALDOI_UNIX},
};

/* Moves *begin behind the slashes of an authority. A relative path, which is
 * unix:'s alone, has none. */
static waldo_err
skip_slashes(const waldoi_text *p, const char **begin, waldoi_scheme scheme)
{
	bool there = strncmp(*begin, "//", 2) == 0;

	if (there && scheme != WALDOI_INPROC) {
		*begin += 2;
	}
	if (scheme == WALDOI_UNIX && there != (**begin == '/')) {
		return waldoi_text_refuse(
		    p, WALDO_EADDRESS,
		    there ? "a host stands at character %zu, where a '/' "
		            "begins the path"
		          : "there is no '//' at character %zu",
		    waldoi_text_place(p, *begin));
	}
	if ((scheme == WALDOI_TCP || scheme == WALDOI_TCP_INSECURE) && !there) {
		return waldoi_text_refuse(p, WALDO_EADDRESS,
		                          "there is no '//' at character %zu",
		                          waldoi_text_place(p, *begin));
	}
	return WALDO_OK;
}

/* The slash before the name: of a path the last one, else the first. `end` is
 * that of path and name. */
static waldo_err
find_name(const waldoi_text *p, const char *begin, const char *end,
          waldoi_scheme scheme, const char **ret_slash)
{
	size_t len = (size_t) (end - begin);
	const char *slash = scheme == WALDOI_UNIX ? memrchr(begin, '/', len)
	                                          : memchr(begin, '/', len);

	if (slash == NULL && scheme == WALDOI_UNIX) {
		return waldoi_text_refuse(p, WALDO_EADDRESS,
		                          "there is no '/' between path and "
		                          "name");
	}
	*ret_slash = slash != NULL ? slash : end;
	return WALDO_OK;
}

/* ---- waldo://KEY@HOST:PORT,HOST:PORT/NAME?psk=SLOT */

/* Moves *begin behind the key and its '@'. */
static waldo_err
parse_key(const waldoi_text *p, const char **begin, const char *end,
          waldoi_uri *uri)
{
	const char *at = memchr(*begin, '@', (size_t) (end - *begin));
	char text[WALDO_KEY_TEXT];
	size_t len;

	if (at == NULL) {
		return waldoi_text_refuse(
		    p, WALDO_EADDRESS,
		    "there is no '@' behind the key at character %zu; without "
		    "a key it begins with waldo://@",
		    waldoi_text_place(p, *begin));
	}
	len = (size_t) (at - *begin);
	if (len > 0) {
		snprintf(text, sizeof(text), "%.*s",
		         len < sizeof(text) ? (int) len : 0, *begin);
		if (!waldo_key_parse(text, uri->key)) {
			return waldoi_text_refuse(
			    p, WALDO_EADDRESS,
			    "'%.*s' at character %zu is not a key, %d letters "
			    "and digits of base32",
			    waldoi_text_shown(*begin, at), *begin,
			    waldoi_text_place(p, *begin), WALDO_KEY_TEXT - 1);
		}
		uri->has_key = true;
	}
	*begin = at + 1;
	return WALDO_OK;
}

/* One or more, with commas between them. */
static waldo_err
parse_hosts(const waldoi_text *p, const char *begin, const char *end,
            waldoi_uri *uri)
{
	for (uri->count = 0;; begin++) {
		const char *comma = memchr(begin, ',', (size_t) (end - begin));
		const char *host_end = comma != NULL ? comma : end;
		waldoi_address *address = &uri->addresses[uri->count];
		waldo_err err;

		if (uri->count == WALDOI_MAX_HOSTS) {
			return waldoi_text_refuse(p, WALDO_EADDRESS,
			                          "more than %d hosts",
			                          WALDOI_MAX_HOSTS);
		}
		*address = (waldoi_address){.scheme = WALDOI_TCP, .fd = -1};
		err = waldoi_text_host_port(p, begin, host_end, address);
		if (err != WALDO_OK) {
			return err;
		}
		waldoi_address_format(address);
		uri->count++;
		if (comma == NULL) {
			return WALDO_OK;
		}
		begin = comma;
	}
}

static waldo_err
parse_query(const waldoi_text *p, const char *query, waldoi_uri *uri)
{
	const char *end = query + strlen(query);
	long slot = -1;

	if (*query == '\0') {
		return WALDO_OK;
	}
	if (strncmp(query, "?psk=", 5) == 0) {
		slot = waldoi_text_number(query + 5, end, 255);
	}
	if (slot < 1) {
		return waldoi_text_refuse(p, WALDO_EADDRESS,
		                          "'%.*s' at character %zu is not "
		                          "?psk= and a number 1..255",
		                          waldoi_text_shown(query, end), query,
		                          waldoi_text_place(p, query));
	}
	uri->psk = (unsigned) slot;
	return WALDO_OK;
}

/* ---- all */

static waldo_err
parse_where(const waldoi_text *p, const char *begin, const char *end,
            waldoi_uri *uri)
{
	waldoi_address *address = &uri->addresses[0];
	waldo_err err;

	switch (address->scheme) {
	case WALDOI_UNIX: err = waldoi_text_path(p, begin, end, address); break;
	case WALDOI_TCP_INSECURE:
		err = waldoi_text_host_port(p, begin, end, address);
		break;
	case WALDOI_INPROC:
		err = waldoi_text_inproc(p, begin, end, address);
		break;
	default:
		err = parse_key(p, &begin, end, uri);
		return err != WALDO_OK ? err : parse_hosts(p, begin, end, uri);
	}
	if (err == WALDO_OK) {
		waldoi_address_format(address);
		uri->count = 1;
	}
	return err;
}

waldo_err
waldoi_uri_parse(const char *text, waldoi_uri *ret_uri,
                 char message[WALDOI_TEXT_MESSAGE])
{
	waldoi_text p = {.text = text, .message = message, .is_uri = true};
	waldoi_uri uri = {.addresses[0].fd = -1};
	waldoi_scheme scheme = WALDOI_TCP;
	const char *begin = waldoi_text_scheme(text, prefixes, &scheme);
	const char *end, *slash = NULL, *name;
	waldo_err err;

	if (begin == NULL) {
		return waldoi_text_refuse(
		    &p, WALDO_EADDRESS,
		    "does not begin with waldo:, waldo+unix:, "
		    "waldo+tcp-insecure: or waldo+inproc:");
	}
	uri.addresses[0].scheme = scheme;
	end = begin + strlen(begin);
	if (scheme == WALDOI_TCP) {
		end = begin + strcspn(begin, "?");
		if ((err = parse_query(&p, end, &uri)) != WALDO_OK) {
			return err;
		}
	}
	if ((err = skip_slashes(&p, &begin, scheme)) != WALDO_OK ||
	    (err = find_name(&p, begin, end, scheme, &slash)) != WALDO_OK ||
	    (err = parse_where(&p, begin, slash, &uri)) != WALDO_OK) {
		return err;
	}
	name = slash < end ? slash + 1 : end;
	err = waldoi_text_name(&p, name, end, uri.name);
	if (err == WALDO_OK) {
		*ret_uri = uri;
	}
	return err;
}

/* ---- printing */

/* The path of `address` with what RFC 3986 does not allow in one escaped. */
static void
format_path(const waldoi_address *address, char ret_uri[WALDOI_MAX_URI])
{
	const char *at = address->host;
	char *to = ret_uri;

	assert(strlen(at) <= WALDOI_MAX_PATH);
	to += sprintf(to, "waldo+unix:%s", *at == '/' ? "//" : "");
	for (; *at != '\0'; at++) {
		if (*at == '/' || waldoi_text_is_pchar(*at)) {
			*to++ = *at;
		} else {
			to += sprintf(to, "%%%02X", (unsigned char) *at);
		}
	}
	*to = '\0';
}

/* "waldo://KEY@" */
static void
format_secure(const waldoi_address *address, const uint8_t *key,
              char ret_uri[WALDOI_MAX_URI])
{
	char scheme[sizeof("waldo://@") + WALDO_KEY_TEXT] = "waldo://";
	char *to = scheme + strlen(scheme);

	if (key != NULL) {
		waldo_key_format(key, to);
	}
	strcat(scheme, "@");
	waldoi_text_format_host_port(scheme, address, ret_uri, WALDOI_MAX_URI);
}

void
waldoi_uri_format(const waldoi_address *address, const uint8_t *key,
                  char ret_uri[WALDOI_MAX_URI])
{
	assert(address->scheme != WALDOI_FD);
	switch (address->scheme) {
	case WALDOI_UNIX: format_path(address, ret_uri); break;
	case WALDOI_TCP_INSECURE:
		waldoi_text_format_host_port("waldo+tcp-insecure://", address,
		                             ret_uri, WALDOI_MAX_URI);
		break;
	case WALDOI_TCP: format_secure(address, key, ret_uri); break;
	case WALDOI_INPROC:
		snprintf(ret_uri, WALDOI_MAX_URI, "waldo+inproc:%s",
		         address->host);
		break;
	case WALDOI_FD: ret_uri[0] = '\0'; break;
	}
}
