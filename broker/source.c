/* SPDX-License-Identifier: MIT */
#include "broker/source.h"
#include "broker/address.h"

#include <arpa/inet.h>

#define BURST_US UINT64_C(2000000)

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

static uint64_t
read_bytes(const uint8_t *bytes, unsigned count)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < count; i++) {
		value = value << 8 | bytes[i];
	}
	return value;
}

/* ::1 alone has no first half, but for what nobody has. */
static waldoi_source
of_network(uint64_t network)
{
	return network == 0
	           ? 0
	           : 0xf0000000 | (waldoi_source) (network * GOLDEN >> 36);
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
		return (waldoi_source) read_bytes(bytes, 4);
	}
	if (inet_pton(AF_INET6, parsed.host, bytes) == 1) {
		return of_network(read_bytes(bytes, 8));
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

void
waldoi_pace_charge(waldoi_pace *pace, uint32_t per_second, uint64_t took)
{
	uint64_t each = 1000000 / per_second;

	pace->spent_until += took > each ? took - each : 0;
}

waldoi_rate *
waldoi_rate_of(waldoi_rate *rates, waldoi_source source)
{
	/* Neighbours do not meet. */
	return &rates[(source * GOLDEN >> 32) % WALDOI_RATES];
}

bool
waldoi_rate_take(waldoi_rate *rates, waldoi_source source, uint32_t per_second,
                 uint64_t now)
{
	waldoi_rate *rate = waldoi_rate_of(rates, source);
	uint64_t again;

	if (rate->source != source) {
		rate->source = source;
		rate->pace.spent_until = 0;
	}
	return waldoi_pace_take(
	    &rate->pace, per_second,
	    is_this_machine(source) ? UINT64_MAX / 2 : BURST_US, now, &again);
}
