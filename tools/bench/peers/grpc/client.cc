/* SPDX-License-Identifier: MIT */
/* grpc, the other end: a completion queue and one thread, a channel for each
 * connection. */
#include "echo.grpc.pb.h"
#include "meter.h"

#include <cstdio>
#include <cstring>
#include <fstream>
#include <grpcpp/grpcpp.h>
#include <sstream>
#include <unistd.h>

namespace
{

struct meter m;
std::vector<std::shared_ptr<grpc::Channel>> channels;
std::vector<std::unique_ptr<bench::Bench::Stub>> stubs;
grpc::CompletionQueue queue;
std::string payload(METER_LARGE, 'x');

void
die(const char *what, int status)
{
	fprintf(stderr, "grpc: %s\n", what);
	_exit(status);
}

/* Those of one message type that are in flight on a connection. */
struct Call {
	int index;
	grpc::ClientContext context;
	grpc::Status status;

	explicit Call(int at) : index(at)
	{
	}
	virtual ~Call() = default;
	virtual bool good() const = 0;
};

struct SmallCall final : Call {
	bench::Small request, reply;
	std::unique_ptr<grpc::ClientAsyncResponseReader<bench::Small>> reader;

	explicit SmallCall(int at) : Call(at)
	{
		request.set_number(42);
		request.set_text(METER_TEXT);
		reader = stubs[at]->AsyncEcho(&context, request, &queue);
		reader->Finish(&reply, &status, this);
	}
	bool good() const override
	{
		return reply.number() == 42 && reply.text() == METER_TEXT;
	}
};

struct LargeCall final : Call {
	bench::Large request, reply;
	std::unique_ptr<grpc::ClientAsyncResponseReader<bench::Large>> reader;

	explicit LargeCall(int at) : Call(at)
	{
		request.set_data(payload);
		reader = stubs[at]->AsyncEchoLarge(&context, request, &queue);
		reader->Finish(&reply, &status, this);
	}
	bool good() const override
	{
		return reply.data().size() == METER_LARGE;
	}
};

/* The call is its own tag, and is deleted when it is done. */
void
call(int index)
{
	if (m.is_large) {
		new LargeCall(index);
	} else {
		new SmallCall(index);
	}
}

std::shared_ptr<grpc::ChannelCredentials>
make_credentials(int argc, char **argv)
{
	grpc::SslCredentialsOptions options;
	std::stringstream all;

	if (argc < 9 || strcmp(argv[7], "tls") != 0) {
		return grpc::InsecureChannelCredentials();
	}
	all << std::ifstream(argv[8]).rdbuf();
	options.pem_root_certs = all.str();
	return grpc::SslCredentials(options);
}

void
connect_all(const std::shared_ptr<grpc::ChannelCredentials> &credentials)
{
	auto deadline =
	    std::chrono::system_clock::now() + std::chrono::seconds(20);
	grpc::ChannelArguments arguments;
	std::string where =
	    std::string(m.address[0] == '/' ? "unix:" : "127.0.0.1:") +
	    m.address;

	/* Else all channels share a connection. */
	arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
	arguments.SetMaxReceiveMessageSize(64 << 20);
	arguments.SetSslTargetNameOverride("localhost");
	for (int i = 0; i < m.connections; i++) {
		channels.push_back(
		    grpc::CreateCustomChannel(where, credentials, arguments));
		stubs.push_back(bench::Bench::NewStub(channels[i]));
		channels[i]->GetState(true);
	}
	for (auto &channel : channels) {
		if (!channel->WaitForConnected(deadline)) {
			die("cannot connect", 3);
		}
	}
}

} // namespace

int
main(int argc, char **argv)
{
	void *tag;
	bool fine;

	meter_init(&m, argc, argv, "lat pipe fan large");
	connect_all(make_credentials(argc, argv));
	meter_connected(&m);
	meter_start(&m);
	for (int i = 0; i < meter_first(&m); i++) {
		for (int k = 0; k < m.share; k++) {
			call(i);
		}
	}
	while (queue.Next(&tag, &fine)) {
		auto done = static_cast<Call *>(tag);
		int index = done->index;

		if (!done->status.ok()) {
			die(done->status.error_message().c_str(), 4);
		}
		if (!done->good()) {
			die("a result is wrong", 6);
		}
		delete done;
		if (!meter_count(&m)) {
			break;
		}
		call(meter_next(&m, index));
	}
	meter_finish(&m);
}
