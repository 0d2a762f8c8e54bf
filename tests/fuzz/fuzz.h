/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz.h - the function that each fuzz target defines */
#ifndef WALDO_FUZZ_H
#define WALDO_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Returns 0; a finding aborts. Keeps nothing from one input to the next. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#endif
