/* SPDX-License-Identifier: MIT */
/* sunrpc - libtirpc over TCP, its own loop. */
#include "echo.h"
#include "meter.h"
#include "sockets.h"

#include <stdio.h>

static void
echo(SVCXPRT *transport, xdrproc_t type, void *value)
{
	if (!svc_getargs(transport, type, value)) {
		svcerr_decode(transport);
		return;
	}
	svc_sendreply(transport, type, value);
	svc_freeargs(transport, type, value);
}

static void
dispatch(struct svc_req *request, SVCXPRT *transport)
{
	struct small small = {0};
	struct large large = {0};

	switch (request->rq_proc) {
	case ECHO_SMALL: echo(transport, (xdrproc_t) xdr_small, &small); break;
	case ECHO_LARGE: echo(transport, (xdrproc_t) xdr_large, &large); break;
	default: svcerr_noproc(transport);
	}
}

int
main(int argc, char **argv)
{
	SVCXPRT *transport;
	int fd;

	meter_raise_limits();
	fd = socket_listen(argc > 1 ? argv[1] : "");
	socket_set_blocking(fd);
	transport = svc_vc_create(fd, 0, 0);
	if (transport == NULL ||
	    !svc_register(transport, ECHO_PROGRAM, ECHO_VERSION, dispatch, 0)) {
		fprintf(stderr, "sunrpc: cannot serve\n");
		return 1;
	}
	socket_say_ready();
	svc_run();
	return 1;
}
