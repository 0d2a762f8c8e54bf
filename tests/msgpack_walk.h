/* SPDX-License-Identifier: MIT */
/*
 * tests/msgpack_walk.h - our reader against msgpack-c's decoder
 *
 * Shared by the unit tests and the fuzz targets, so that it asserts nothing:
 * it tells what the two disagree about.
 */
#ifndef WALDO_MSGPACK_WALK_H
#define WALDO_MSGPACK_WALK_H

#include "serial/reader.h"

#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The most that msgpack-c's decoder nests. */
#define MSGPACK_DEPTH 31

/* Levels of a checked value. */
static inline unsigned
walk_depth(waldo_reader *reader)
{
	unsigned deepest = 0;

	while (waldo_read_type(reader) != WALDO_TYPE_END) {
		if (waldo_read_type(reader) == WALDO_TYPE_LIST) {
			waldo_read_list(reader);
		} else if (waldo_read_type(reader) == WALDO_TYPE_MAP) {
			waldo_read_map(reader);
		} else {
			waldo_read_skip(reader);
		}
		if (reader->depth > deepest) {
			deepest = reader->depth;
		}
	}
	return deepest;
}

static inline const char *
walk_int(waldo_reader *reader, const msgpack_object *object)
{
	bool large = object->type == MSGPACK_OBJECT_POSITIVE_INTEGER &&
	             object->via.u64 > INT64_MAX;

	if (waldo_read_type(reader) !=
	    (large ? WALDO_TYPE_UINT : WALDO_TYPE_INT)) {
		return "an integer is none";
	}
	if (object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER) {
		return waldo_read_int(reader, INT64_MIN, -1) == object->via.i64
		           ? NULL
		           : "a negative integer differs";
	}
	return waldo_read_uint(reader, UINT64_MAX) == object->via.u64
	           ? NULL
	           : "an integer differs";
}

/* msgpack-c has NULL for what is empty. */
static inline bool
walk_same(const void *a, const void *b, size_t len)
{
	return len == 0 || memcmp(a, b, len) == 0;
}

static inline const char *
walk_text(waldo_reader *reader, const msgpack_object *object)
{
	size_t len;
	const char *data;

	if (object->type == MSGPACK_OBJECT_STR) {
		data = waldo_read_str(reader, &len);
		if (len != object->via.str.size ||
		    !walk_same(data, object->via.str.ptr, len)) {
			return "a string differs";
		}
		return data[len] == '\0' ? NULL : "a string has no end";
	}
	data = waldo_read_bytes(reader, &len);
	return data != NULL && len == object->via.bin.size &&
	               walk_same(data, object->via.bin.ptr, len)
	           ? NULL
	           : "bytes differ";
}

static inline const char *
walk_ext(waldo_reader *reader, const msgpack_object *object)
{
	msgpack_timestamp time;
	const uint8_t *body = (const uint8_t *) object->via.ext.ptr;
	uint64_t position = 0;
	uint64_t us;

	if (object->via.ext.type == -1) {
		if (!msgpack_object_to_timestamp(object, &time)) {
			return "a time that msgpack-c does not know";
		}
		us = (uint64_t) time.tv_sec * 1000000 + time.tv_nsec / 1000;
		return (uint64_t) waldo_read_time(reader) == us
		           ? NULL
		           : "a time differs";
	}
	for (uint32_t i = 0; i < object->via.ext.size; i++) {
		position = position << 8 | body[i];
	}
	return waldoi_read_handle(reader) == reader->handles[position]
	           ? NULL
	           : "a reference differs";
}

/* Reads the next value, which should be `object`; NULL if it is. */
static inline const char *
walk_value(waldo_reader *reader, const msgpack_object *object)
{
	const char *why = NULL;
	double d;

	switch (object->type) {
	case MSGPACK_OBJECT_NIL:
		if (waldo_read_type(reader) != WALDO_TYPE_NIL) {
			return "nil is none";
		}
		waldo_read_skip(reader);
		break;
	case MSGPACK_OBJECT_BOOLEAN:
		if (waldo_read_bool(reader) != object->via.boolean) {
			return "a boolean differs";
		}
		break;
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		why = walk_int(reader, object);
		break;
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		d = waldo_read_double(reader);
		if (memcmp(&d, &object->via.f64, sizeof(d)) != 0) {
			return "a double differs";
		}
		break;
	case MSGPACK_OBJECT_STR:
	case MSGPACK_OBJECT_BIN: why = walk_text(reader, object); break;
	case MSGPACK_OBJECT_EXT: why = walk_ext(reader, object); break;
	case MSGPACK_OBJECT_ARRAY:
		if (waldo_read_list(reader) != object->via.array.size) {
			return "the size of a list differs";
		}
		for (uint32_t i = 0; i < object->via.array.size; i++) {
			why = walk_value(reader, &object->via.array.ptr[i]);
			if (why != NULL) {
				return why;
			}
		}
		break;
	case MSGPACK_OBJECT_MAP:
		if (waldo_read_map(reader) != object->via.map.size) {
			return "the size of a map differs";
		}
		for (uint32_t i = 0; i < object->via.map.size; i++) {
			why = walk_value(reader, &object->via.map.ptr[i].key);
			if (why == NULL) {
				why = walk_value(reader,
				                 &object->via.map.ptr[i].val);
			}
			if (why != NULL) {
				return why;
			}
		}
		break;
	}
	if (why == NULL && waldo_read_error(reader) != WALDO_OK) {
		why = waldo_read_message(reader);
	}
	return why;
}

/* What the tree that msgpack-c makes of checked bytes and our reader disagree
 * about; NULL if nothing. */
static inline const char *
walk_disagreement(const uint8_t *data, size_t len, void *const *handles,
                  size_t handle_count)
{
	static char message[WALDOI_READER_MESSAGE + 32];
	uint8_t *copy = malloc(len);
	waldo_reader reader;
	msgpack_unpacked tree;
	size_t used = 0;
	const char *why;

	if (copy == NULL) {
		return "no memory";
	}
	memcpy(copy, data, len);
	msgpack_unpacked_init(&tree);
	waldoi_reader_init(&reader, copy, len, false, handles, handle_count);
	if (msgpack_unpack_next(&tree, (const char *) data, len, &used) !=
	    MSGPACK_UNPACK_SUCCESS) {
		why = walk_depth(&reader) > MSGPACK_DEPTH
		          ? NULL
		          : "msgpack-c does not decode it";
	} else if (used != len) {
		why = "msgpack-c stops before the end";
	} else {
		why = walk_value(&reader, &tree.data);
		if (why == NULL && waldo_read_end(&reader) != WALDO_OK) {
			why = waldo_read_message(&reader);
		}
	}
	if (why == waldo_read_message(&reader)) {
		snprintf(message, sizeof(message), "%s", why);
		why = message;
	}
	msgpack_unpacked_destroy(&tree);
	free(copy);
	return why;
}

#endif
