/* SPDX-License-Identifier: MIT */
/*
 * noise_end dial PATTERN PERIOD PORT
 * noise_end accept PATTERN PERIOD
 *
 * An end of an encrypted link over TCP on this machine, for noise.py: it says
 * back what it hears. Prints its port, who it met ("open KEY HASH PAYLOAD") and
 * why it ended ("end ..."). PERIOD is after how many records keys change.
 */
#include "tests/unit/secure_fixture.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static int
connect_to(uint16_t port)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *) &address, sizeof(address)) != 0) {
		die("connect");
	}
	return fd;
}

static int
accept_one(void)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0), accepted;

	if (bind(fd, (struct sockaddr *) &address, len) != 0 ||
	    listen(fd, 1) != 0 ||
	    getsockname(fd, (struct sockaddr *) &address, &len) != 0) {
		die("listen");
	}
	printf("port %u\n", ntohs(address.sin_port));
	fflush(stdout);
	accepted = accept(fd, NULL, NULL);
	if (accepted < 0) {
		die("accept");
	}
	close(fd);
	return accepted;
}

static void
print_open(const struct end *end)
{
	const uint8_t *hash = waldoi_channel_get_binding(&end->channel);
	char hex[2 * WALDOI_KEY + 1];

	printf("open %s ",
	       sodium_bin2hex(hex, sizeof(hex), end->key, WALDOI_KEY));
	printf("%s %.*s\n", sodium_bin2hex(hex, sizeof(hex), hash, WALDOI_HASH),
	       (int) end->said.len, end->said.data);
	fflush(stdout);
}

static void
send_all(struct end *end, int fd)
{
	size_t len = end_take(end, SIZE_MAX), done = 0;

	while (done < len) {
		ssize_t sent =
		    send(fd, end->wire.data + done, len - done, MSG_NOSIGNAL);

		if (sent <= 0) {
			break; /* it will be read, too */
		}
		done += (size_t) sent;
	}
	end->wire.len = 0;
}

static void
say_back(struct end *end)
{
	struct waldoi_session *session = &end->session;

	session->out.len = session->out_sent = 0;
	end_say(end, session->in.data, session->in.len);
	session->in.len = 0;
}

/* Returns why it ended. */
static const char *
converse(struct end *end, int fd, uint32_t period)
{
	static uint8_t data[100000];
	bool open = false;

	for (;;) {
		ssize_t got;

		if (!open && end->session.opened > 0) {
			open = true;
			end->channel.secure->records->period = period;
			print_open(end);
		}
		say_back(end);
		send_all(end, fd);
		if (end->failed != WALDO_OK) {
			return end->why;
		}
		if (end->session.broken != WALDO_OK) {
			return end->session.why_broken;
		}
		got = recv(fd, data, sizeof(data), 0);
		if (got <= 0) {
			return "it closed";
		}
		waldoi_channel_input(&end->channel, data, (size_t) got);
	}
}

int
main(int argc, char **argv)
{
	struct end ends[2];
	struct end *end;
	int pattern, fd;

	if (argc < 4 || sodium_init() < 0 || !ends_init(ends)) {
		return 2;
	}
	pattern = atoi(argv[2]);
	if (pattern < WALDOI_XK || pattern > WALDOI_XKPSK3 ||
	    !ends_open(ends, (waldoi_pattern) pattern)) {
		return 2;
	}
	end = &ends[argc > 4 ? 0 : 1];
	randombytes_buf(&end->seed, 1);
	fd = argc > 4 ? connect_to((uint16_t) atoi(argv[4])) : accept_one();
	printf("end %s\n", converse(end, fd, (uint32_t) atoi(argv[3])));
	close(fd);
	ends_fini(ends);
	return 0;
}
