/* SPDX-License-Identifier: MIT */
/*
 * waldo/writer.h - writing arguments and results
 *
 * A writer belongs to a request or to a call and is freed with it. Its error
 * is sticky and comes out where the values are sent: as the failure of the
 * request's promise, or as the error that the caller of the call receives.
 * What is put is copied, but for waldo_put_bytes_take(). NULL is accepted and
 * ignored: it is the writer of a request that could not be allocated.
 *
 * References: waldo_put_ref(), <waldo/ref.h>.
 */
#ifndef WALDO_WRITER_H
#define WALDO_WRITER_H

#include <waldo/reader.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct waldo_writer waldo_writer;

void waldo_put_nil(waldo_writer *writer);
void waldo_put_bool(waldo_writer *writer, bool value);
void waldo_put_int(waldo_writer *writer, int64_t value);
void waldo_put_uint(waldo_writer *writer, uint64_t value);
void waldo_put_double(waldo_writer *writer, double value);

/* NULL is put as nil. Bytes that are not UTF-8 are WALDO_EINVAL. */
void waldo_put_str(waldo_writer *writer, const char *value);
void waldo_put_strn(waldo_writer *writer, const char *value, size_t len);
void waldo_put_bytes(waldo_writer *writer, const void *data, size_t len);

/*
 * The same without a copy: takes `data`, and calls `done(user)` once nobody
 * needs it any more: it was acknowledged, copied or refused; also when this
 * has no effect because the writer has failed. `done` runs from the loop,
 * never inside a function of ours, and at the latest in waldo_node_free(); in
 * waldo_request_free() for a request that outlives its node.
 * With a NULL writer, or if memory runs out here, the data cannot be kept and
 * `done` runs at once. `done` may be NULL.
 */
void waldo_put_bytes_take(waldo_writer *writer, const void *data, size_t len,
                          void (*done)(void *user), void *user);
void waldo_put_time(waldo_writer *writer, int64_t microseconds);

/* Announces that the next `count` values (pairs) are one list (map). Too few
 * or too many are WALDO_EINVAL when it is sent. */
void waldo_put_list(waldo_writer *writer, size_t count);
void waldo_put_map(waldo_writer *writer, size_t count);

/* Moves all that is left in `reader` over, references included. */
void waldo_put_rest(waldo_writer *writer, waldo_reader *reader);

/*
 * Puts by format; a letter takes one argument of exactly this C type:
 *
 *	n  nil (none)        i  int           d  double
 *	b  bool (int)        I  int64_t       s  const char *, NULL is nil
 *	r  waldo_ref *, NULL is nil           u  unsigned      U  uint64_t
 *	y  const void *, size_t (bytes)       [ ... ]  list    { ... }  map
 *
 * Nothing else may stand there. The compiler cannot check this: cast 64-bit
 * values, or use the functions above, or generated stubs, which it checks.
 */
void waldo_putf(waldo_writer *writer, const char *format, ...);

#ifdef __cplusplus
}
#endif
#endif
