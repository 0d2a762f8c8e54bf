/* SPDX-License-Identifier: MIT */
/* torture/syscalls/ground.h - what the nodes of the sockets' ground are */
#ifndef WALDO_TORTURE_GROUND_H
#define WALDO_TORTURE_GROUND_H

#include <stdbool.h>

/* dead_peer_ms of each node. */
#define SILENCE_MS 900

/* True if a loop was found busy with nothing since this was last asked. */
bool ground_spun(void);

#endif
