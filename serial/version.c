/* SPDX-License-Identifier: MIT */
#include <waldo/version.h>

#include "serial/api.h"

WALDO_API const char *
waldo_version(void)
{
	return WALDO_VERSION;
}
