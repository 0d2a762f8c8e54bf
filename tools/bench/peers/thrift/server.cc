/* SPDX-License-Identifier: MIT */
/* thrift - TNonblockingServer: framed, binary, one thread. */
#include "Bench.h"
#include "meter.h"
#include "sockets.h"

#include <cstdlib>
#include <cstring>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/server/TNonblockingServer.h>
#include <thrift/transport/TNonblockingSSLServerSocket.h>
#include <thrift/transport/TNonblockingServerSocket.h>
#include <thrift/transport/TSSLSocket.h>

using namespace apache::thrift;

namespace
{

struct Handler : bench::BenchIf {
	void echo(bench::Pair &result, int64_t number,
	          const std::string &text) override
	{
		result.number = number;
		result.text = text;
	}

	void large(std::string &result, const std::string &data) override
	{
		result = data;
	}
};

struct Ready : server::TServerEventHandler {
	void preServe() override
	{
		socket_say_ready();
	}
};

std::shared_ptr<transport::TNonblockingServerTransport>
listen_at(int port, int argc, char **argv)
{
	if (argc < 5 || strcmp(argv[2], "tls") != 0) {
		return std::make_shared<transport::TNonblockingServerSocket>(
		    "127.0.0.1", port);
	}
	auto factory = std::make_shared<transport::TSSLSocketFactory>();

	factory->loadCertificate(argv[3]);
	factory->loadPrivateKey(argv[4]);
	return std::make_shared<transport::TNonblockingSSLServerSocket>(
	    "127.0.0.1", port, factory);
}

} // namespace

int
main(int argc, char **argv)
{
	meter_raise_limits();

	auto listener = listen_at(argc > 1 ? atoi(argv[1]) : 0, argc, argv);
	server::TNonblockingServer server(
	    std::make_shared<bench::BenchProcessor>(
	        std::make_shared<Handler>()),
	    std::make_shared<protocol::TBinaryProtocolFactory>(), listener);

	server.setServerEventHandler(std::make_shared<Ready>());
	server.serve();
}
