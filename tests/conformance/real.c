/* SPDX-License-Identifier: MIT */
/* Nodes on libevent, as programs have them. */
#include "tests/conformance/transport.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_NODES = 8, PATIENCE_MS = 5, MAX_SOCKETS = 4096 };

static char directory[] = "/tmp/waldo-test-XXXXXX";
static char addresses[MAX_SOCKETS][64];
static unsigned address_count;

static void
remove_directory(void)
{
	(void) rmdir(directory);
}

static char *
next_address(void)
{
	if (address_count == MAX_SOCKETS) {
		abort();
	}
	return addresses[address_count++];
}

static const char *
unix_address(void)
{
	char *address;

	if (address_count == 0) {
		if (mkdtemp(directory) == NULL) {
			abort();
		}
		(void) atexit(remove_directory);
	}
	address = next_address();
	(void) snprintf(address, sizeof(addresses[0]), "unix:%s/%u", directory,
	                address_count);
	return address;
}

static const char *
inproc_address(void)
{
	char *address = next_address();

	(void) snprintf(address, sizeof(addresses[0]), "inproc:node%u",
	                address_count);
	return address;
}

static const char *
tcp_address(void)
{
	return "tcp-insecure:127.0.0.1:0";
}

static const char *
secure_address(void)
{
	return "tcp:127.0.0.1:0";
}

static uint64_t
now_ms(void)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

static void
pump(waldo_node *const *nodes, size_t count)
{
	struct pollfd fds[MAX_NODES];
	nfds_t used = 0;

	for (size_t i = 0; i < count; i++) {
		if (nodes[i] != NULL) {
			(void) waldo_node_step(nodes[i], 0);
			fds[used].fd = waldo_node_get_fd(nodes[i]);
			fds[used++].events = POLLIN;
		}
	}
	(void) poll(fds, used, PATIENCE_MS);
}

static const transport transports[] = {
    {"near", true, false, waldo_node_new, inproc_address, pump, now_ms},
    {"inproc", false, false, waldo_node_new, inproc_address, pump, now_ms},
    {"unix", false, false, waldo_node_new, unix_address, pump, now_ms},
    {"tcp", false, false, waldo_node_new, tcp_address, pump, now_ms},
    {"secure", false, true, waldo_node_new, secure_address, pump, now_ms},
};

const transport *
transport_find(const char *name)
{
	for (size_t i = 0; i < sizeof(transports) / sizeof(*transports); i++) {
		if (strcmp(transports[i].name, name) == 0) {
			return &transports[i];
		}
	}
	return NULL;
}

const char *
transport_names(void)
{
	return "near, inproc, unix, tcp, secure";
}
