/* SPDX-License-Identifier: MIT */
/* server/publish.h - what a node that listens has even if nothing is published */
#ifndef WALDOI_PUBLISH_H
#define WALDOI_PUBLISH_H

#include <waldo/server.h>

/* Makes the bootstrap object, which lists no names yet. */
waldo_err waldoi_publish_open(waldo_node *node) WALDO_MUST_CHECK;

#endif
