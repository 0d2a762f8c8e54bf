/* SPDX-License-Identifier: MIT */
/*
 * libevent has no descriptor to wait on, but its epoll has, and epolls nest.
 * Its timers do not show there: the node's own, a timerfd, stands for them.
 */
#include "broker/net/loop.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Timeouts of links and listeners, which are libevent's and long, are looked
 * for this often, while there are any. */
#define TICK_US 50000

static bool
is_epoll(const char *fd)
{
	char path[300], target[32] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%s", fd);
	return readlink(path, target, sizeof(target) - 1) > 0 &&
	       strcmp(target, "anon_inode:[eventpoll]") == 0;
}

/* True if the epoll `fd` watches `watched`. */
static bool
epoll_has(const char *fd, int watched)
{
	char path[300], line[256];
	bool found = false;
	FILE *file;
	int tfd;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%s", fd);
	file = fopen(path, "re");
	if (file == NULL) {
		return false;
	}
	while (!found && fgets(line, sizeof(line), file) != NULL) {
		found = sscanf(line, "tfd: %d", &tfd) == 1 && tfd == watched;
	}
	fclose(file);
	return found;
}

/* libevent's epoll is the one that watches our postbox. */
static int
find_epoll(int watched)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int found = -1;

	if (dir == NULL) {
		return -1;
	}
	while (found < 0 && (entry = readdir(dir)) != NULL) {
		if (is_epoll(entry->d_name) &&
		    epoll_has(entry->d_name, watched)) {
			found = atoi(entry->d_name);
		}
	}
	closedir(dir);
	return found;
}

static bool
watch(int outer_fd, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return fd >= 0 && epoll_ctl(outer_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

int
waldoi_outer_open(waldoi_loop *loop)
{
	int inner;

	if (loop->outer_fd >= 0 || !loop->own_base) {
		return loop->outer_fd;
	}
	inner = find_epoll(waldoi_postbox_get_fd(loop->box));
	loop->outer_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->outer_fd < 0 || !watch(loop->outer_fd, inner)) {
		waldoi_outer_close(loop);
		return -1;
	}
	waldoi_outer_update(loop);
	return loop->outer_fd;
}

uint64_t
waldoi_outer_due(waldoi_loop *loop, uint64_t at)
{
	uint64_t tick;

	if (loop->outer_fd < 0) {
		return at;
	}
	if (event_pending(&loop->turn, EV_TIMEOUT, NULL) != 0) {
		return 0;
	}
	tick = loop->timed > 0 ? waldoi_loop_now(loop) + TICK_US : UINT64_MAX;
	return at < tick ? at : tick;
}

void
waldoi_outer_update(waldoi_loop *loop)
{
	if (loop->outer_fd >= 0) {
		waldoi_loop_set_timer(loop);
	}
}

void
waldoi_outer_close(waldoi_loop *loop)
{
	if (loop->outer_fd >= 0) {
		close(loop->outer_fd);
	}
	loop->outer_fd = -1;
}
