/* SPDX-License-Identifier: MIT */
/* broker/net/resolver.h - host names, resolved beside the loop */
#ifndef WALDOI_RESOLVER_H
#define WALDOI_RESOLVER_H

#include "broker/net/postbox.h"
#include "broker/net/socket.h"

typedef struct waldoi_resolution waldoi_resolution;

/* Runs on the loop's thread, once, unless it was cancelled. `array` (for
 * free()) is taken; if `error`, which is text, is not NULL there is none. The
 * resolution is gone. */
typedef void waldoi_resolved_cb(waldoi_sockaddr *array, size_t count,
                                const char *error, void *user);

/* Asks for `host`; `box` is the loop's. NULL: no memory, or no thread. */
waldoi_resolution *waldoi_resolve(waldoi_postbox *box, const char *host,
                                  uint16_t port, waldoi_resolved_cb *cb,
                                  void *user);

/* The callback will not run. NULL is accepted. */
void waldoi_resolution_cancel(waldoi_resolution *resolution);

#endif
