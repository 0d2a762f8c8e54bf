/* SPDX-License-Identifier: MIT */
/* serial/api.h - marks the definitions that the shared library exports */
#ifndef WALDOI_API_H
#define WALDOI_API_H

#if defined(__GNUC__)
#define WALDO_API __attribute__((visibility("default")))
#else
#define WALDO_API
#endif

#endif
