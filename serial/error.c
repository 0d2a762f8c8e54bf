/* SPDX-License-Identifier: MIT */
#include <waldo/error.h>

#include "serial/api.h"

static const struct {
	const char *text;
	const char *type;
} errors[] = {
    [WALDO_OK] = {"success", "waldo.Ok"},
    [WALDO_EINVAL] = {"invalid use", "waldo.Invalid"},
    [WALDO_ENOMEM] = {"out of memory", "waldo.NoMemory"},
    [WALDO_ELIMIT] = {"limit reached", "waldo.Limit"},
    [WALDO_EADDRESS] = {"bad address", "waldo.Address"},
    [WALDO_ECONNECT] = {"cannot connect", "waldo.Connect"},
    [WALDO_ELOST] = {"session lost", "waldo.Lost"},
    [WALDO_EPROTOCOL] = {"protocol broken by the peer", "waldo.Protocol"},
    [WALDO_EDENIED] = {"access denied", "waldo.Denied"},
    [WALDO_EDEADLINE] = {"deadline passed", "waldo.Deadline"},
    [WALDO_ECANCELLED] = {"cancelled", "waldo.Cancelled"},
    [WALDO_EREVOKED] = {"object gone or revoked", "waldo.Revoked"},
    [WALDO_ENAME] = {"no such name", "waldo.NoName"},
    [WALDO_EMETHOD] = {"no such method", "waldo.NoMethod"},
    [WALDO_EARGS] = {"values do not fit", "waldo.BadArguments"},
    [WALDO_EREMOTE] = {"error of the remote object", "waldo.Remote"},
    [WALDO_ESYSTEM] = {"operating system error", "waldo.System"},
};

/* Compared as unsigned, so that a negative value is unknown too. */
static bool
is_known(waldo_err err)
{
	return (size_t) err < sizeof(errors) / sizeof(errors[0]);
}

WALDO_API const char *
waldo_strerror(waldo_err err)
{
	return is_known(err) ? errors[err].text : "unknown error";
}

WALDO_API const char *
waldo_err_type(waldo_err err)
{
	return is_known(err) ? errors[err].type : "waldo.Unknown";
}
