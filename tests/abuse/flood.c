/* SPDX-License-Identifier: MIT */
#include "abuse/strangers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	SPARE_FDS = 64,
	SLOW_US = 5 * 1000,
	LATE_US = 20 * 1000,
	PASS_US = 5 * 1000
};

const char *const stranger_names[STRANGER_KINDS] = {
    [SILENT] = "silent",
    [PREAMBLE] = "preamble",
    [MESSAGE_1] = "message-1",
    [SLOWLY] = "slowly",
};

/* XX, so that whoever has no key at all has work done: the preamble, and a point
 * that any secret can be multiplied with. */
static const uint8_t words[12 + 2 + 32] = {0xc1, 'W', 'D', 1, 2, 1,  0, 0,
                                           0,    0,   0,   0, 0, 32, 9};

static const size_t wanted[STRANGER_KINDS] = {
    [SILENT] = 0,
    [PREAMBLE] = 12,
    [MESSAGE_1] = sizeof(words),
    [SLOWLY] = sizeof(words) - 1,
};

struct stranger {
	int fd; /* -1: none */
	uint8_t said;
	bool done;     /* once; it may have been closed since then */
	uint64_t next; /* when it says the next byte, if it is slow */
};

static const struct flood *flood;
static uint16_t port;
static uint64_t now, next_new;
static unsigned dialled;

bool
flood_may_have(unsigned count)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
		return false;
	}
	limit.rlim_cur = limit.rlim_max;
	return limit.rlim_max >= count + SPARE_FDS &&
	       setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

/* From 127.1.x.y: the honest come from 127.0.0.1. */
static int
dial_from(unsigned source)
{
	struct sockaddr_in from = {.sin_family = AF_INET}, to = from;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;

	from.sin_addr.s_addr = htonl(0x7f010001 + source);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = port;
	(void) setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
	                  sizeof(on));
	if (fd >= 0 &&
	    (bind(fd, (struct sockaddr *) &from, sizeof(from)) != 0 ||
	     (connect(fd, (struct sockaddr *) &to, sizeof(to)) != 0 &&
	      errno != EINPROGRESS))) {
		(void) close(fd);
		return -1;
	}
	return fd;
}

static int
dial_six(void)
{
	const struct sockaddr_in6 to = {.sin6_family = AF_INET6,
	                                .sin6_port = port,
	                                .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd >= 0 &&
	    connect(fd, (const struct sockaddr *) &to, sizeof(to)) != 0 &&
	    errno != EINPROGRESS) {
		(void) close(fd);
		return -1;
	}
	return fd;
}

/* Something came, or it is gone: to be replaced. */
static void
hear(struct stranger *stranger)
{
	uint8_t bytes[256];
	ssize_t got = recv(stranger->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	stranger->done |= got >= 0;
	if (got == 0 || (got < 0 && errno != EAGAIN)) {
		(void) close(stranger->fd);
		stranger->fd = -1;
	}
}

static void
talk(struct stranger *stranger)
{
	size_t left = wanted[flood->kind] - stranger->said;
	ssize_t sent;

	if (flood->kind == SLOWLY && left > 0) {
		left = now >= stranger->next;
		stranger->next = now + SLOW_US;
	}
	if (left > 0) {
		sent = send(stranger->fd, words + stranger->said, left,
		            MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent > 0) {
			stranger->said = (uint8_t) (stranger->said + sent);
		}
	}
	if (flood->kind != MESSAGE_1 && stranger->said == wanted[flood->kind]) {
		stranger->done = true;
	}
}

static void
look_after(struct stranger *stranger, unsigned number, short events)
{
	if (events != 0) {
		hear(stranger);
	}
	if (stranger->fd < 0 && now >= next_new) {
		next_new += 1000000 / (dialled < flood->count ? flood->rate
		                                              : flood->later);
		stranger->fd = flood->sources == 0
		                   ? dial_six()
		                   : dial_from(number % flood->sources);
		stranger->said = 0;
		dialled++;
	}
	if (stranger->fd >= 0) {
		talk(stranger);
	}
}

static unsigned
look_after_all(struct arena *arena, struct stranger *strangers,
               struct pollfd *polled)
{
	unsigned done = 0;

	for (unsigned i = 0; i < flood->count; i++) {
		polled[i].fd = strangers[i].fd;
	}
	(void) poll(polled, flood->count, 0);
	now = arena_now_us();
	if (next_new + LATE_US < now) {
		next_new = now - LATE_US;
	}
	for (unsigned i = 0; i < flood->count && !arena->over; i++) {
		look_after(&strangers[i], i, polled[i].revents);
		done += strangers[i].done;
	}
	return done;
}

void
flood_run(struct arena *arena, const struct flood *wanted_flood)
{
	struct stranger *strangers =
	    calloc(wanted_flood->count, sizeof(*strangers));
	struct pollfd *polled = calloc(wanted_flood->count, sizeof(*polled));
	const char *text = strrchr(arena->uri, ':') + 1;

	if (strangers == NULL || polled == NULL) {
		_exit(2);
	}
	flood = wanted_flood;
	port = htons((uint16_t) strtoul(text, NULL, 10));
	for (unsigned i = 0; i < flood->count; i++) {
		strangers[i].fd = -1;
		polled[i].events = POLLIN;
	}
	while (!arena->over) {
		unsigned done = look_after_all(arena, strangers, polled);

		/* Of too many some are always turned away. */
		if (dialled >= flood->count &&
		    (done == flood->count || flood->count >= 10000)) {
			arena->ready = true;
		}
		(void) usleep(PASS_US);
	}
	_exit(0);
}
