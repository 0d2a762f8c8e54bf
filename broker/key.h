/* SPDX-License-Identifier: MIT */
/* broker/key.h - the inside of a waldo_key */
#ifndef WALDOI_KEY_H
#define WALDOI_KEY_H

#include "broker/channel/keypair.h"
#include <waldo/key.h>

#include <stdatomic.h>

struct waldo_key {
	atomic_uint count;
	waldoi_keypair pair;
};

/* The pair whose secret half that is; copied. NULL without memory. */
waldo_key *waldoi_key_of(const uint8_t secret[WALDO_KEY_BYTES]);

#endif
