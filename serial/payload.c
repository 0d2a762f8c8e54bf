/* SPDX-License-Identifier: MIT */
#include "serial/reader.h"

#include "serial/head.h"

#include <string.h>

int32_t
waldoi_payload_as_handle(const uint8_t *data, size_t len)
{
	waldoi_head head;

	if (!waldoi_head_read(&head, data, data + len) ||
	    head.type != WALDO_TYPE_REF ||
	    waldoi_head_next(&head) != data + len) {
		return -1;
	}
	return waldoi_head_ref(&head);
}

/* True if the value at `p` is a string that the step names. */
static bool
is_key(const uint8_t *p, const uint8_t *end, const waldoi_step *step)
{
	waldoi_head head;

	return waldoi_head_read(&head, p, end) && head.type == WALDO_TYPE_STR &&
	       head.len == step->len &&
	       memcmp(head.body, step->key, step->len) == 0;
}

/* Where the step from the value at `p` leads; NULL if nowhere. */
static const uint8_t *
find_step(const uint8_t *p, const uint8_t *end, const waldoi_step *step)
{
	waldoi_head head;

	if (!waldoi_head_read(&head, p, end)) {
		return NULL;
	}
	p = head.body;
	if (step->key == NULL) {
		if (head.type != WALDO_TYPE_LIST || step->index >= head.count) {
			return NULL;
		}
		for (uint32_t i = 0; i < step->index && p != NULL; i++) {
			p = waldoi_head_skip(p, end);
		}
		return p;
	}
	if (head.type != WALDO_TYPE_MAP) {
		return NULL;
	}
	for (uint32_t i = 0; i < head.count && p != NULL; i += 2) {
		if (is_key(p, end, step)) {
			return waldoi_head_skip(p, end);
		}
		p = waldoi_head_skip(p, end);
		p = p != NULL ? waldoi_head_skip(p, end) : NULL;
	}
	return NULL;
}

const uint8_t *
waldoi_payload_find(const uint8_t *data, size_t len, const waldoi_step *steps,
                    size_t step_count, size_t *ret_len)
{
	const uint8_t *end = data + len;
	const uint8_t *p = data;
	const uint8_t *next;

	for (size_t i = 0; i < step_count && p != NULL; i++) {
		p = find_step(p, end, &steps[i]);
	}
	next = p != NULL ? waldoi_head_skip(p, end) : NULL;
	if (next == NULL) {
		return NULL;
	}
	*ret_len = (size_t) (next - p);
	return p;
}

const char *
waldoi_payload_type_name(const uint8_t *data, size_t len)
{
	waldoi_head head;

	if (len == 0 || !waldoi_head_read(&head, data, data + len)) {
		return waldoi_head_type_name(WALDO_TYPE_END);
	}
	return waldoi_head_type_name(head.type);
}
