/* SPDX-License-Identifier: MIT */
/*
 * serial/reader.h - the inside of a waldo_reader
 *
 * A cursor over one payload that waldoi_check() has passed, so that it only
 * compares types, never lengths. It ends strings with NUL by moving them one
 * byte down, over their own header: a payload is read once, from the front.
 * A list or map is left as soon as its last value is read, so that only the
 * top level can stand at its end.
 */
#ifndef WALDOI_READER_H
#define WALDOI_READER_H

#include <waldo/reader.h>

#define WALDOI_MAX_DEPTH      64
#define WALDOI_READER_MESSAGE 192

typedef struct waldoi_level {
	uint32_t left;  /* values (a pair is two) still to be read here */
	uint32_t count; /* values that it has */
} waldoi_level;

struct waldo_reader {
	uint8_t *p;
	uint8_t *end;
	waldoi_level here; /* nothing is left once it failed */
	uint32_t depth;
	waldo_err error;      /* sticky */
	uint64_t maps;        /* bit d - 1: the level at depth d is a map */
	void *const *handles; /* borrowed; the references of the message */
	uint32_t handle_count;
	const char *what;    /* "value" or "argument"; for messages */
	const char *message; /* of the error; in text, or the caller's */
	waldoi_level around[WALDOI_MAX_DEPTH]; /* from the top */
	char text[WALDOI_READER_MESSAGE];
};

/*
 * `data` is exactly one checked value. With `open` true it is an array (the
 * arguments) and the reader stands before its first item; else it stands
 * before the value. Borrows all. `what` is "argument" or "value".
 */
void waldoi_reader_init(waldo_reader *reader, uint8_t *data, size_t len,
                        bool open, void *const *handles, size_t handle_count);

/* A reader that has failed with `err` and says `message` (copied). */
void waldoi_reader_init_failed(waldo_reader *reader, waldo_err err,
                               const char *message);

/* The same with a message that outlives the reader. */
static inline void
waldoi_reader_init_gone(waldo_reader *reader, waldo_err err,
                        const char *message)
{
	reader->here = (waldoi_level){0, 0};
	reader->depth = 0;
	reader->error = err;
	reader->handles = NULL;
	reader->handle_count = 0;
	reader->message = message;
}

/* The next value as a handle; NULL and a misfit if it is none. */
void *waldoi_read_handle(waldo_reader *reader);

/* The index in `handles` that checked payload `data` is, if it is nothing but
 * a reference; else -1. */
int32_t waldoi_payload_as_handle(const uint8_t *data, size_t len);

/*
 * Finds a value inside the checked payload `data`. A step is an index of a
 * list (key NULL) or the key of a map. Returns its bytes, or NULL if there is
 * no such place.
 */
typedef struct waldoi_step {
	const char *key; /* not terminated */
	uint32_t len;
	uint32_t index;
} waldoi_step;
#define WALDOI_MAX_STEPS 8
const uint8_t *waldoi_payload_find(const uint8_t *data, size_t len,
                                   const waldoi_step *steps, size_t step_count,
                                   size_t *ret_len);

/* True if checked payload `data` is a list. */
static inline bool
waldoi_payload_is_list(const uint8_t *data, size_t len)
{
	return len > 0 && (data[0] >> 4 == 9 || data[0] >> 1 == 0xdc >> 1);
}

/* The English name of what `data` begins with, "string", "list", ... */
const char *waldoi_payload_type_name(const uint8_t *data, size_t len);

#endif
