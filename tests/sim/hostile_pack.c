/* SPDX-License-Identifier: MIT */
/* What fake peers write: MessagePack, the little that is needed, and frames. */
#include "sim/hostile.h"

#include <string.h>

void
sim_put(sim_buffer *to, const void *data, size_t len)
{
	if (to->len + len <= SIM_LIES) {
		memcpy(to->data + to->len, data, len);
		to->len += len;
	}
}

void
sim_put_byte(sim_buffer *to, unsigned byte)
{
	uint8_t b = (uint8_t) byte;

	sim_put(to, &b, 1);
}

void
sim_put_be(sim_buffer *to, uint64_t value, unsigned bytes)
{
	while (bytes-- > 0) {
		sim_put_byte(to, (unsigned) (value >> (8 * bytes)) & 0xff);
	}
}

void
sim_put_int(sim_buffer *to, int64_t value)
{
	if (value >= 0 && value < 128) {
		sim_put_byte(to, (unsigned) value);
	} else {
		sim_put_byte(to, 0xd3);
		sim_put_be(to, (uint64_t) value, 8);
	}
}

void
sim_put_text(sim_buffer *to, const char *text)
{
	size_t len = strlen(text);

	sim_put_byte(to, 0xd9);
	sim_put_be(to, len, 1);
	sim_put(to, text, len);
}

void
sim_put_array(sim_buffer *to, unsigned count)
{
	sim_put_byte(to, 0x90 | (count & 15));
}

size_t
sim_frame_begin(sim_buffer *to, unsigned kind)
{
	size_t start = to->len;

	sim_put_be(to, 0, 4);
	sim_put_byte(to, kind);
	return start;
}

void
sim_frame_end(sim_buffer *to, size_t start)
{
	size_t end = to->len;

	to->len = start;
	sim_put_be(to, end - start - 4, 4);
	to->len = end;
}
