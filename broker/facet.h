/* SPDX-License-Identifier: MIT */
/* broker/facet.h - what the portal knows of facets */
#ifndef WALDOI_FACET_H
#define WALDOI_FACET_H

#include <waldo/call.h>
#include <waldo/facet.h>

/* The library's method by which the holder of a perspective gives it up. */
#define WALDOI_LOGOUT ".logout"

/* From now on whoever can call `.logout` on this facet ends it, as
 * waldo_object_revoke() does; elsewhere there is no such method. */
void waldoi_facet_let_leave(const waldo_ref *facet);

/* As waldo_call_get_peer(), but of a call that facets have passed on it is
 * whoever called the first of them. */
const waldo_peer *waldoi_facet_get_peer(const waldo_call *call);

#endif
