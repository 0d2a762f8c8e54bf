/* SPDX-License-Identifier: MIT */
/* ice - ZeroC Ice, its thread pool as it comes (one); clear or "tls". */
#include "Echo.h"
#include "meter.h"
#include "sockets.h"

#include <Ice/Ice.h>
#include <cstring>

namespace
{

struct ItemServant : Echo::Item {
	long long poke(long long x, const Ice::Current &) override
	{
		return x + 1;
	}

	void destroy(const Ice::Current &current) override
	{
		current.adapter->remove(current.id);
	}
};

/* Whenever an event was answered the next one leaves. */
void
push_one(const std::shared_ptr<Echo::SinkPrx> &sink)
{
	sink->eventAsync(
	    1, METER_TEXT, [sink] { push_one(sink); },
	    [](std::exception_ptr) {});
}

struct BenchServant : Echo::Bench {
	long long echo(long long number, std::string text, std::string &result,
	               const Ice::Current &) override
	{
		result = std::move(text);
		return number;
	}

	Echo::Bytes large(Echo::Bytes data, const Ice::Current &) override
	{
		return data;
	}

	std::shared_ptr<Echo::ItemPrx>
	make(const Ice::Current &current) override
	{
		return Ice::uncheckedCast<Echo::ItemPrx>(
		    current.adapter->addWithUUID(
		        std::make_shared<ItemServant>()));
	}

	void push(std::shared_ptr<Echo::SinkPrx> sink, int count,
	          const Ice::Current &current) override
	{
		auto fixed = sink->ice_fixed(current.con);

		for (int i = 0; i < count; i++) {
			push_one(fixed);
		}
	}
};

void
use_tls(const Ice::PropertiesPtr &properties, char **files)
{
	properties->setProperty("Ice.Plugin.IceSSL", "IceSSL:createIceSSL");
	properties->setProperty("IceSSL.CertFile", files[0]);
	properties->setProperty("IceSSL.KeyFile", files[1]);
	properties->setProperty("IceSSL.VerifyPeer", "0");
	properties->setProperty("IceSSL.Protocols", "TLS1_2,TLS1_3");
}

} // namespace

int
main(int argc, char **argv)
{
	bool tls = argc > 4 && strcmp(argv[2], "tls") == 0;
	Ice::InitializationData data;
	auto properties = Ice::createProperties();

	meter_raise_limits();
	properties->setProperty("Ice.MessageSizeMax", "65536");
	properties->setProperty("Ice.TCP.Backlog", "4096");
	properties->setProperty("Ice.ACM.Server.Close", "0");
	if (tls) {
		use_tls(properties, argv + 3);
	}
	data.properties = properties;

	auto communicator = Ice::initialize(data);
	auto adapter = communicator->createObjectAdapterWithEndpoints(
	    "Bench", std::string(tls ? "ssl" : "tcp") + " -h 127.0.0.1 -p " +
	                 (argc > 1 ? argv[1] : ""));

	adapter->add(std::make_shared<BenchServant>(),
	             Ice::stringToIdentity("bench"));
	adapter->activate();
	socket_say_ready();
	communicator->waitForShutdown();
}
