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

static char *
complain_no(bool is_wanted, char *path, const char *what)
{
	if (is_wanted) {
		(void) complain(STATUS_LOST, "%s%s%s", path != NULL ? path : "",
		                path != NULL ? ": " : "", what);
	}
	free(path);
	return NULL;
}

char *
state_path(const char *name, bool is_wanted)
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
		return complain_no(is_wanted, NULL,
		                   "neither XDG_STATE_HOME nor HOME says where "
		                   "keys are kept");
	}
	if (len < 0) {
		return complain_no(is_wanted, NULL, "out of memory");
	}
	return make_folders(path)
	           ? path
	           : complain_no(is_wanted, path, strerror(errno));
}
