/* SPDX-License-Identifier: MIT */
#include "tests/memory/peer.h"
#include "serial/frame.h"
#include "tests/memory/text.h"

#include <stdlib.h>
#include <string.h>

const uint8_t peer_preamble[12] = {0xc1, 'W', 'D', 1};

bool
peer_send_bytes(struct peer *peer, const void *data, size_t len)
{
	return memory_raw_send(peer->raw, data, len);
}

bool
peer_send(struct peer *peer, const char *frame)
{
	uint8_t data[8192];
	uint8_t kind = 0;
	size_t len;

	if (*frame == '!' || *frame == '~') {
		kind = *frame++ == '!' ? 2 : 1;
	}
	len = text_encode(frame, data + WALDOI_FRAME_HEAD,
	                  sizeof(data) - WALDOI_FRAME_HEAD);
	if (len == 0) {
		return false;
	}
	data[0] = 0;
	data[1] = 0;
	data[2] = (uint8_t) ((len + 1) >> 8);
	data[3] = (uint8_t) (len + 1);
	data[4] = kind;
	return peer_send_bytes(peer, data, WALDOI_FRAME_HEAD + len);
}

bool
peer_dial(struct peer *peer, const char *name)
{
	memset(peer, 0, sizeof(*peer));
	peer->raw = memory_raw_dial(name);
	return peer->raw != NULL &&
	       peer_send_bytes(peer, peer_preamble, sizeof(peer_preamble)) &&
	       peer_send(peer, PEER_HELLO) && memory_settle() &&
	       strncmp(peer_receive(peer), "![0,{", 5) == 0;
}

bool
peer_listen(struct peer *peer, const char *name)
{
	memset(peer, 0, sizeof(*peer));
	peer->raw = memory_raw_listen(name);
	return peer->raw != NULL;
}

/* The next frame, ACKs too. */
static const char *
next_frame(struct peer *peer)
{
	size_t len, n;
	const uint8_t *p = memory_raw_received(peer->raw, &len);

	if (len >= 12 && p[0] == 0xc1) {
		memory_raw_skip(peer->raw, 12);
		p = memory_raw_received(peer->raw, &len);
	}
	if (len < WALDOI_FRAME_HEAD) {
		return "";
	}
	n = (size_t) p[0] << 24 | (size_t) p[1] << 16 | (size_t) p[2] << 8 |
	    p[3];
	if (len < n + 4) {
		return "";
	}
	peer->text[0] = p[4] == 1 ? '~' : '!';
	text_decode(p + 5, n - 1, peer->text + (p[4] == 0 ? 0 : 1),
	            sizeof(peer->text) - 1);
	memory_raw_skip(peer->raw, n + 4);
	return peer->text;
}

const char *
peer_receive(struct peer *peer)
{
	const char *text;

	(void) memory_settle();
	text = next_frame(peer);
	while (strncmp(text, "![5,", 4) == 0) {
		peer->acked = strtoull(text + 4, NULL, 10);
		peer->acks++;
		text = next_frame(peer);
	}
	return text;
}

const char *
peer_await(struct peer *peer, const char *start)
{
	const char *text = peer_receive(peer);

	while (*text != '\0' && strncmp(text, start, strlen(start)) != 0) {
		text = peer_receive(peer);
	}
	return text;
}

bool
peer_is_closed(const struct peer *peer)
{
	(void) memory_settle();
	return memory_raw_is_closed(peer->raw);
}

void
peer_fini(struct peer *peer)
{
	memory_raw_free(peer->raw);
	peer->raw = NULL;
}
