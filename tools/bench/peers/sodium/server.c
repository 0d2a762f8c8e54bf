/* SPDX-License-Identifier: MIT */
/* sodium - what the encryption alone costs both ends: the client does it all,
 * and there is nobody to talk to. */
#include "sockets.h"

#include <unistd.h>

int
main(void)
{
	socket_say_ready();
	for (;;) {
		pause();
	}
}
