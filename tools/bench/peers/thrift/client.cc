/* SPDX-License-Identifier: MIT */
/* thrift, the other end: the two halves of its calls, so that many can be in
 * flight on a connection. */
#include "Bench.h"
#include "meter.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/epoll.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>
#include <thrift/transport/TSSLSocket.h>
#include <thrift/transport/TSocket.h>
#include <unistd.h>

using namespace apache::thrift;

namespace
{

constexpr int max_events = 512;

struct meter m;
std::vector<std::shared_ptr<transport::TSocket>> sockets;
std::vector<std::unique_ptr<bench::BenchClient>> connections;
std::shared_ptr<transport::TSSLSocketFactory> tls;
std::string payload(METER_LARGE, 'x'), text(METER_TEXT);

void
require(bool good)
{
	if (!good) {
		fprintf(stderr, "thrift: a result is wrong\n");
		_exit(6);
	}
}

void
call(int index)
{
	if (m.is_large) {
		connections[index]->send_large(payload);
	} else {
		connections[index]->send_echo(42, text);
	}
}

void
receive(int index)
{
	if (m.is_large) {
		std::string result;

		connections[index]->recv_large(result);
		require(result.size() == METER_LARGE);
	} else {
		bench::Pair result;

		connections[index]->recv_echo(result);
		require(result.number == 42 && result.text == text);
	}
}

void
open_one()
{
	int port = atoi(m.address);
	auto socket =
	    tls ? tls->createSocket("localhost", port)
	        : std::make_shared<transport::TSocket>("127.0.0.1", port);
	auto framed = std::make_shared<transport::TFramedTransport>(socket);
	auto binary = std::make_shared<protocol::TBinaryProtocol>(framed);
	bench::Pair first;

	binary->setStringSizeLimit(0);
	socket->setNoDelay(true);
	socket->open();
	sockets.push_back(socket);
	connections.emplace_back(new bench::BenchClient(binary));
	connections.back()->echo(first, 1, "x");
}

/* One connection: the answers come in order. */
void
run_one()
{
	do {
		receive(0);
		if (!meter_count(&m)) {
			return;
		}
		call(0);
	} while (true);
}

void
run_many()
{
	struct epoll_event events[max_events];
	int epoll = epoll_create1(0);

	for (int i = 0; i < m.connections; i++) {
		events[0].events = EPOLLIN;
		events[0].data.u32 = i;
		epoll_ctl(epoll, EPOLL_CTL_ADD, sockets[i]->getSocketFD(),
		          &events[0]);
	}
	while (m.phase != METER_OVER) {
		int count = epoll_wait(epoll, events, max_events, 1000);

		for (int i = 0; i < count && m.phase != METER_OVER; i++) {
			int index = events[i].data.u32;

			receive(index);
			if (meter_count(&m)) {
				call(meter_next(&m, index));
			}
		}
	}
}

} // namespace

int
main(int argc, char **argv)
{
	meter_init(&m, argc, argv, "lat pipe fan large");
	if (argc > 8 && strcmp(argv[7], "tls") == 0) {
		tls = std::make_shared<transport::TSSLSocketFactory>();
		tls->loadTrustedCertificates(argv[8]);
		tls->authenticate(true);
	}
	for (int i = 0; i < m.connections; i++) {
		open_one();
	}
	meter_connected(&m);
	meter_start(&m);
	for (int i = 0; i < meter_first(&m); i++) {
		for (int k = 0; k < m.share; k++) {
			call(i);
		}
	}
	if (m.connections == 1) {
		run_one();
	} else {
		run_many();
	}
	meter_finish(&m);
}
