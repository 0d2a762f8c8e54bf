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

struct waldoi_message;
struct waldoi_path;

typedef struct waldoi_places {
	uint8_t *paths; /* one after the other, each packed; NULL if none */
	size_t len;
	waldo_ref **refs; /* retained, in the same order */
	uint32_t count;
} waldoi_places;

/* The places of `value`, which is checked and unread, and its references.
 * False without memory. */
bool waldoi_places_make(waldoi_places *places,
                        const struct waldoi_message *value) WALDO_MUST_CHECK;
void waldoi_places_fini(waldoi_places *places);

/* Borrowed; NULL if there is no reference at that place. */
waldo_ref *waldoi_places_find(const waldoi_places *places,
                              const struct waldoi_path *path);

#endif
