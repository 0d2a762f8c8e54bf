/* SPDX-License-Identifier: MIT */
#include "abuse/raw.h"
#include "memory/text.h"
#include "serial/pack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	MOST_FRAME = 4096, /* one that is written as text */
	BATCH = 64 * 1024,
	POLL_MS = 5,
	ID_AT = 10 /* behind the head, an array of 16 bits, the code, and cf */
};

static const uint8_t preamble[12] = {0xc1, 'W', 'D', 1};

/* ---- the socket */

static int
connect_unix(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void) snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *) &to, sizeof(to)) != 0) {
		(void) close(fd);
		return -1;
	}
	return fd;
}

static int
connect_tcp(const char *port)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	(void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((uint16_t) strtoul(port, NULL, 10));
	if (fd >= 0 && connect(fd, (struct sockaddr *) &to, sizeof(to)) != 0) {
		(void) close(fd);
		return -1;
	}
	return fd;
}

int
raw_connect(const struct arena *arena)
{
	const char *uri = arena->uri;
	int fd = strncmp(uri, "waldo+unix://", 13) == 0
	             ? connect_unix(uri + 13)
	             : connect_tcp(strrchr(uri, ':') + 1);

	if (fd >= 0) {
		(void) fcntl(fd, F_SETFL, O_NONBLOCK);
	}
	return fd;
}

void
raw_close(struct raw *raw)
{
	if (raw->fd >= 0) {
		(void) close(raw->fd);
		raw->fd = -1;
	}
}

static bool
is_gone(const struct raw *raw)
{
	return raw->fd < 0 || raw->arena->over;
}

/* ---- what comes */

/* The last place is for the peer's last words. */
static void
note(struct raw *raw, const uint8_t *frame, size_t len, bool last)
{
	struct arena *arena = raw->arena;
	unsigned n = last ? ARENA_LINES - 1 : arena->said_count++;

	if (last || n < ARENA_LINES - 1) {
		text_decode(frame + RAW_HEAD, len - RAW_HEAD, arena->said[n],
		            ARENA_TEXT);
	}
}

/* MessagePack's integers, as far as Waldo writes them. */
static uint64_t
read_uint(const uint8_t *p)
{
	unsigned bytes = *p >= 0xcc && *p <= 0xcf ? 1U << (*p - 0xcc) : 0;
	uint64_t value = bytes == 0 ? *p : 0;

	for (unsigned i = 1; i <= bytes; i++) {
		value = value << 8 | p[i];
	}
	return value;
}

/* Behind the id of a RETURN. */
static bool
has_failed(const uint8_t *p)
{
	p += *p >= 0xcc && *p <= 0xcf ? 1 + (1 << (*p - 0xcc)) : 1;
	return *p != 0;
}

/* Its first bytes, `len` of them, are there. */
static void
take_frame(struct raw *raw, const uint8_t *frame, size_t len)
{
	uint8_t kind = frame[4], code = frame[6];

	if (kind == 0) {
		raw->frames++;
	}
	if (kind == 0 && code == 2) {
		raw->returns++;
		if (has_failed(frame + 7)) {
			note(raw, frame, len, false);
		}
	} else if (kind == 0 && code == 6) {
		raw->total = read_uint(frame + 8);
	} else if (kind == 2 && (code == 9 || code == 10)) {
		note(raw, frame, len, true);
	}
}

static void
take_frames(struct raw *raw)
{
	size_t at = 0, len;

	while (raw->in_len - at >= RAW_HEAD) {
		const uint8_t *p = raw->in + at;

		len = 4 + ((size_t) p[0] << 24 | (size_t) p[1] << 16 |
		           (size_t) p[2] << 8 | p[3]);
		if (len > RAW_IN && raw->in_len - at < MOST_FRAME) {
			break;
		}
		if (len <= RAW_IN && raw->in_len - at < len) {
			break;
		}
		take_frame(raw, p, len <= RAW_IN ? len : MOST_FRAME);
		if (raw->in_len - at < len) {
			raw->skip = len - (raw->in_len - at);
			len = raw->in_len - at;
		}
		at += len;
	}
	raw->in_len -= at;
	memmove(raw->in, raw->in + at, raw->in_len);
}

/* Reads on until there is no more. */
static void
read_some(struct raw *raw)
{
	ssize_t got = 1;
	size_t skipped;

	while (got > 0 && raw->fd >= 0) {
		got = recv(raw->fd, raw->in + raw->in_len, RAW_IN - raw->in_len,
		           MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN)) {
			raw_close(raw);
			break;
		}
		if (got > 0) {
			skipped =
			    raw->skip < (size_t) got ? raw->skip : (size_t) got;
			raw->skip -= skipped;
			memmove(raw->in + raw->in_len,
			        raw->in + raw->in_len + skipped,
			        (size_t) got - skipped);
			raw->in_len += (size_t) got - skipped;
			take_frames(raw);
		}
	}
}

static bool
wait_for(struct raw *raw, short events, int wait_ms)
{
	struct pollfd entry = {.fd = raw->fd, .events = events};

	return poll(&entry, 1, wait_ms) > 0;
}

bool
raw_take(struct raw *raw, int wait_ms)
{
	if (!is_gone(raw)) {
		(void) wait_for(raw, POLLIN, wait_ms);
		read_some(raw);
	}
	if (!is_gone(raw) && !raw->quiet && raw->frames > raw->acked) {
		uint8_t frame[64];
		size_t len = raw_frame(frame, sizeof(frame), "![5,%llu]",
		                       (unsigned long long) raw->frames);

		raw->acked = raw->frames;
		return raw_send(raw, frame, len);
	}
	return !is_gone(raw);
}

bool
raw_await(struct raw *raw, uint64_t returns)
{
	while (raw->returns < returns) {
		if (!raw_take(raw, POLL_MS)) {
			return false;
		}
	}
	return true;
}

void
raw_hear_end(struct raw *raw)
{
	uint64_t end = arena_now_us() + 20 * 1000;

	while (raw->fd >= 0 && arena_now_us() < end) {
		(void) wait_for(raw, POLLIN, 1);
		read_some(raw);
	}
}

/* ---- what goes */

size_t
raw_frame(uint8_t *to, size_t cap, const char *format, ...)
{
	char text[MOST_FRAME];
	const char *from = text;
	va_list args;
	size_t len;

	va_start(args, format);
	(void) vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	to[4] = *from == '!' ? 2 : 0;
	from += *from == '!';
	len = text_encode(from, to + RAW_HEAD, cap - RAW_HEAD);
	if (len == 0) {
		(void) fprintf(stderr, "not a frame: %s\n", text);
		_exit(2);
	}
	waldoi_pack_be(to, len + 1, 4);
	return RAW_HEAD + len;
}

bool
raw_send(struct raw *raw, const uint8_t *data, size_t len)
{
	while (len > 0 && !is_gone(raw)) {
		ssize_t done = send(raw->fd, data, len, MSG_NOSIGNAL);

		if (done > 0) {
			raw->arena->sent += (size_t) done;
			data += done;
			len -= (size_t) done;
		} else if (errno != EAGAIN) {
			raw_hear_end(raw);
			raw_close(raw);
		} else {
			(void) wait_for(raw,
			                raw->mute ? POLLOUT : POLLOUT | POLLIN,
			                POLL_MS);
		}
		if (!raw->mute && raw->fd >= 0) {
			read_some(raw);
		}
	}
	return len == 0;
}

bool
raw_say(struct raw *raw, const char *text)
{
	uint8_t frame[MOST_FRAME];

	return raw_send(raw, frame,
	                raw_frame(frame, sizeof(frame), "%s", text));
}

static bool
wait_for_window(struct raw *raw, size_t len)
{
	while (raw->used + len > raw->total) {
		if (raw->mute || !raw_take(raw, POLL_MS)) {
			return false;
		}
	}
	raw->used += len;
	return true;
}

/* Frames that no batch has room for. */
static bool
repeat_long(struct raw *raw, const uint8_t *frame, size_t len, unsigned count,
            int how)
{
	while (count-- > 0) {
		if (((how & RAW_CALL) != 0 && !wait_for_window(raw, len - 4)) ||
		    !raw_send(raw, frame, len)) {
			return false;
		}
	}
	return true;
}

bool
raw_repeat(struct raw *raw, const uint8_t *frame, size_t len, unsigned count,
           int how)
{
	static uint8_t batch[BATCH];
	size_t used = 0;

	if (len > sizeof(batch)) {
		return repeat_long(raw, frame, len, count, how);
	}
	for (unsigned i = 0; i < count; i++) {
		bool waits =
		    (how & RAW_CALL) != 0 && raw->used + len - 4 > raw->total;

		if (used + len > sizeof(batch) || waits) {
			if (!raw_send(raw, batch, used)) {
				return false;
			}
			used = 0;
		}
		if ((how & RAW_CALL) != 0 && !wait_for_window(raw, len - 4)) {
			return false;
		}
		memcpy(batch + used, frame, len);
		if ((how & RAW_NUMBERED) != 0) {
			waldoi_pack_be(batch + used + ID_AT, raw->next, 8);
			raw->next += 2;
		}
		used += len;
	}
	return raw_send(raw, batch, used);
}

/* ---- the beginning */

static bool
say_hello(struct raw *raw)
{
	uint8_t data[200];
	size_t len = sizeof(preamble);

	memcpy(data, preamble, len);
	len += raw_frame(data + len, sizeof(data) - len,
	                 "![0,{0:[1,1],1:%d,2:4194304,3:64,4:1024,5:8388608,"
	                 "6:16384,7:256,10:1024,12:6666}]",
	                 raw->quiet ? 0 : 1);
	len += raw_frame(data + len, sizeof(data) - len,
	                 "[1,1,0,'fetch',[],{}] ['gate']");
	raw->used = len - sizeof(preamble); /* more than the CALL is */
	raw->next = 3;
	return raw_send(raw, data, len);
}

bool
raw_open(struct raw *raw, struct arena *arena, bool quiet)
{
	memset(raw, 0, offsetof(struct raw, in));
	raw->arena = arena;
	raw->quiet = quiet;
	raw->total = arena->limits.call_window;
	raw->fd = raw_connect(arena);
	return raw->fd >= 0 && say_hello(raw) && raw_await(raw, 1) &&
	       raw_say(raw, "[4,1,1]");
}
