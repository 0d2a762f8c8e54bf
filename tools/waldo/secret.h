/* SPDX-License-Identifier: MIT */
/* secret.h - what is neither shown nor found on a command line */
#ifndef SECRET_H
#define SECRET_H

#include "tool.h"

#define SECRET_MAX 1025 /* with its NUL */

/* Reads a line from the terminal, without echo, after `prompt`; or, where
 * stdin is none, one line of that. A status, after a complaint unless it is
 * STATUS_OK. */
int secret_ask(const char *prompt, char secret[SECRET_MAX]);

/* Twice from a terminal, since nobody sees what he types. */
int secret_ask_new(const char *prompt, char secret[SECRET_MAX]);

/* The first line of a file that nobody but its owner may read. */
int secret_load(const char *path, char secret[SECRET_MAX]);

void secret_wipe(char secret[SECRET_MAX]);

#endif
