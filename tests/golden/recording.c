/* SPDX-License-Identifier: MIT */
#include "golden/recording.h"

#include <stdlib.h>
#include <string.h>

enum { MAGIC = 8, HEAD = 9, MOST = 16 * 1024 * 1024 };

static const uint8_t magic[MAGIC] = {'W', 'A', 'L', 'D', 'O', 'R', 'E', 1};

static uint32_t
get_u32(const uint8_t *p)
{
	return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 |
	       (uint32_t) p[2] << 8 | p[3];
}

static void
set_u32(uint8_t *p, uint32_t value)
{
	for (int i = 0; i < 4; i++) {
		p[i] = (uint8_t) (value >> (24 - 8 * i));
	}
}

bool
recording_open(struct recording *recording, const char *path)
{
	FILE *file = fopen(path, "rb");

	memset(recording, 0, sizeof(*recording));
	if (file == NULL) {
		perror(path);
		return false;
	}
	recording->bytes = malloc(MOST);
	if (recording->bytes != NULL) {
		recording->len = fread(recording->bytes, 1, MOST, file);
	}
	(void) fclose(file);
	if (recording->len < MAGIC ||
	    memcmp(recording->bytes, magic, MAGIC) != 0) {
		(void) fprintf(stderr, "%s: not a recording\n", path);
		recording_fini(recording);
		return false;
	}
	recording->at = MAGIC;
	return true;
}

void
recording_fini(struct recording *recording)
{
	free(recording->bytes);
	recording->bytes = NULL;
}

bool
recording_next(struct recording *recording, struct record *ret_record)
{
	const uint8_t *p = recording->bytes + recording->at;
	size_t left = recording->len - recording->at;
	struct record record;

	if (left < HEAD || p[0] > RECORD_TO_INITIATOR) {
		return false;
	}
	record.kind = (enum record_kind) p[0];
	record.after_us = get_u32(p + 1);
	record.len = get_u32(p + 5);
	record.data = p + HEAD;
	if (record.len > left - HEAD) {
		return false;
	}
	recording->at += HEAD + record.len;
	*ret_record = record;
	return true;
}

bool
recording_is_at_end(const struct recording *recording)
{
	return recording->at == recording->len;
}

bool
recording_begin(FILE *file)
{
	return fwrite(magic, 1, MAGIC, file) == MAGIC;
}

bool
recording_write(FILE *file, const struct record *record)
{
	uint8_t head[HEAD] = {(uint8_t) record->kind};

	set_u32(head + 1, record->after_us);
	set_u32(head + 5, record->len);
	return fwrite(head, 1, HEAD, file) == HEAD &&
	       fwrite(record->data, 1, record->len, file) == record->len;
}
