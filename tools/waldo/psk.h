/* SPDX-License-Identifier: MIT */
/* psk.h - the secrets of clusters that a command is told of */
#ifndef PSK_H
#define PSK_H

#include "tool.h"

/* Makes a file with a fresh one, which is not there yet. A status, after a
 * complaint unless STATUS_OK. */
int psk_make(const char *path);

/* Has `node` use them; `required` is waldo_node_set_psk()'s. */
int psks_give(const struct psks *psks, waldo_node *node, bool required);

#endif
