/* SPDX-License-Identifier: MIT */
#include "broker/methods.h"

/* FNV-1a from a secret start: the names are ours, yet an application may pass
 * on those of a peer. */
static uint32_t
hash_of(const char *text, size_t len, uint64_t secret)
{
	uint64_t h = secret;

	for (size_t i = 0; i < len; i++) {
		h = (h ^ (unsigned char) text[i]) * UINT64_C(0x100000001b3);
	}
	return (uint32_t) (h ^ h >> 32);
}

/* Where it is remembered; two that share a place forget each other. */
static waldoi_name **
slot_of(waldo_node *node, const char *text, size_t len)
{
	uint32_t mixed = (uint32_t) len << 24 |
	                 (uint32_t) (unsigned char) text[0] << 16 |
	                 (uint32_t) (unsigned char) text[len / 2] << 8 |
	                 (unsigned char) text[len - 1];

	return &node->methods[mixed * UINT32_C(0x9e3779b1) >>
	                      (32 - WALDOI_METHOD_BITS)];
}

static void
forget(waldo_node *node, waldoi_name *name)
{
	for (size_t i = 0; name != NULL && i < 1 << WALDOI_METHOD_BITS; i++) {
		if (node->method_places[i] == name) {
			node->method_places[i] = NULL;
		}
	}
	waldoi_name_release(name);
}

static waldo_err
remember(waldo_node *node, waldoi_name **slot, const char *text, size_t len)
{
	waldoi_name *name;

	if (!waldoi_method_is_valid(text, len)) {
		return WALDO_EINVAL;
	}
	name = waldoi_name_new(text, len);
	if (name == NULL) {
		return WALDO_ENOMEM;
	}
	name->hash = hash_of(text, len, node->secret);
	forget(node, *slot);
	*slot = name;
	return WALDO_OK;
}

waldo_err
waldoi_methods_share(waldo_node *node, const char *text, size_t len,
                     waldoi_name **ret_name)
{
	waldo_err err = WALDO_OK;
	waldoi_name **slot;

	if (len == 0 || len > WALDOI_MAX_METHOD) {
		return WALDO_EINVAL;
	}
	slot = slot_of(node, text, len);
	if (*slot == NULL || (*slot)->len != len ||
	    memcmp((*slot)->text, text, len) != 0) {
		err = remember(node, slot, text, len);
	}
	if (err == WALDO_OK) {
		*ret_name = waldoi_name_retain(*slot);
	}
	return err;
}

waldo_err
waldoi_methods_find(waldo_node *node, const char *text, waldoi_name **ret_name)
{
	waldo_err err =
	    waldoi_methods_share(node, text, strlen(text), ret_name);

	if (err == WALDO_OK) {
		*waldoi_methods_place(node, text) = *ret_name;
	}
	return err;
}

void
waldoi_methods_fini(waldo_node *node)
{
	for (size_t i = 0; i < 1 << WALDOI_METHOD_BITS; i++) {
		forget(node, node->methods[i]);
		node->methods[i] = NULL;
	}
}
