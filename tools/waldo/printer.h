/* SPDX-License-Identifier: MIT */
/* printer.h - the object that "@" is: it prints each call that it receives */
#ifndef PRINTER_H
#define PRINTER_H

#include <waldo.h>
#include "labels.h"

/* `labels` is borrowed for as long as the object lives. */
waldo_err printer_new(waldo_node *node, struct labels *labels,
                      waldo_ref **ret_printer) WALDO_MUST_CHECK;

#endif
