/* SPDX-License-Identifier: MIT */
/*
 * broker/places.h - where in a result its references stand
 *
 * What is kept of a result that has been sent, so that its caller can go on
 * to pipeline on it: not the result, which may be large, but each reference's
 * place, found by one walk. Looking a place up then costs a comparison with
 * each of at most 256, whatever the result was.
 */
#ifndef WALDOI_PLACES_H
#define WALDOI_PLACES_H

#include "broker/ref.h"

#define WALDOI_FEW_PATHS 24

struct waldoi_message;
struct waldoi_path;

typedef struct waldoi_places {
	uint32_t count;   /* without any, nothing else is set */
	uint32_t len;     /* of all paths */
	waldo_ref **refs; /* retained; `one`, or malloc'ed */
	uint8_t *paths;   /* of each, packed, in the same order; `few`, or
	                   * malloc'ed */
	/* Most results have one reference, at the top or right below. */
	waldo_ref *one;
	uint8_t few[WALDOI_FEW_PATHS];
} waldoi_places;

/* The places of `value`, which is checked and unread, and its references.
 * False without memory: then there are none. */
bool waldoi_places_make(waldoi_places *places,
                        const struct waldoi_message *value) WALDO_MUST_CHECK;
void waldoi_places_fini(waldoi_places *places);

/* Borrowed; NULL if there is no reference at that place. */
waldo_ref *waldoi_places_find(const waldoi_places *places,
                              const struct waldoi_path *path);

#endif
