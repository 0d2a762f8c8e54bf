/* SPDX-License-Identifier: MIT */
/*
 * serial/put.h - putting values, for whoever puts many of them
 *
 * What waldo_put_...() does, inline. A writer that has failed takes nothing,
 * which is why nobody asks before.
 */
#ifndef WALDOI_PUT_H
#define WALDOI_PUT_H

#include "serial/ascii.h"
#include "serial/check.h"
#include "serial/pack.h"
#include "serial/writer.h"

static inline void
waldoi_put_nil(waldo_writer *writer)
{
	if (writer != NULL) {
		waldoi_writer_scalar(writer, waldoi_pack_nil(writer->p));
	}
}

static inline void
waldoi_put_bool(waldo_writer *writer, bool value)
{
	if (writer != NULL) {
		waldoi_writer_scalar(writer,
		                     waldoi_pack_bool(writer->p, value));
	}
}

static inline void
waldoi_put_int(waldo_writer *writer, int64_t value)
{
	if (writer != NULL) {
		waldoi_writer_scalar(writer, waldoi_pack_int(writer->p, value));
	}
}

static inline void
waldoi_put_uint(waldo_writer *writer, uint64_t value)
{
	if (writer != NULL) {
		waldoi_writer_scalar(writer,
		                     waldoi_pack_uint(writer->p, value));
	}
}

static inline void
waldoi_put_double(waldo_writer *writer, double value)
{
	if (writer != NULL) {
		waldoi_writer_scalar(writer,
		                     waldoi_pack_double(writer->p, value));
	}
}

/* Any text, nil for NULL of no length. */
void waldoi_put_text(waldo_writer *writer, const char *value, size_t len);

static inline void
waldoi_put_strn(waldo_writer *writer, const char *value, size_t len)
{
	/* Short, ASCII, and there is room for it, as usual. */
	if (writer != NULL && value != NULL && len <= 31 &&
	    len < (size_t) (writer->end - writer->p) &&
	    waldoi_ascii_copy(writer->p + 1, value, len)) {
		*writer->p = (uint8_t) (0xa0 | len);
		writer->p += 1 + len;
		waldoi_writer_count(writer);
	} else {
		waldoi_put_text(writer, value, len);
	}
}

static inline void
waldoi_put_str(waldo_writer *writer, const char *value)
{
	waldoi_put_strn(writer, value, value == NULL ? 0 : strlen(value));
}

static inline void
waldoi_put_bytes(waldo_writer *writer, const void *data, size_t len)
{
	uint8_t *p;

	if (writer == NULL || (p = waldoi_writer_begin(writer, len)) == NULL) {
		return;
	}
	p = waldoi_pack_bin_head(p, len);
	if (len > 0) {
		memcpy(p, data, len);
	}
	waldoi_writer_scalar(writer, p + len);
}

static inline void
waldoi_put_list(waldo_writer *writer, size_t count)
{
	if (writer != NULL && waldoi_writer_open(writer, count)) {
		(void) waldoi_writer_commit(
		    writer, waldoi_pack_array(writer->p, count));
	}
}

/* `count` pairs. */
static inline void
waldoi_put_map(waldo_writer *writer, size_t count)
{
	/* More pairs than any message has are as many as they are doubled. */
	size_t values = count > UINT32_MAX ? count : 2 * count;

	if (writer != NULL && waldoi_writer_open(writer, values)) {
		(void) waldoi_writer_commit(writer,
		                            waldoi_pack_map(writer->p, count));
	}
}

/*
 * Packs at `p` what waldo_putf() would put, for what is small and plain:
 * returns what is behind it and the number of values; `levels` is the most that
 * they may have. NULL: it is something else, or wrong, or goes beyond `end`,
 * behind which there are WALDOI_WRITER_SLACK bytes; what was stored is of no
 * use.
 */
uint8_t *waldoi_packf(uint8_t *p, uint8_t *end, uint32_t levels,
                      const char *format, va_list args, uint32_t *ret_count);

#endif
