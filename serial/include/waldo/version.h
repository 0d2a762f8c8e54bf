/* SPDX-License-Identifier: MIT */
/* waldo/version.h - which Waldo this is */
#ifndef WALDO_VERSION_H
#define WALDO_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

/* Of the headers that a program was compiled with. */
#define WALDO_VERSION "0.1.0"

/* Of the library that it runs with; static. */
const char *waldo_version(void);

#ifdef __cplusplus
}
#endif
#endif
