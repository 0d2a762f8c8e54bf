/* SPDX-License-Identifier: MIT */
/* broker/limits.h - the limits of a node, with the defaults filled in */
#ifndef WALDOI_LIMITS_H
#define WALDOI_LIMITS_H

#include <waldo/error.h>
#include <waldo/limits.h>

/* `given` may be NULL. WALDO_EINVAL and a message that names the field. */
waldo_err waldoi_limits_set(const waldo_limits *given, waldo_limits *ret_limits,
                            char message[200]) WALDO_MUST_CHECK;

/* Those for who dials a node that has `limits`: what is zero is as there, and
 * nothing is greater. Errors as above. */
waldo_err waldoi_limits_set_strangers(const waldo_limits *given,
                                      const waldo_limits *limits,
                                      waldo_limits *ret_limits,
                                      char message[200]) WALDO_MUST_CHECK;

/* Raises those of one peer where `given` is greater. Errors as above; then
 * nothing has changed. */
waldo_err waldoi_limits_raise(const waldo_limits *given, waldo_limits *limits,
                              char message[200]) WALDO_MUST_CHECK;

#endif
