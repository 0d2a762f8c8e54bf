/* SPDX-License-Identifier: MIT */
/*
 * broker/session/names.h - method names, once spelled, then numbers
 *
 * Each direction of a session has its own table (PROTOCOL.md P15). The sender
 * defines 1, 2, 3 ... densely in the frames that use them first; a name that
 * finds no room is spelled each time.
 */
#ifndef WALDOI_NAMES_H
#define WALDOI_NAMES_H

#include "broker/call.h"

typedef struct waldoi_known {
	waldoi_name *name; /* retained; NULL: free */
	uint32_t number;
} waldoi_known;

/* What we call the peer's methods. */
typedef struct waldoi_names_out {
	waldoi_known *slots; /* open addressing; NULL: none yet */
	uint32_t size, count;
	waldoi_known last; /* that was found; borrowed */
} waldoi_names_out;

/* Looks for what it says: another of that name may stand there, from before
 * the node forgot it. */
uint32_t waldoi_names_out_search(waldoi_names_out *names,
                                 const waldoi_name *name);

/* 0 if it is not known. `name` has its hash (methods.h). Most calls are of the
 * method that was called last. */
static inline uint32_t
waldoi_names_out_find(waldoi_names_out *names, const waldoi_name *name)
{
	return names->last.name == name ? names->last.number
	                                : waldoi_names_out_search(names, name);
}

/* What has that number; NULL: nothing. Looks through all of them. */
const char *waldoi_names_out_get(const waldoi_names_out *names,
                                 uint32_t number);
/* Gives it the next number, count + 1; false without memory. */
bool waldoi_names_out_define(waldoi_names_out *names, waldoi_name *name);
/* Takes the last one back. */
void waldoi_names_out_undefine(waldoi_names_out *names,
                               const waldoi_name *name);
void waldoi_names_out_fini(waldoi_names_out *names);

/* What the peer calls ours. */
typedef struct waldoi_names_in {
	waldoi_name **names; /* number n is names[n - 1] */
	uint32_t count, cap;
} waldoi_names_in;

/* NULL if it was not defined. Borrowed. */
static inline waldoi_name *
waldoi_names_in_get(const waldoi_names_in *names, uint64_t number)
{
	return number == 0 || number > names->count ? NULL
	                                            : names->names[number - 1];
}
/* Takes `name`; false without memory. */
bool waldoi_names_in_define(waldoi_names_in *names, waldoi_name *name);
void waldoi_names_in_fini(waldoi_names_in *names);

#endif
