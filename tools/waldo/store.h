/* SPDX-License-Identifier: MIT */
/* store.h - a store of grants, for the commands that change or read it */
#ifndef STORE_H
#define STORE_H

#include <waldo/grant.h>
#include "tool.h"

struct store {
	waldo_node *node;
	waldo_grants *grants;
};

/* A status, after a complaint unless STATUS_OK; to be closed in any case. Unless
 * `make`, a file that is not there is not made. */
int store_open(struct store *store, const char *path, bool make);
void store_close(struct store *store);

#endif
