/* SPDX-License-Identifier: MIT */
/* grpc - C++, callbacks on threads of its own; clear or "tls". */
#include "echo.grpc.pb.h"
#include "meter.h"
#include "sockets.h"

#include <cstring>
#include <fstream>
#include <grpcpp/grpcpp.h>
#include <sstream>

namespace
{

std::string
read_all(const char *path)
{
	std::ifstream file(path);
	std::stringstream all;

	all << file.rdbuf();
	return all.str();
}

template <class Message>
grpc::ServerUnaryReactor *
echo(grpc::CallbackServerContext *context, const Message *request,
     Message *reply)
{
	auto reactor = context->DefaultReactor();

	*reply = *request;
	reactor->Finish(grpc::Status::OK);
	return reactor;
}

class Service final : public bench::Bench::CallbackService
{
	grpc::ServerUnaryReactor *Echo(grpc::CallbackServerContext *context,
	                               const bench::Small *request,
	                               bench::Small *reply) override
	{
		return echo(context, request, reply);
	}

	grpc::ServerUnaryReactor *
	EchoLarge(grpc::CallbackServerContext *context,
	          const bench::Large *request, bench::Large *reply) override
	{
		return echo(context, request, reply);
	}
};

} // namespace

int
main(int argc, char **argv)
{
	std::string address = argc > 1 ? argv[1] : "";
	auto credentials = grpc::InsecureServerCredentials();
	grpc::ServerBuilder builder;
	Service service;

	meter_raise_limits();
	if (argc > 4 && strcmp(argv[2], "tls") == 0) {
		grpc::SslServerCredentialsOptions options;

		options.pem_key_cert_pairs.push_back(
		    {read_all(argv[4]), read_all(argv[3])});
		credentials = grpc::SslServerCredentials(options);
	}
	builder.AddListeningPort((address[0] == '/' ? "unix:" : "127.0.0.1:") +
	                             address,
	                         credentials);
	builder.SetMaxReceiveMessageSize(64 << 20);
	builder.RegisterService(&service);

	auto server = builder.BuildAndStart();

	if (!server) {
		return 1;
	}
	socket_say_ready();
	server->Wait();
}
