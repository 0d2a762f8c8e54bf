/* SPDX-License-Identifier: MIT */
/* omni - omniORB, a thread for each connection. */
#include "echo.hh"
#include "meter.h"
#include "sockets.h"

#include <string>
#include <thread>

namespace
{

PortableServer::POA_var poa;

struct ItemServant : POA_Echo::Item, PortableServer::RefCountServantBase {
	CORBA::LongLong poke(CORBA::LongLong x) override
	{
		return x + 1;
	}

	void destroy() override
	{
		PortableServer::ObjectId_var id = poa->servant_to_id(this);

		poa->deactivate_object(id);
	}
};

/* A thread for each event that is under way: calls block. */
void
push_on(Echo::Sink_var sink)
{
	try {
		for (;;) {
			sink->event(1, METER_TEXT);
		}
	} catch (...) {
	}
}

struct BenchServant : POA_Echo::Bench, PortableServer::RefCountServantBase {
	CORBA::LongLong call(CORBA::LongLong number, const char *text,
	                     CORBA::String_out result) override
	{
		result = CORBA::string_dup(text);
		return number;
	}

	Echo::Bytes *large(const Echo::Bytes &data) override
	{
		return new Echo::Bytes(data);
	}

	Echo::Item_ptr make() override
	{
		auto item = new ItemServant;
		PortableServer::ObjectId_var id = poa->activate_object(item);
		Echo::Item_ptr ref = item->_this();

		item->_remove_ref();
		return ref;
	}

	void push(Echo::Sink_ptr sink, CORBA::Long count) override
	{
		for (int i = 0; i < count; i++) {
			Echo::Sink_var copy = Echo::Sink::_duplicate(sink);

			std::thread(push_on, copy).detach();
		}
	}
};

} // namespace

int
main(int argc, char **argv)
{
	std::string endpoint =
	    std::string("giop:tcp:127.0.0.1:") + (argc > 1 ? argv[1] : "");
	const char *options[][2] = {
	    {"endPoint", endpoint.c_str()},
	    {"giopMaxMsgSize", "67108864"},
	    {"maxServerThreadPerConnection", "1000"},
	    {"maxServerThreadPoolSize", "1000"},
	    {"threadPerConnectionPolicy", "1"},
	    {"maxGIOPConnectionPerServer", "1"},
	    {nullptr, nullptr},
	};

	meter_raise_limits();

	CORBA::ORB_var orb = CORBA::ORB_init(argc, argv, "omniORB4", options);
	CORBA::Object_var object =
	    orb->resolve_initial_references("omniINSPOA");
	PortableServer::POA_var named = PortableServer::POA::_narrow(object);
	PortableServer::ObjectId_var id =
	    PortableServer::string_to_ObjectId("bench");

	object = orb->resolve_initial_references("RootPOA");
	poa = PortableServer::POA::_narrow(object);
	named->activate_object_with_id(id, new BenchServant);
	named->the_POAManager()->activate();
	poa->the_POAManager()->activate();
	socket_say_ready();
	orb->run();
}
