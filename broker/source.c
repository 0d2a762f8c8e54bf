/* SPDX-License-Identifier: MIT */
#include "broker/source.h"
#include "broker/address.h"

#include <arpa/inet.h>
#include <string.h>

#define BURST_US UINT64_C(2000000)

waldoi_source
waldoi_source_of(const char *address)
{
	waldoi_source source = {0};
	waldoi_address parsed;
	char message[200];
	struct in_addr in;
	struct in6_addr in6;

	if (waldoi_address_parse(address, &parsed, message) != WALDO_OK) {
		return source;
	}
	if (inet_pton(AF_INET, parsed.host, &in) == 1) {
		source.family = 4;
		memcpy(source.prefix, &in, sizeof(in));
	} else if (inet_pton(AF_INET6, parsed.host, &in6) == 1) {
		source.family = 6;
		memcpy(source.prefix, &in6, sizeof(source.prefix));
	}
	return source;
}

/* ::1 alone has this prefix, but for what nobody has. */
static bool
is_this_machine(const waldoi_source *source)
{
	static const uint8_t zero[8];

	return source->family == 4 ? source->prefix[0] == 127
	                           : memcmp(source->prefix, zero, 8) == 0;
}

static uint32_t
hash(const waldoi_source *source)
{
	uint32_t sum = source->family;

	for (int i = 0; i < 8; i++) {
		sum = (sum ^ source->prefix[i]) * 16777619u;
	}
	return sum;
}

bool
waldoi_rate_take(waldoi_rate *rates, const waldoi_source *source,
                 uint32_t per_second, uint64_t now)
{
	waldoi_rate *rate = &rates[hash(source) % WALDOI_RATES];
	uint64_t each = 1000000 / per_second;

	if (source->family == 0 || is_this_machine(source)) {
		return true;
	}
	if (memcmp(&rate->source, source, sizeof(*source)) != 0) {
		*rate = (waldoi_rate){*source, 0};
	}
	if (rate->spent_until < now) {
		rate->spent_until = now;
	}
	if (rate->spent_until + each > now + BURST_US) {
		return false;
	}
	rate->spent_until += each;
	return true;
}
