/* SPDX-License-Identifier: MIT */
/*
 * serial/writer.h - the inside of a waldo_writer
 *
 * A writer builds one payload: the arguments of a call (a list of what was
 * put) or a result (exactly one value, nil if none was put). It packs into a
 * buffer that leaves room in front for the list's header. Small payloads need
 * no allocation.
 *
 * Putting a value is one comparison: its bytes are stored behind the last one,
 * where there is slack for any head or number, and they count if they end at
 * `end`, or before it. Only those that do not are looked at for an error, the
 * limit and the end of the buffer.
 */
#ifndef WALDOI_WRITER_H
#define WALDOI_WRITER_H

#include "serial/api.h"
#include "serial/reader.h"
#include <waldo/writer.h>

#include <stdarg.h>

#define WALDOI_WRITER_ROOM  5          /* in front, for an array32 header */
#define WALDOI_WRITER_SLACK 16         /* behind what may be used */
#define WALDOI_WRITER_SMALL 248        /* bytes inside the writer */
#define WALDOI_WRITER_FEW   4          /* handles inside the writer */
#define WALDOI_WRITER_COUNT UINT32_MAX /* values, and never reached */

/* What a writer must not know of references and nodes. */
typedef struct waldoi_writer_ops {
	void *(*retain)(void *handle);
	void (*release)(void *handle);
} waldoi_writer_ops;

/*
 * Bytes of the user's that are sent without a copy. Counted, because the
 * frame that carries them may outlive the writer. `done` runs when the last
 * count is given back to `give_back`, which may postpone it.
 */
typedef struct waldoi_taken {
	struct waldoi_taken
	    *next;     /* in the writer, later where give_back likes */
	size_t offset; /* in the writer's bytes, where they belong */
	const uint8_t *data;
	size_t len;
	void (*done)(void *user); /* may be NULL */
	void *user;
	void (*give_back)(struct waldoi_taken *taken, void *context);
	void *context;
} waldoi_taken;

/* Enforced while values are put. */
typedef struct waldoi_writer_limits {
	size_t message_bytes;
	uint32_t depth;
	uint32_t refs_per_message;
} waldoi_writer_limits;

struct waldo_writer {
	uint8_t *p;     /* behind the last value */
	uint8_t *end;   /* of what buffer and limit allow; p once it failed */
	uint32_t left;  /* values still owed to the innermost open list; outside
	                * of all counted down from WALDOI_WRITER_COUNT */
	uint32_t depth; /* open lists and maps */
	uint32_t deepest; /* the most that were open at a time */
	waldo_err error;  /* sticky */
	waldoi_writer_limits limits;
	uint8_t *data;     /* small, or malloc'ed */
	size_t cap;        /* of data, slack included */
	uint8_t *finished; /* p when it was finished last; NULL: not yet */
	size_t front;      /* bytes of the list's header, once finished */
	size_t taken_bytes;
	waldoi_taken *taken, **taken_end; /* in the order of their offsets */
	void **handles;                   /* few, or malloc'ed; retained */
	uint32_t handle_count, handle_cap;
	const waldoi_writer_ops *ops;
	/* how taken bytes are given back, copied into each */
	void (*give_back)(waldoi_taken *taken, void *context);
	void *context;
	/* `left` of the levels around the innermost, from the top */
	uint32_t around[WALDOI_MAX_DEPTH];
	void *few[WALDOI_WRITER_FEW];
	char message[WALDOI_READER_MESSAGE]; /* why it failed */
	uint8_t small[WALDOI_WRITER_SMALL];
};

/* Does not touch the large arrays. `ops`, `give_back` and `context` outlive
 * the writer. */
void waldoi_writer_init(waldo_writer *writer, const waldoi_writer_ops *ops,
                        const waldoi_writer_limits *limits,
                        void (*give_back)(waldoi_taken *taken, void *context),
                        void *context);

/* Releases the handles and gives back what was taken and not moved away. */
void waldoi_writer_drop(waldo_writer *writer);

static inline void
waldoi_writer_fini(waldo_writer *writer)
{
	/* Handles are malloc'ed when there are more than a few of them. */
	if (writer->handle_count != 0 || writer->taken != NULL ||
	    writer->data != writer->small) {
		waldoi_writer_drop(writer);
	}
}

/* `context` is going: what is taken is given back to NULL. */
void waldoi_writer_orphan(waldo_writer *writer);

/* Back to empty and well, as after init; a large buffer is freed. */
void waldoi_writer_reset(waldo_writer *writer);

/* `more` bytes fit into the limit; else the writer has failed. */
bool waldoi_writer_may_have(waldo_writer *writer, size_t more);

/* Makes room for `len` more bytes; else the writer has failed. */
bool waldoi_writer_room(waldo_writer *writer, size_t len);

/* Takes the next `len` bytes, at most WALDOI_WRITER_SLACK, that stand behind
 * the end; else the writer has failed. */
bool waldoi_writer_extend(waldo_writer *writer, size_t len);

/* Sets the end by the buffer, the limit and the taken bytes. */
void waldoi_writer_set_end(waldo_writer *writer);

/* The innermost list is full: leaves it, and those around it that are too. */
void waldoi_writer_close(waldo_writer *writer);

/* A list or map of `count` values may begin; else the writer has failed. */
bool waldoi_writer_may_open(waldo_writer *writer, size_t count);

/* Raw bytes. Returns -1 if the writer has failed: it is what msgpack-c calls
 * with each piece that it has packed. */
int waldoi_writer_append(void *writer, const char *bytes, size_t len);

/* Bytes put so far, but for those that were taken. */
static inline size_t
waldoi_writer_len(const waldo_writer *writer)
{
	return (size_t) (writer->p - writer->data) - WALDOI_WRITER_ROOM;
}

/* Nothing was put, and nothing went wrong. */
static inline bool
waldoi_writer_is_empty(const waldo_writer *writer)
{
	return writer->left == WALDOI_WRITER_COUNT && writer->error == WALDO_OK;
}

/* The same with them. */
static inline size_t
waldoi_writer_size(const waldo_writer *writer)
{
	return waldoi_writer_len(writer) + writer->taken_bytes;
}

/* Where a head and `len` bytes may be stored; NULL if the writer has failed. */
static inline uint8_t *
waldoi_writer_begin(waldo_writer *writer, size_t len)
{
	if (len > (size_t) (writer->end - writer->p) &&
	    !waldoi_writer_room(writer, len)) {
		return NULL;
	}
	return writer->p;
}

/* Takes what was stored up to `p`; false if the writer has failed. */
static inline bool
waldoi_writer_commit(waldo_writer *writer, uint8_t *p)
{
	if (p > writer->end) {
		return waldoi_writer_extend(writer, (size_t) (p - writer->p));
	}
	writer->p = p;
	return true;
}

/* Counts a scalar, or a list or map whose end is not awaited. */
static inline void
waldoi_writer_count(waldo_writer *writer)
{
	if (--writer->left == 0) {
		waldoi_writer_close(writer);
	}
}

/* Takes a scalar that was stored up to `p`. */
static inline void
waldoi_writer_scalar(waldo_writer *writer, uint8_t *p)
{
	if (waldoi_writer_commit(writer, p)) {
		waldoi_writer_count(writer);
	}
}

/* Counts a list or map of `count` values (a pair is two) and goes into it;
 * before its head is put. False if the writer has failed. An empty one is a
 * level too, as it is for the checker. */
static inline bool
waldoi_writer_open(waldo_writer *writer, size_t count)
{
	/* Each value will have at least one byte. */
	if ((count >= (size_t) (writer->end - writer->p) ||
	     writer->depth >= writer->limits.depth) &&
	    !waldoi_writer_may_open(writer, count)) {
		return false;
	}
	writer->around[writer->depth++] = writer->left - 1;
	writer->left = (uint32_t) count;
	if (writer->depth > writer->deepest) {
		writer->deepest = writer->depth;
	}
	if (count == 0) {
		waldoi_writer_close(writer);
	}
	return true;
}

/* waldo_putf(); `args` is what it is called with. */
void waldoi_putf_va(waldo_writer *writer, const char *format, va_list args);

/* Puts a handle (retained); NULL is put as nil. */
void waldoi_put_handle(waldo_writer *writer, void *handle);

/* Makes a payload of another message's, as it is: nobody looks into it, so
 * nothing is known of its depth. The writer is empty before, and nothing is put
 * behind it. */
void waldoi_writer_set_payload(waldo_writer *writer, const uint8_t *bytes,
                               size_t len, void *const *handles,
                               uint32_t count);

/* Makes the writer fail, if it has not already. */
WALDOI_COLD void waldoi_writer_fail(waldo_writer *writer, waldo_err err,
                                    const char *format, ...) WALDO_PRINTF(3, 4);
void waldoi_writer_fail_memory(waldo_writer *writer);

/* What waldoi_writer_finish() does once, or again after more was put. */
waldo_err waldoi_writer_close_payload(waldo_writer *writer, bool list);

/*
 * Ends the payload. `bytes` then has the packed bytes but for what was taken,
 * whose places are told by their offsets counted from `bytes`; the payload is
 * `len` + writer->taken_bytes long. With `list` true all values are made one
 * array; else there must be one value, and none becomes nil. The writer's
 * error if it has failed, or if a list or map is short. May be called again,
 * with the same `list`.
 */
static inline waldo_err WALDO_MUST_CHECK
waldoi_writer_finish(waldo_writer *writer, bool list, const uint8_t **ret_bytes,
                     size_t *ret_len)
{
	waldo_err err = WALDO_OK;

	if (writer->finished != writer->p) {
		err = waldoi_writer_close_payload(writer, list);
	}
	if (err != WALDO_OK) {
		return err;
	}
	*ret_bytes = writer->data + WALDOI_WRITER_ROOM - writer->front;
	*ret_len = (size_t) (writer->p - *ret_bytes);
	return WALDO_OK;
}

/* The payload in one piece, taken bytes copied in; after finish. `to` has
 * room for len + taken_bytes. */
void waldoi_writer_copy_out(const waldo_writer *writer, const uint8_t *bytes,
                            size_t len, uint8_t *to);

#endif
