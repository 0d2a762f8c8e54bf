/* SPDX-License-Identifier: MIT */
/*
 * golden/recording.h - what came to each end of a link, and when
 *
 * README.md tells the form of the file.
 */
#ifndef WALDO_GOLDEN_RECORDING_H
#define WALDO_GOLDEN_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum record_kind {
	RECORD_STEP = 0,         /* its name */
	RECORD_TO_RESPONDER = 1, /* bytes that came */
	RECORD_TO_INITIATOR = 2
};

struct record {
	enum record_kind kind;
	uint32_t after_us; /* the record before, or the beginning */
	uint32_t len;
	const uint8_t *data;
};

struct recording {
	uint8_t *bytes; /* all of it, for recording_fini() */
	size_t len, at;
};

/* False with a message on stderr. */
bool recording_open(struct recording *recording, const char *path);
void recording_fini(struct recording *recording);

/* The next record; false at the end, or where the file is broken. */
bool recording_next(struct recording *recording, struct record *ret_record);

/* True if all records were read. */
bool recording_is_at_end(const struct recording *recording);

/* False if it could not be written. */
bool recording_begin(FILE *file);
bool recording_write(FILE *file, const struct record *record);

#endif
