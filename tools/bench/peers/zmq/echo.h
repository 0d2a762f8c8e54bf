/* SPDX-License-Identifier: MIT */
/*
 * echo.h - what sockets without calls of their own carry: MessagePack, made
 * and read by msgpack-c, for zmq and nng
 *
 *	request  [0, sequence, "echo", number, text or bytes]
 *	reply    [1, sequence, number, text or bytes]
 */
#ifndef ECHO_H
#define ECHO_H

#include "meter.h"

#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#define ECHO_NUMBER INT64_C(0x123456789abc)

static inline void
echo_pack_text(msgpack_packer *packer, const char *text)
{
	size_t len = strlen(text);

	msgpack_pack_str(packer, len);
	msgpack_pack_str_body(packer, text, len);
}

/* A large payload if `large` is not NULL. */
static inline void
echo_make_request(msgpack_sbuffer *buffer, const char *large)
{
	msgpack_packer packer;

	msgpack_sbuffer_clear(buffer);
	msgpack_packer_init(&packer, buffer, msgpack_sbuffer_write);
	msgpack_pack_array(&packer, 5);
	msgpack_pack_int(&packer, 0);
	msgpack_pack_uint32(&packer, 1);
	echo_pack_text(&packer, "echo");
	msgpack_pack_int64(&packer, ECHO_NUMBER);
	if (large == NULL) {
		echo_pack_text(&packer, METER_TEXT);
	} else {
		msgpack_pack_bin(&packer, METER_LARGE);
		msgpack_pack_bin_body(&packer, large, METER_LARGE);
	}
}

static inline bool
echo_unpack(msgpack_unpacked *unpacked, const void *data, size_t len,
            uint32_t count)
{
	size_t at = 0;

	return msgpack_unpack_next(unpacked, data, len, &at) ==
	           MSGPACK_UNPACK_SUCCESS &&
	       unpacked->data.type == MSGPACK_OBJECT_ARRAY &&
	       unpacked->data.via.array.size == count;
}

/* Makes the reply; false if that is no request. */
static inline bool
echo_serve(msgpack_unpacked *unpacked, const void *data, size_t len,
           msgpack_sbuffer *reply)
{
	const msgpack_object *values;
	msgpack_packer packer;

	if (!echo_unpack(unpacked, data, len, 5)) {
		return false;
	}
	values = unpacked->data.via.array.ptr;
	if (values[2].type != MSGPACK_OBJECT_STR ||
	    values[2].via.str.size != 4 ||
	    memcmp(values[2].via.str.ptr, "echo", 4) != 0) {
		return false;
	}
	msgpack_sbuffer_clear(reply);
	msgpack_packer_init(&packer, reply, msgpack_sbuffer_write);
	msgpack_pack_array(&packer, 4);
	msgpack_pack_int(&packer, 1);
	msgpack_pack_object(&packer, values[1]);
	msgpack_pack_object(&packer, values[3]);
	msgpack_pack_object(&packer, values[4]);
	return true;
}

/* Whether that is the reply to a request of ours. */
static inline bool
echo_check_reply(msgpack_unpacked *unpacked, const void *data, size_t len,
                 bool is_large)
{
	const msgpack_object *values;

	if (!echo_unpack(unpacked, data, len, 4)) {
		return false;
	}
	values = unpacked->data.via.array.ptr;
	if (values[2].via.i64 != ECHO_NUMBER) {
		return false;
	}
	return is_large
	           ? values[3].via.bin.size == METER_LARGE
	           : values[3].via.str.size == 16 &&
	                 memcmp(values[3].via.str.ptr, METER_TEXT, 16) == 0;
}

#endif
