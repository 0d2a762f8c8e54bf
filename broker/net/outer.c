/* SPDX-License-Identifier: MIT */
/*
 * libevent has no descriptor to wait on, but its epoll has, and epolls nest.
 * Its timers do not show there: a timerfd beside it stands for them.
 */
#include "broker/net/loop.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
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
	loop->timer_fd =
	    timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	loop->outer_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->outer_fd < 0 || !watch(loop->outer_fd, inner) ||
	    !watch(loop->outer_fd, loop->timer_fd)) {
		waldoi_outer_close(loop);
		return -1;
	}
	waldoi_outer_update(loop);
	return loop->outer_fd;
}

static uint64_t
next_due(waldoi_loop *loop, uint64_t now)
{
	uint64_t at = loop->armed_at;

	if (event_pending(&loop->turn, EV_TIMEOUT, NULL) != 0) {
		return 0;
	}
	if (loop->timed > 0 && at > now + TICK_US) {
		at = now + TICK_US;
	}
	return at;
}

void
waldoi_outer_update(waldoi_loop *loop)
{
	struct itimerspec timer = {0};
	uint64_t now, at;

	if (loop->outer_fd < 0) {
		return;
	}
	now = waldoi_loop_now(loop);
	at = next_due(loop, now);
	/* If it has run out, to set it is what makes it unreadable again. */
	if (at == loop->timer_fd_at && at > now) {
		return;
	}
	loop->timer_fd_at = at;
	if (at != UINT64_MAX) {
		timer.it_value.tv_sec = (time_t) (at / 1000000);
		timer.it_value.tv_nsec = (long) (at % 1000000) * 1000 + 1;
	}
	(void) timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &timer, NULL);
}

void
waldoi_outer_close(waldoi_loop *loop)
{
	if (loop->timer_fd >= 0) {
		close(loop->timer_fd);
	}
	if (loop->outer_fd >= 0) {
		close(loop->outer_fd);
	}
	loop->timer_fd = loop->outer_fd = -1;
}
