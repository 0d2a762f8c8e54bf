/* SPDX-License-Identifier: MIT */
/*
 * serial/writer.h - the inside of a waldo_writer
 *
 * A writer builds one payload: the arguments of a call (a list of what was
 * put) or a result (exactly one value, nil if none was put). It packs with
 * msgpack-c into a buffer that leaves room in front for the list's header.
 * Small payloads need no allocation.
 */
#ifndef WALDOI_WRITER_H
#define WALDOI_WRITER_H

#include "serial/reader.h"
#include <waldo/writer.h>

#include <stdarg.h>

#define WALDOI_WRITER_ROOM  5   /* in front, for an array32 header */
#define WALDOI_WRITER_SMALL 232 /* bytes inside the writer */
#define WALDOI_WRITER_FEW   4   /* handles inside the writer */

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
	uint8_t *data; /* small, or malloc'ed */
	size_t len;    /* used, counted from WALDOI_WRITER_ROOM on */
	size_t cap;
	size_t front; /* bytes of the list's header, once finished */
	size_t taken_bytes;
	waldoi_taken *taken, **taken_end; /* in the order of their offsets */
	void **handles;                   /* few, or malloc'ed; retained */
	uint32_t handle_count, handle_cap;
	uint32_t count;   /* values at the top */
	uint32_t depth;   /* open lists and maps */
	uint32_t deepest; /* the most that were open at a time */
	waldo_err error;  /* sticky */
	bool whole;       /* waldoi_writer_set_payload() has put it all */
	const waldoi_writer_ops *ops;
	waldoi_writer_limits limits;
	/* how taken bytes are given back, copied into each */
	void (*give_back)(waldoi_taken *taken, void *context);
	void *context;
	uint32_t
	    left[WALDOI_MAX_DEPTH]; /* values still owed to each open list */
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
void waldoi_writer_fini(waldo_writer *writer);

/* `context` is going: what is taken is given back to NULL. */
void waldoi_writer_orphan(waldo_writer *writer);

/* Back to empty and well, as after init; a large buffer is freed. */
void waldoi_writer_reset(waldo_writer *writer);

/* `more` bytes fit into the limit; else the writer has failed. */
bool waldoi_writer_may_have(waldo_writer *writer, size_t more);

/* Raw bytes. Returns -1 if the writer has failed: it is what msgpack-c calls
 * with each piece that it has packed. */
int waldoi_writer_append(void *writer, const char *bytes, size_t len);

/*
 * Each value is counted before its bytes are put: a scalar, or the beginning
 * of a list or map of `count` values (a pair is two). False if the writer is
 * NULL or has failed, also just now.
 */
bool waldoi_writer_scalar(waldo_writer *writer);
bool waldoi_writer_open(waldo_writer *writer, size_t count);

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
void waldoi_writer_fail(waldo_writer *writer, waldo_err err, const char *format,
                        ...) WALDO_PRINTF(3, 4);
void waldoi_writer_fail_memory(waldo_writer *writer);

/*
 * Ends the payload. `bytes` then has the packed bytes but for what was taken,
 * whose places are told by their offsets counted from `bytes`; the payload is
 * `len` + writer->taken_bytes long. With `list` true all values are made one
 * array; else there must be one value, and none becomes nil. The writer's
 * error if it has failed, or if a list or map is short. May be called again,
 * with the same `list`.
 */
waldo_err waldoi_writer_finish(waldo_writer *writer, bool list,
                               const uint8_t **ret_bytes, size_t *ret_len)
    WALDO_MUST_CHECK;

/* The payload in one piece, taken bytes copied in; after finish. `to` has
 * room for len + taken_bytes. */
void waldoi_writer_copy_out(const waldo_writer *writer, const uint8_t *bytes,
                            size_t len, uint8_t *to);

#endif
