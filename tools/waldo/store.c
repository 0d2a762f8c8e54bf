/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "store.h"

int
store_open(struct store *store, const char *path, bool make)
{
	waldo_err err;

	if (!make && access(path, F_OK) != 0) {
		return complain(STATUS_LOST, "%s: %s", path, strerror(errno));
	}
	err = waldo_node_new(NULL, &store->node);
	if (err == WALDO_OK) {
		err = waldo_grants_open(store->node, path, &store->grants);
	}
	return err == WALDO_OK ? STATUS_OK : complain_err(err, store->node);
}

void
store_close(struct store *store)
{
	waldo_grants_close(store->grants);
	waldo_node_free(store->node);
}
