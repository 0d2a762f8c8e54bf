/* SPDX-License-Identifier: MIT */
/*
 * broker/failure.h - a failure that several may hold
 *
 * Making one never fails: when memory runs out there is a ready-made one,
 * which says so.
 */
#ifndef WALDOI_FAILURE_H
#define WALDOI_FAILURE_H

#include "serial/api.h"

#include <stdarg.h>
#include <waldo/error.h>

/* Codes on the wire from here on are the application's, below ours. */
#define WALDOI_APPLICATION_CODE 1000

/* The count of one that is not freed. */
#define WALDOI_IMMORTAL UINT32_MAX

typedef struct waldoi_failure {
	waldo_failure pub; /* first, so that what the user is lent leads here */
	uint32_t count;
	uint32_t details_len; /* a payload without references; 0 if none */
	char text[];          /* type, message, details */
} waldoi_failure;

WALDOI_COLD waldoi_failure *waldoi_failure_new(waldo_err code, waldo_fate fate,
                                               const char *format, ...)
    WALDO_PRINTF(3, 4);
WALDOI_COLD waldoi_failure *waldoi_failure_newv(waldo_err code, waldo_fate fate,
                                                const char *format,
                                                va_list args);

/* The callee's own kind: WALDO_EREMOTE, with that type. */
WALDOI_COLD waldoi_failure *waldoi_failure_typed(const char *type,
                                                 const char *format, ...)
    WALDO_PRINTF(2, 3);
WALDOI_COLD waldoi_failure *
waldoi_failure_typedv(const char *type, const char *format, va_list args);

/* A peer's claim, which is escaped: control characters do not get through.
 * Details are copied. */
WALDOI_COLD waldoi_failure *
waldoi_failure_remote(uint64_t code, const char *type, size_t type_len,
                      const char *message, size_t message_len,
                      const uint8_t *details, size_t details_len);

/* The same failure with that fate; a new count of it, or a copy. */
WALDOI_COLD waldoi_failure *waldoi_failure_with_fate(waldoi_failure *failure,
                                                     waldo_fate fate);

const uint8_t *waldoi_failure_details(const waldoi_failure *failure);

waldoi_failure *waldoi_failure_retain(waldoi_failure *failure);
void waldoi_failure_release(waldoi_failure *failure);

/* The waldoi_failure that the user was lent. */
waldoi_failure *waldoi_failure_of(const waldo_failure *pub);

#endif
