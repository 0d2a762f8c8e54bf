/* SPDX-License-Identifier: MIT */
/*
 * memory/peer.h - a peer without a node, that says what it is told to
 *
 * Frames are written and read as text (memory/text.h); a "!" before it makes
 * it a link frame, "~" a chunk. What it receives is remembered in order, less
 * the ACKs, which come when the node sees fit.
 */
#ifndef WALDO_TEST_PEER_H
#define WALDO_TEST_PEER_H

#include "tests/memory/driver.h"

struct peer {
	memory_raw *raw;
	char text[8192]; /* of the last frame received */
	uint64_t acked;  /* the last ACK that came */
	unsigned acks;   /* how many did */
};

extern const uint8_t peer_preamble[12];
#define PEER_HELLO "![0,{0:[1,1],1:1}]"

/* Dials "inproc:NAME", opens the link and says HELLO; false if that fails. */
bool peer_dial(struct peer *peer, const char *name);

/* Listens at "inproc:NAME", as the responder of one link; a responder has no
 * preamble, so that sending PEER_HELLO opens it. */
bool peer_listen(struct peer *peer, const char *name);

/* False if the text is wrong or nobody is there. */
bool peer_send(struct peer *peer, const char *frame);
bool peer_send_bytes(struct peer *peer, const void *data, size_t len);

/* Lets the nodes run, then the next frame as text; "" if there is none. */
const char *peer_receive(struct peer *peer);

/* Skips to the next frame that begins with `start`; "" if there is none. */
const char *peer_await(struct peer *peer, const char *start);

/* True when the node has closed the link. */
bool peer_is_closed(const struct peer *peer);

void peer_fini(struct peer *peer);

#endif
