/* SPDX-License-Identifier: MIT */
/*
 * What comes first on a link, before anybody has said who they are. The first
 * byte: bit 0 as in fuzz_session.c, the others how many bytes at a time.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/memory/peer.h"

#include <waldo/client.h>
#include <waldo/server.h>

#include <stdio.h>
#include <stdlib.h>

static waldo_node *
node_new(void)
{
	waldo_node *node;

	if (memory_node_new(NULL, &node) != WALDO_OK) {
		abort();
	}
	return node;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct peer peer = {0};
	waldo_node *node;
	waldo_ref *ref = NULL;
	waldoi_counts counts;

	if (len == 0) {
		return 0;
	}
	node = node_new();
	memory_set_chunk(data[0] >> 1);
	if ((data[0] & 1) != 0) {
		if (!peer_listen(&peer, "p") ||
		    waldo_connect(node, "waldo+inproc:p/x", &ref) != WALDO_OK) {
			abort();
		}
	} else if (waldo_listen(node, "inproc:n", NULL) == WALDO_OK) {
		peer.raw = memory_raw_dial("n");
	}
	if (peer.raw == NULL || !memory_settle()) {
		abort();
	}
	(void) peer_send_bytes(&peer, data + 1, len - 1);
	if (!memory_settle()) {
		abort();
	}
	waldoi_node_count(node, &counts);
	/* A partial frame's 64 KiB (serial/frame.h), and what is queued. */
	if (counts.bytes > 65536 + 32768 + 4 * len || counts.sessions > 1) {
		(void) fprintf(stderr, "%zu bytes, %zu sessions\n",
		               counts.bytes, counts.sessions);
		abort();
	}
	memory_set_chunk(0);
	peer_fini(&peer);
	waldo_ref_release(ref);
	waldo_node_free(node);
	return 0;
}
