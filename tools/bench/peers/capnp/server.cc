/* SPDX-License-Identifier: MIT */
/* capnp - Cap'n Proto's own server, on KJ's loop. */
#include "echo.capnp.h"
#include "meter.h"
#include "sockets.h"

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <unistd.h>

namespace
{

class ItemServer final : public Item::Server
{
	kj::Promise<void> poke(PokeContext context) override
	{
		context.getResults().setX(context.getParams().getX() + 1);
		return kj::READY_NOW;
	}
};

/* Whenever an event was answered the next one leaves. */
kj::Promise<void>
push_on(Sink::Client sink)
{
	auto request = sink.eventRequest();

	request.setNumber(1);
	request.setText(METER_TEXT);
	return request.send().then(
	    [sink](auto &&) mutable { return push_on(kj::mv(sink)); });
}

class BenchServer final : public Bench::Server
{
	kj::Promise<void> echo(EchoContext context) override
	{
		auto params = context.getParams();
		auto results = context.getResults();

		results.setNumber(params.getNumber());
		results.setText(params.getText());
		return kj::READY_NOW;
	}

	kj::Promise<void> large(LargeContext context) override
	{
		auto data = context.getParams().getData();
		capnp::MessageSize size{data.size() / 8 + 16, 0};

		context.getResults(size).setData(data);
		return kj::READY_NOW;
	}

	kj::Promise<void> make(MakeContext context) override
	{
		context.getResults().setItem(kj::heap<ItemServer>());
		return kj::READY_NOW;
	}

	kj::Promise<void> push(PushContext context) override
	{
		auto sink = context.getParams().getSink();
		uint32_t count = context.getParams().getCount();
		auto all = kj::heapArrayBuilder<kj::Promise<void>>(count);

		for (uint32_t i = 0; i < count; i++) {
			all.add(push_on(sink));
		}
		return kj::joinPromises(all.finish());
	}
};

} // namespace

int
main(int argc, char **argv)
{
	auto io = kj::setupAsyncIo();
	kj::StringPtr given = argc > 1 ? argv[1] : "";
	kj::String where;

	meter_raise_limits();
	if (given.startsWith("/")) {
		unlink(given.cStr());
		where = kj::str("unix:", given);
	} else {
		where = kj::str("127.0.0.1:", given);
	}
	auto address =
	    io.provider->getNetwork().parseAddress(where).wait(io.waitScope);
	auto listener = address->listen();

	socket_say_ready();
	capnp::TwoPartyServer server(kj::heap<BenchServer>());
	server.listen(*listener).wait(io.waitScope);
}
