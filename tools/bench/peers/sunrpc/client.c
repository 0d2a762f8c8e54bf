/* SPDX-License-Identifier: MIT */
/* sunrpc, the other end: it waits for each reply, so the window is one. */
#include "echo.h"
#include "meter.h"
#include "sockets.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static const struct timeval limit = {20, 0};

static CLIENT *
open_one(const char *address)
{
	int fd = socket_connect(address);
	struct sockaddr_in in = {0};
	struct netbuf where = {sizeof(in), sizeof(in), &in};
	CLIENT *client;

	in.sin_family = AF_INET;
	in.sin_port = htons((in_port_t) atoi(address));
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	socket_set_blocking(fd);
	client = clnt_vc_create(fd, &where, ECHO_PROGRAM, ECHO_VERSION, 0, 0);
	if (client == NULL) {
		clnt_pcreateerror("sunrpc");
		exit(3);
	}
	return client;
}

static bool
call_small(CLIENT *client)
{
	static char text[ECHO_MAX_TEXT + 1], sent[] = METER_TEXT;
	struct small ask = {42, sent}, got = {0, text};
	enum clnt_stat status =
	    clnt_call(client, ECHO_SMALL, (xdrproc_t) xdr_small, (caddr_t) &ask,
	              (xdrproc_t) xdr_small, (caddr_t) &got, limit);

	return status == RPC_SUCCESS && got.number == 42 &&
	       strcmp(text, METER_TEXT) == 0;
}

static bool
call_large(CLIENT *client)
{
	static char sent[METER_LARGE], data[METER_LARGE];
	struct large ask = {METER_LARGE, sent}, got = {METER_LARGE, data};
	enum clnt_stat status =
	    clnt_call(client, ECHO_LARGE, (xdrproc_t) xdr_large, (caddr_t) &ask,
	              (xdrproc_t) xdr_large, (caddr_t) &got, limit);

	return status == RPC_SUCCESS && got.len == METER_LARGE;
}

int
main(int argc, char **argv)
{
	static struct meter m;
	CLIENT *client;
	bool good;

	meter_init(&m, argc, argv, "lat large");
	client = open_one(m.address);
	meter_connected(&m);
	meter_start(&m);
	do {
		good = m.is_large ? call_large(client) : call_small(client);
		if (!good) {
			clnt_perror(client, "sunrpc");
			return 4;
		}
	} while (meter_count(&m));
	meter_finish(&m);
}
