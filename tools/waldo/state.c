/* SPDX-License-Identifier: MIT */
/* What the command keeps between two runs: its key, and keys of hosts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "tool.h"

/* With all that is above it; whose they are is nobody else's affair. */
static bool
make_folders(char *path)
{
	char *slash = path;

	while ((slash = strchr(slash + 1, '/')) != NULL) {
		*slash = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST) {
			return false;
		}
		*slash = '/';
	}
	return true;
}

char *
state_path(const char *name)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	char *path = NULL;
	int len;

	if (state != NULL && state[0] == '/') {
		len = asprintf(&path, "%s/waldo/%s", state, name);
	} else if (home != NULL && home[0] == '/') {
		len = asprintf(&path, "%s/.local/state/waldo/%s", home, name);
	} else {
		(void) complain(STATUS_LOST, "neither XDG_STATE_HOME nor HOME "
		                             "says where keys are kept");
		return NULL;
	}
	if (len < 0) {
		(void) complain(STATUS_LOST, "out of memory");
		return NULL;
	}
	if (!make_folders(path)) {
		(void) complain(STATUS_LOST, "%s: %s", path, strerror(errno));
		free(path);
		return NULL;
	}
	return path;
}
