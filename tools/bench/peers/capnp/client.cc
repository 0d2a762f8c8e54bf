/* SPDX-License-Identifier: MIT */
#include "echo.capnp.h"
#include "meter.h"
#include "sockets.h"

#include <capnp/rpc-twoparty.h>
#include <cstdio>
#include <kj/async-io.h>
#include <unistd.h>

namespace
{

struct meter m;
kj::Vector<Bench::Client> connections;
kj::Own<kj::PromiseFulfiller<void>> finished;
kj::TaskSet *tasks;
kj::Array<kj::byte> payload;

struct Errors final : kj::TaskSet::ErrorHandler {
	void taskFailed(kj::Exception &&exception) override
	{
		fprintf(stderr, "%s\n", kj::str(exception).cStr());
		_exit(5);
	}
};

void
require(bool good)
{
	if (!good) {
		fprintf(stderr, "capnp: a result is wrong\n");
		_exit(6);
	}
}

void call(int index);

void
done(int index)
{
	if (m.phase == METER_OVER) {
		return;
	}
	if (meter_count(&m)) {
		call(meter_next(&m, index));
	} else {
		finished->fulfill();
	}
}

kj::Promise<void>
poke(Item::Client item, int index)
{
	auto request = item.pokeRequest();

	request.setX(1);
	return request.send().then(
	    [index](capnp::Response<Item::PokeResults> &&results) {
		    require(results.getX() == 2);
		    done(index);
	    });
}

kj::Promise<void>
churn(int index)
{
	return connections[index].makeRequest().send().then(
	    [index](capnp::Response<Bench::MakeResults> &&results) {
		    return poke(results.getItem(), index);
	    });
}

kj::Promise<void>
churn_pipelined(int index)
{
	auto made = connections[index].makeRequest().send();

	return poke(made.getItem(), index);
}

kj::Promise<void>
large(int index)
{
	capnp::MessageSize size{METER_LARGE / 8 + 16, 0};
	auto request = connections[index].largeRequest(size);

	request.setData(payload);
	return request.send().then(
	    [index](capnp::Response<Bench::LargeResults> &&results) {
		    require(results.getData().size() == METER_LARGE);
		    done(index);
	    });
}

kj::Promise<void>
echo(int index)
{
	auto request =
	    connections[index].echoRequest(capnp::MessageSize{16, 0});

	request.setNumber(42);
	request.setText(METER_TEXT);
	return request.send().then(
	    [index](capnp::Response<Bench::EchoResults> &&results) {
		    require(results.getNumber() == 42 &&
		            results.getText() == METER_TEXT);
		    done(index);
	    });
}

void
call(int index)
{
	if (meter_is(&m, "churn")) {
		tasks->add(churn(index));
	} else if (meter_is(&m, "churnp")) {
		tasks->add(churn_pipelined(index));
	} else if (m.is_large) {
		tasks->add(large(index));
	} else {
		tasks->add(echo(index));
	}
}

class SinkServer final : public Sink::Server
{
	kj::Promise<void> event(EventContext context) override
	{
		require(context.getParams().getText() == METER_TEXT);
		if (m.phase != METER_OVER && !meter_count(&m)) {
			finished->fulfill();
		}
		return kj::READY_NOW;
	}
};

void
start()
{
	if (meter_is(&m, "event")) {
		auto request = connections[0].pushRequest();

		request.setSink(kj::heap<SinkServer>());
		request.setCount(m.window);
		tasks->add(request.send().ignoreResult());
		return;
	}
	for (int i = 0; i < meter_first(&m); i++) {
		for (int k = 0; k < m.share; k++) {
			call(i);
		}
	}
}

} // namespace

int
main(int argc, char **argv)
{
	meter_init(&m, argc, argv, "lat pipe fan large churn churnp event");
	payload = kj::heapArray<kj::byte>(METER_LARGE);
	for (auto &byte : payload) {
		byte = 7;
	}

	auto io = kj::setupAsyncIo();
	Errors errors;
	kj::TaskSet set(errors);
	kj::Vector<kj::Own<kj::AsyncIoStream>> streams;
	kj::Vector<kj::Own<capnp::TwoPartyClient>> clients;
	auto where = m.address[0] == '/' ? kj::str("unix:", m.address)
	                                 : kj::str("127.0.0.1:", m.address);
	auto address =
	    io.provider->getNetwork().parseAddress(where).wait(io.waitScope);

	tasks = &set;
	for (int i = 0; i < m.connections; i++) {
		streams.add(address->connect().wait(io.waitScope));
		KJ_IF_MAYBE(fd, streams[i]->getFd()) {
			socket_tune(*fd, m.address);
		}
		clients.add(kj::heap<capnp::TwoPartyClient>(*streams[i]));
		connections.add(clients[i]->bootstrap().castAs<Bench>());
	}
	/* Each is there when it has answered. */
	for (auto &bench : connections) {
		auto request = bench.echoRequest();

		request.setText("x");
		request.send().wait(io.waitScope);
	}
	meter_connected(&m);

	auto end = kj::newPromiseAndFulfiller<void>();

	finished = kj::mv(end.fulfiller);
	meter_start(&m);
	start();
	end.promise.wait(io.waitScope);
	meter_finish(&m);
}
