/* SPDX-License-Identifier: MIT */
#include "tests/memory/end.h"

#include <stdlib.h>
#include <string.h>

bool
end_put(struct end *end, const void *data, size_t len)
{
	if (end->start > 0 && end->cap - end->start - end->len < len) {
		memmove(end->data, end->data + end->start, end->len);
		end->start = 0;
	}
	if (end->cap - end->start - end->len < len) {
		size_t cap = (end->len + len) * 2;
		uint8_t *grown = realloc(end->data, cap);

		if (grown == NULL) {
			return false;
		}
		end->data = grown;
		end->cap = cap;
	}
	if (len > 0) {
		memcpy(end->data + end->start + end->len, data, len);
	}
	end->len += len;
	return true;
}

void
end_skip(struct end *end, size_t len)
{
	end->len -= len;
	end->start = end->len == 0 ? 0 : end->start + len;
}

void
end_join(struct end *a, struct end *b)
{
	a->peer = b;
	b->peer = a;
}

void
end_part(struct end *end)
{
	if (end->peer != NULL) {
		end->peer->peer = NULL;
		end->peer = NULL;
	}
}

void
end_fini(struct end *end)
{
	end_part(end);
	free(end->data);
}
