/* SPDX-License-Identifier: MIT */
#include "broker/address.h"
#include "broker/address_text.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static const waldoi_prefix prefixes[] = {
    {"unix:", WALDOI_UNIX}, {"tcp-insecure:", WALDOI_TCP_INSECURE},
    {"tcp:", WALDOI_TCP},   {"inproc:", WALDOI_INPROC},
    {"fd:", WALDOI_FD},     {NULL, WALDOI_UNIX},
};

static waldo_err
parse_fd(const waldoi_text *p, const char *begin, const char *end,
         waldoi_address *address)
{
	long fd = waldoi_text_number(begin, end, INT_MAX);

	if (fd < 0) {
		return waldoi_text_refuse(
		    p, WALDO_EADDRESS,
		    "'%.*s' at character %zu is not the number of a "
		    "descriptor",
		    waldoi_text_shown(begin, end), begin,
		    waldoi_text_place(p, begin));
	}
	address->fd = (int) fd;
	return WALDO_OK;
}

static waldo_err
parse_rest(const waldoi_text *p, const char *begin, const char *end,
           waldoi_address *address)
{
	switch (address->scheme) {
	case WALDOI_UNIX: return waldoi_text_path(p, begin, end, address);
	case WALDOI_TCP_INSECURE:
	case WALDOI_TCP: return waldoi_text_host_port(p, begin, end, address);
	case WALDOI_INPROC: return waldoi_text_inproc(p, begin, end, address);
	case WALDOI_FD: return parse_fd(p, begin, end, address);
	}
	return WALDO_EADDRESS; /* not reached */
}

waldo_err
waldoi_address_parse(const char *text, waldoi_address *ret_address,
                     char message[WALDOI_TEXT_MESSAGE])
{
	waldoi_text p = {.text = text, .message = message};
	waldoi_address address = {.fd = -1};
	const char *rest = waldoi_text_scheme(text, prefixes, &address.scheme);
	waldo_err err;

	if (rest == NULL) {
		return waldoi_text_refuse(
		    &p, WALDO_EADDRESS,
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

void
waldoi_address_format(waldoi_address *address)
{
	char *text = address->text;
	size_t size = sizeof(address->text);

	switch (address->scheme) {
	case WALDOI_UNIX: snprintf(text, size, "unix:%s", address->host); break;
	case WALDOI_TCP_INSECURE:
		waldoi_text_format_host_port("tcp-insecure:", address, text,
		                             size);
		break;
	case WALDOI_TCP:
		waldoi_text_format_host_port("tcp:", address, text, size);
		break;
	case WALDOI_INPROC:
		snprintf(text, size, "inproc:%s", address->host);
		break;
	case WALDOI_FD: snprintf(text, size, "fd:%d", address->fd); break;
	}
}
