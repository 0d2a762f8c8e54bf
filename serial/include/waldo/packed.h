/* SPDX-License-Identifier: MIT */
/*
 * waldo/packed.h - values that are kept as bytes, in a file or a database
 *
 * A writer of your own packs values into a list of MessagePack, which a writer
 * of any message puts again. References cannot be kept.
 */
#ifndef WALDO_PACKED_H
#define WALDO_PACKED_H

#include <waldo/writer.h>

#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

/* NULL when memory ran out, which every function accepts. */
waldo_writer *waldo_writer_new(size_t max_bytes);

/* Only one that waldo_writer_new() made. NULL is accepted. */
void waldo_writer_free(waldo_writer *writer);

/*
 * What was put so far, in `*ret_data`, which is yours to free(). The writer's
 * error, if it has failed:
 *
 *   WALDO_EINVAL  a format, a text or a count; or a reference was put
 *   WALDO_ELIMIT  more than max_bytes, or too deep
 */
waldo_err waldo_writer_pack(waldo_writer *writer, uint8_t **ret_data,
                            size_t *ret_len) WALDO_MUST_CHECK;

/* Why it failed; "" if it has not. */
const char *waldo_writer_get_message(const waldo_writer *writer);

/* waldo_putf() for functions that have a format of their own. */
void waldo_vputf(waldo_writer *writer, const char *format, va_list args);

/* Puts the values of the list that `data` is; it is checked, and what is
 * nothing of the kind has the writer fail with WALDO_EARGS. */
void waldo_put_packed(waldo_writer *writer, const void *data, size_t len);

#ifdef __cplusplus
}
#endif
#endif
