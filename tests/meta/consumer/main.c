/* SPDX-License-Identifier: MIT */
/* The smallest program that uses the installed library. */
#include <stdio.h>
#include <string.h>
#include <waldo.h>

int
main(void)
{
	puts(waldo_version());
	return strcmp(waldo_version(), WALDO_VERSION) != 0;
}
