/* SPDX-License-Identifier: MIT */
#include "broker/source.h"
#include "broker/address.h"

#include <arpa/inet.h>

#define BURST_US UINT64_C(2000000)

static waldoi_source
read_bytes(const uint8_t *bytes, unsigned count)
{
	waldoi_source source = 0;

	for (unsigned i = 0; i < count; i++) {
		source = source << 8 | bytes[i];
	}
	return source;
}

waldoi_source
waldoi_source_of(const char *address)
{
	waldoi_address parsed;
	char message[200];
	uint8_t bytes[sizeof(struct in6_addr)];

	if (waldoi_address_parse(address, &parsed, message) != WALDO_OK) {
		return 0;
	}
	if (inet_pton(AF_INET, parsed.host, bytes) == 1) {
		return read_bytes(bytes, sizeof(struct in_addr));
	}
	if (inet_pton(AF_INET6, parsed.host, bytes) == 1) {
		return read_bytes(bytes, 8);
	}
	return 0;
}

static bool
is_this_machine(waldoi_source source)
{
	return source == 0 || source >> 24 == 127;
}

bool
waldoi_pace_take(waldoi_pace *pace, uint32_t per_second, uint64_t burst_us,
                 uint64_t now, uint64_t *ret_again)
{
	uint64_t each = 1000000 / per_second;

	if (pace->spent_until < now) {
		pace->spent_until = now;
	}
	if (pace->spent_until > now &&
	    pace->spent_until + each > now + burst_us) {
		*ret_again = pace->spent_until;
		if (each < burst_us) {
			*ret_again -= burst_us - each;
		}
		return false;
	}
	pace->spent_until += each;
	return true;
}

static unsigned
place_of(waldoi_source source)
{
	/* Fibonacci hashing: neighbours do not meet. */
	return (unsigned) (source * UINT64_C(0x9e3779b97f4a7c15) >> 32) %
	       WALDOI_RATES;
}

bool
waldoi_rate_take(waldoi_rate *rates, waldoi_source source, uint32_t per_second,
                 uint64_t now)
{
	waldoi_rate *rate = &rates[place_of(source)];
	uint64_t again;

	if (rate->source != source) {
		*rate = (waldoi_rate){.source = source};
	}
	return waldoi_pace_take(
	    &rate->pace, per_second,
	    is_this_machine(source) ? UINT64_MAX / 2 : BURST_US, now, &again);
}

uint64_t
waldoi_rate_spent(const waldoi_rate *rates, waldoi_source source)
{
	return rates[place_of(source)].pace.spent_until;
}
