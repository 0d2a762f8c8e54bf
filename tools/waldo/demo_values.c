/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include "demo_values.h"

struct value {
	waldo_type type;
	size_t len; /* of a string or bytes; items of a list, pairs of a map */
	union {
		bool boolean;
		int64_t integer; /* or a time */
		double number;
		const void *data;
		waldo_ref *ref;
	} as;
};

static bool
make_room(struct values *values)
{
	size_t capacity = values->capacity > 0 ? 2 * values->capacity : 16;
	struct value *items;

	if (values->count < values->capacity) {
		return true;
	}
	items = reallocarray(values->items, capacity, sizeof(*items));
	if (items == NULL) {
		return false;
	}
	values->items = items;
	values->capacity = capacity;
	return true;
}

/* Returns how many values follow that belong to this one. */
static size_t
read_value(struct value *value, waldo_reader *reader)
{
	*value = (struct value){.type = waldo_read_type(reader)};
	switch (value->type) {
	case WALDO_TYPE_END:
	case WALDO_TYPE_NIL: waldo_read_skip(reader); break;
	case WALDO_TYPE_BOOL:
		value->as.boolean = waldo_read_bool(reader);
		break;
	case WALDO_TYPE_INT:
		value->as.integer =
		    waldo_read_int(reader, INT64_MIN, INT64_MAX);
		break;
	case WALDO_TYPE_DOUBLE:
		value->as.number = waldo_read_double(reader);
		break;
	case WALDO_TYPE_STR:
		value->as.data = waldo_read_str(reader, &value->len);
		break;
	case WALDO_TYPE_BYTES:
		value->as.data = waldo_read_bytes(reader, &value->len);
		break;
	case WALDO_TYPE_LIST: return value->len = waldo_read_list(reader);
	case WALDO_TYPE_MAP:
		value->len = waldo_read_map(reader);
		return 2 * value->len;
	case WALDO_TYPE_TIME:
		value->as.integer = waldo_read_time(reader);
		break;
	case WALDO_TYPE_REF: value->as.ref = waldo_read_ref(reader); break;
	}
	return 0;
}

waldo_err
values_read(struct values *values, waldo_reader *reader)
{
	size_t inside = 0; /* values to come that are in a list or map */

	while (waldo_read_type(reader) != WALDO_TYPE_END) {
		if (!make_room(values)) {
			return WALDO_ENOMEM;
		}
		if (inside > 0) {
			inside--;
		} else {
			values->top++;
		}
		inside += read_value(&values->items[values->count++], reader);
	}
	return waldo_read_error(reader);
}

void
values_put(waldo_writer *writer, const struct values *values)
{
	size_t i;

	for (i = 0; i < values->count; i++) {
		const struct value *v = &values->items[i];

		switch (v->type) {
		case WALDO_TYPE_END:
		case WALDO_TYPE_NIL: waldo_put_nil(writer); break;
		case WALDO_TYPE_BOOL:
			waldo_put_bool(writer, v->as.boolean);
			break;
		case WALDO_TYPE_INT:
			waldo_put_int(writer, v->as.integer);
			break;
		case WALDO_TYPE_DOUBLE:
			waldo_put_double(writer, v->as.number);
			break;
		case WALDO_TYPE_STR:
			waldo_put_strn(writer, v->as.data, v->len);
			break;
		case WALDO_TYPE_BYTES:
			waldo_put_bytes(writer, v->as.data, v->len);
			break;
		case WALDO_TYPE_LIST: waldo_put_list(writer, v->len); break;
		case WALDO_TYPE_MAP: waldo_put_map(writer, v->len); break;
		case WALDO_TYPE_TIME:
			waldo_put_time(writer, v->as.integer);
			break;
		case WALDO_TYPE_REF: waldo_put_ref(writer, v->as.ref); break;
		}
	}
}

void
values_clear(struct values *values)
{
	free(values->items);
	*values = (struct values){0};
}
