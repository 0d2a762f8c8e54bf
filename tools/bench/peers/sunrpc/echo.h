/* SPDX-License-Identifier: MIT */
/* echo.h - the two messages of both ends, and how XDR has them */
#ifndef ECHO_H
#define ECHO_H

#include <rpc/rpc.h>

#define ECHO_PROGRAM  0x20001234
#define ECHO_VERSION  1
#define ECHO_SMALL    1
#define ECHO_LARGE    2
#define ECHO_MAX_TEXT 4096
#define ECHO_MAX_DATA (64 << 20)

struct small {
	int64_t number;
	char *text;
};

struct large {
	u_int len;
	char *data;
};

static inline bool_t
xdr_small(XDR *xdr, struct small *s)
{
	return xdr_int64_t(xdr, &s->number) &&
	       xdr_string(xdr, &s->text, ECHO_MAX_TEXT);
}

static inline bool_t
xdr_large(XDR *xdr, struct large *l)
{
	return xdr_bytes(xdr, &l->data, &l->len, ECHO_MAX_DATA);
}

#endif
