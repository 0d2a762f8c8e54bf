/* SPDX-License-Identifier: MIT */
/*
 * waldo/object.h - your C data, given methods
 *
 * An object lives while anybody holds a reference to it: you, a published
 * name, a message under way, or a peer. Then its class's `destroy` gets
 * `self` back.
 *
 * Every object also answers to the library's own methods, whose names begin
 * with a dot: `.describe` (class name and methods with signatures) and
 * `.ping` (nil). Method names have 1 to 128 bytes of UTF-8 without control
 * characters, no slash, and no dot at the beginning.
 */
#ifndef WALDO_OBJECT_H
#define WALDO_OBJECT_H

#include <waldo/call.h>
#include <waldo/ref.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef void waldo_method_fn(void *self, waldo_call *call);

enum waldo_method_flags {
	WALDO_READONLY = 1,  /* changes nothing: doors offer it for GET */
	WALDO_REPEATABLE = 2 /* idempotent */
};

typedef struct waldo_method {
	const char *name; /* NULL ends the table; no two are the same */
	waldo_method_fn *fn;
	const char *signature; /* "(name: string) -> string"; or NULL */
	uint32_t flags;
} waldo_method;

typedef struct waldo_class {
	size_t size, method_size; /* WALDO_CLASS_SIZES */
	const char *name;
	const waldo_method *methods; /* NULL if there is only `other` */
	void (*destroy)(void *self); /* NULL: `self` stays the caller's */
	waldo_method_fn *other;      /* for methods not in the table; or NULL */
} waldo_class;

#define WALDO_CLASS_SIZES sizeof(waldo_class), sizeof(waldo_method)

/*
 * Makes an object of `node` and returns a reference to it in `*ret_ref`.
 * `kind` and what it points to are static. On success the object takes
 * `self`; on failure `self` is untouched.
 *
 *   WALDO_EINVAL  a size, the name or a method of `kind` is not as it must be
 *   WALDO_ELOST   the node is being freed
 */
waldo_err waldo_object_new(waldo_node *node, const waldo_class *kind,
                           void *self, waldo_ref **ret_ref) WALDO_MUST_CHECK;

/*
 * Takes the object back from everybody at once: each reference to it in this
 * process is broken with WALDO_EREVOKED, calls that wait for it and calls that
 * peers make later fail so, deferred calls are cancelled, `destroy` runs
 * before this returns (if a method of the object is running: when that
 * returns). For a C program whose data dies when it says so. NULL and
 * references that are not near are accepted and left alone; the caller's
 * count stays the caller's.
 */
void waldo_object_revoke(waldo_ref *object);

#ifdef __cplusplus
}
#endif
#endif
