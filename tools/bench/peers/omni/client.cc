/* SPDX-License-Identifier: MIT */
/* omni, the other end: its stubs block, so that each call in flight has a
 * thread. */
#include "echo.hh"
#include "meter.h"

#include <cstdio>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace
{

struct meter m;
std::mutex lock; /* over the meter */
Echo::Bytes payload;

bool
count()
{
	std::lock_guard<std::mutex> guard(lock);

	return m.phase != METER_OVER && meter_count(&m);
}

void
require(bool good)
{
	if (!good) {
		fprintf(stderr, "omni: a result is wrong\n");
		_exit(6);
	}
}

struct SinkServant : POA_Echo::Sink, PortableServer::RefCountServantBase {
	void event(CORBA::LongLong, const char *text) override
	{
		std::lock_guard<std::mutex> guard(lock);

		require(strcmp(text, METER_TEXT) == 0);
		if (m.phase != METER_OVER && !meter_count(&m)) {
			meter_finish(&m);
		}
	}
};

void
call(Echo::Bench_ptr bench)
{
	if (meter_is(&m, "churn")) {
		Echo::Item_var item = bench->make();

		require(item->poke(1) == 2);
		item->destroy();
	} else if (m.is_large) {
		Echo::Bytes_var result = bench->large(payload);

		require(result->length() == METER_LARGE);
	} else {
		CORBA::String_var text;

		require(bench->call(42, METER_TEXT, text) == 42 &&
		        strcmp(text, METER_TEXT) == 0);
	}
}

void
run(Echo::Bench_ptr bench)
{
	try {
		do {
			call(bench);
		} while (count());
	} catch (const CORBA::Exception &exception) {
		fprintf(stderr, "omni: %s\n", exception._name());
		_exit(4);
	}
}

[[noreturn]] void
run_events(CORBA::ORB_ptr orb, Echo::Bench_ptr bench)
{
	CORBA::Object_var object = orb->resolve_initial_references("RootPOA");
	PortableServer::POA_var poa = PortableServer::POA::_narrow(object);
	auto servant = new SinkServant;
	PortableServer::ObjectId_var id = poa->activate_object(servant);
	Echo::Sink_var sink = servant->_this();

	poa->the_POAManager()->activate();
	meter_connected(&m);
	meter_start(&m);
	bench->push(sink, m.window);
	for (;;) {
		pause();
	}
}

} // namespace

int
main(int argc, char **argv)
{
	meter_init(&m, argc, argv, "lat pipe fan large churn event");

	std::string connections = std::to_string(m.connections);
	const char *options[][2] = {
	    {"maxGIOPConnectionPerServer", connections.c_str()},
	    {"oneCallPerConnection", m.connections > 1 ? "1" : "0"},
	    {"giopMaxMsgSize", "67108864"},
	    {"maxServerThreadPerConnection", "1000"},
	    {"maxServerThreadPoolSize", "1000"},
	    {"endPoint", "giop:tcp:127.0.0.1:"},
	    {nullptr, nullptr},
	};
	int words = 1; /* the others are ours */
	CORBA::ORB_var orb = CORBA::ORB_init(words, argv, "omniORB4", options);
	std::string url =
	    std::string("corbaloc::127.0.0.1:") + m.address + "/bench";
	CORBA::Object_var object = orb->string_to_object(url.c_str());
	Echo::Bench_var bench = Echo::Bench::_narrow(object);
	CORBA::String_var first;

	if (CORBA::is_nil(bench)) {
		fprintf(stderr, "omni: cannot connect\n");
		return 3;
	}
	bench->call(1, "x", first);
	payload.length(METER_LARGE);
	if (meter_is(&m, "event")) {
		run_events(orb, bench);
	}
	if (m.connections == 1) {
		meter_connected(&m);
	}
	meter_start(&m);

	std::vector<std::thread> threads;

	for (int i = 0; i < m.window; i++) {
		threads.emplace_back(run, bench.in());
	}
	for (auto &thread : threads) {
		thread.join();
	}
	if (m.connections > 1) {
		meter_connected(&m); /* they came with the calls */
	}
	meter_finish(&m);
}
