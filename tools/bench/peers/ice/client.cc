/* SPDX-License-Identifier: MIT */
/* ice, the other end: asynchronous calls, whose callbacks come from the one
 * thread of its pool; a connection id for each connection. */
#include "Echo.h"
#include "meter.h"

#include <Ice/Ice.h>
#include <cstdio>
#include <cstring>
#include <future>
#include <mutex>
#include <unistd.h>

namespace
{

struct meter m;
std::mutex lock; /* over the meter */
std::vector<std::shared_ptr<Echo::BenchPrx>> connections;
Echo::Bytes payload(METER_LARGE);
std::promise<void> finished;
bool is_finished;

void call(int index);

void
require(bool good)
{
	if (!good) {
		fprintf(stderr, "ice: a result is wrong\n");
		_exit(6);
	}
}

bool
count()
{
	std::lock_guard<std::mutex> guard(lock);
	bool more = m.phase != METER_OVER && meter_count(&m);

	if (!more && !is_finished) {
		is_finished = true;
		finished.set_value();
	}
	return more;
}

void
done(int index)
{
	if (count()) {
		call(meter_next(&m, index));
	}
}

void
on_error(std::exception_ptr error)
{
	try {
		std::rethrow_exception(error);
	} catch (const std::exception &exception) {
		if (m.phase != METER_OVER) {
			fprintf(stderr, "ice: %s\n", exception.what());
			_exit(4);
		}
	}
}

/* An object has to be destroyed: nobody counts its references. */
void
poke(const std::shared_ptr<Echo::ItemPrx> &item, int index)
{
	auto here =
	    item->ice_connectionId(connections[index]->ice_getConnectionId());

	here->pokeAsync(
	    1,
	    [index, here](long long x) {
		    require(x == 2);
		    here->ice_oneway()->destroyAsync([] {}, on_error);
		    done(index);
	    },
	    on_error);
}

void
call(int index)
{
	auto &bench = connections[index];

	if (meter_is(&m, "churn")) {
		bench->makeAsync(
		    [index](std::shared_ptr<Echo::ItemPrx> item) {
			    poke(item, index);
		    },
		    on_error);
	} else if (m.is_large) {
		bench->largeAsync(
		    payload,
		    [index](Echo::Bytes data) {
			    require(data.size() == METER_LARGE);
			    done(index);
		    },
		    on_error);
	} else {
		bench->echoAsync(
		    42, METER_TEXT,
		    [index](long long number, std::string text) {
			    require(number == 42 && text == METER_TEXT);
			    done(index);
		    },
		    on_error);
	}
}

struct SinkServant : Echo::Sink {
	void event(long long, std::string text, const Ice::Current &) override
	{
		require(text == METER_TEXT);
		count();
	}
};

void
start_events(const Ice::CommunicatorPtr &communicator)
{
	auto adapter = communicator->createObjectAdapter("");
	auto sink = adapter->addWithUUID(std::make_shared<SinkServant>());

	adapter->activate();
	connections[0]->ice_getConnection()->setAdapter(adapter);
	connections[0]->push(Ice::uncheckedCast<Echo::SinkPrx>(sink), m.window);
}

void
run_sequential()
{
	std::string text;
	bool more;

	do {
		long long number = connections[0]->echo(42, METER_TEXT, text);

		require(number == 42 && text == METER_TEXT);
		more = meter_count(&m);
	} while (more);
	meter_finish(&m);
}

void
use_tls(const Ice::PropertiesPtr &properties, const char *cert)
{
	properties->setProperty("Ice.Plugin.IceSSL", "IceSSL:createIceSSL");
	properties->setProperty("IceSSL.VerifyPeer", "1");
	properties->setProperty("IceSSL.CAs", cert);
	properties->setProperty("IceSSL.Protocols", "TLS1_2,TLS1_3");
}

} // namespace

int
main(int argc, char **argv)
{
	bool tls = argc > 8 && strcmp(argv[7], "tls") == 0;
	Ice::InitializationData data;
	auto properties = Ice::createProperties();

	meter_init(&m, argc, argv, "lat pipe fan large churn event");
	properties->setProperty("Ice.MessageSizeMax", "65536");
	properties->setProperty("Ice.ACM.Client.Close", "0");
	if (tls) {
		use_tls(properties, argv[8]);
	}
	data.properties = properties;

	auto communicator = Ice::initialize(data);
	auto base =
	    Ice::uncheckedCast<Echo::BenchPrx>(communicator->stringToProxy(
	        std::string("bench:") + (tls ? "ssl" : "tcp") +
	        " -h 127.0.0.1 -p " + m.address));

	for (int i = 0; i < m.connections; i++) {
		connections.push_back(
		    base->ice_connectionId("c" + std::to_string(i)));
		connections[i]->ice_ping();
	}
	meter_connected(&m);
	meter_start(&m);
	if (m.is_sequential) {
		run_sequential();
	} else if (meter_is(&m, "event")) {
		start_events(communicator);
	} else {
		for (int i = 0; i < meter_first(&m); i++) {
			for (int k = 0; k < m.share; k++) {
				call(i);
			}
		}
	}
	finished.get_future().wait();

	std::lock_guard<std::mutex> guard(lock);

	meter_finish(&m);
}
