/* SPDX-License-Identifier: MIT */
/* The rules A1.. are in broker/PROTOCOL.md, "Addresses and URIs". */
#include "broker/uri.h"
#include "tests/waldo_test.h"

#include <stdio.h>
#include <string.h>

#define X8   "xxxxxxxx"
#define X64  X8 X8 X8 X8 X8 X8 X8 X8
#define X107 X64 X8 X8 X8 X8 X8 "xxx"

typedef struct good_address {
	const char *text, *canonical, *uri;
} good_address;

static const good_address good_addresses[] = {
    {"unix:/run/x", "unix:/run/x", "waldo+unix:///run/x"},
    {"unix:x.sock", "unix:x.sock", "waldo+unix:x.sock"},
    {"unix:./a b", "unix:./a b", "waldo+unix:./a%20b"},
    {"unix:/r\xc3\xbc/%2f?", "unix:/r\xc3\xbc/%2f?",
     "waldo+unix:///r%C3%BC/%252f%3F"},
    {"unix:" X107, "unix:" X107, "waldo+unix:" X107},
    {"tcp-insecure:127.0.0.1:0", "tcp-insecure:127.0.0.1:0",
     "waldo+tcp-insecure://127.0.0.1:0"},
    {"tcp-insecure:[::1]:4747", "tcp-insecure:[::1]:4747",
     "waldo+tcp-insecure://[::1]:4747"},
    {"tcp-insecure:[2001:DB8:0:0::1]:65535", "tcp-insecure:[2001:db8::1]:65535",
     "waldo+tcp-insecure://[2001:db8::1]:65535"},
    {"TCP-insecure:Example.ORG:1", "tcp-insecure:example.org:1",
     "waldo+tcp-insecure://example.org:1"},
    {"tcp-insecure:my_host-1:80", "tcp-insecure:my_host-1:80",
     "waldo+tcp-insecure://my_host-1:80"},
    {"tcp-insecure:4f0c:80", "tcp-insecure:4f0c:80",
     "waldo+tcp-insecure://4f0c:80"},
    {"tcp:0.0.0.0:4747", "tcp:0.0.0.0:4747", "waldo://@0.0.0.0:4747"},
    {"inproc:x", "inproc:x", "waldo+inproc:x"},
    {"inproc:a:b@c!$&'()*+,;=-._~", "inproc:a:b@c!$&'()*+,;=-._~",
     "waldo+inproc:a:b@c!$&'()*+,;=-._~"},
    {"fd:0", "fd:0", NULL},
    {"fd:2147483647", "fd:2147483647", NULL},
};

typedef struct bad {
	const char *text, *message;
} bad;

#define NO_SCHEME                                                              \
	"does not begin with unix:, tcp-insecure:, tcp:, inproc: or fd:"

static const bad bad_addresses[] = {
    {"", ": " NO_SCHEME},
    {"unix", "unix: " NO_SCHEME},
    {"tcp-secure:x:1", "tcp-secure:x:1: " NO_SCHEME},
    {" unix:/x", " unix:/x: " NO_SCHEME},
    {"unix:", "unix:: there is no path at character 6"},
    {"unix:/a\nb", "unix:/a?b: '?' at character 8 cannot stand in a path"},
    {"tcp-insecure:", "tcp-insecure:: there is no host before character 14"},
    {"tcp-insecure::4747",
     "tcp-insecure::4747: there is no host before character 14"},
    {"tcp-insecure:localhost", "tcp-insecure:localhost: there is no ':' and "
                               "port at character 23"},
    {"tcp-insecure:localhost:", "tcp-insecure:localhost:: port '' at "
                                "character 24 is not a number 0..65535"},
    {"tcp-insecure:localhost:65536",
     "tcp-insecure:localhost:65536: port '65536' at character 24 is not a "
     "number 0..65535"},
    {"tcp-insecure:a:99999999999999999999",
     "tcp-insecure:a:99999999999999999999: port '99999999999999999999' at "
     "character 16 is not a number 0..65535"},
    {"tcp-insecure:a:+1", "tcp-insecure:a:+1: port '+1' at character 16 is "
                          "not a number 0..65535"},
    {"tcp-insecure:a:-1", "tcp-insecure:a:-1: port '-1' at character 16 is "
                          "not a number 0..65535"},
    {"tcp-insecure:a: 1", "tcp-insecure:a: 1: port ' 1' at character 16 is "
                          "not a number 0..65535"},
    {"tcp-insecure:a:080", "tcp-insecure:a:080: port '080' at character 16 "
                           "is not a number 0..65535"},
    {"tcp-insecure:a:80/", "tcp-insecure:a:80/: port '80/' at character 16 "
                           "is not a number 0..65535"},
    {"tcp-insecure:a..b:1", "tcp-insecure:a..b:1: '.' at character 16 cannot "
                            "stand there in a host name"},
    {"tcp-insecure:.a:1", "tcp-insecure:.a:1: '.' at character 14 cannot "
                          "stand there in a host name"},
    {"tcp-insecure:a.:1",
     "tcp-insecure:a.:1: there is no host before character 16"},
    {"tcp-insecure:a b:1", "tcp-insecure:a b:1: ' ' at character 15 cannot "
                           "stand there in a host name"},
    {"tcp-insecure:\xc3\xbc:1", "tcp-insecure:?"
                                "?:1: '?' at character 14 cannot stand there "
                                "in a host name"},
    {"tcp-insecure:1.2.3:1", "tcp-insecure:1.2.3:1: '1.2.3' at character 14 "
                             "is not an IPv4 address"},
    {"tcp-insecure:1.2.3.256:1", "tcp-insecure:1.2.3.256:1: '1.2.3.256' at "
                                 "character 14 is not an IPv4 address"},
    {"tcp-insecure:01.2.3.4:1", "tcp-insecure:01.2.3.4:1: '01.2.3.4' at "
                                "character 14 is not an IPv4 address"},
    {"tcp-insecure:::1:4747",
     "tcp-insecure:::1:4747: there is no host before character 14"},
    {"tcp-insecure:[::1:4747",
     "tcp-insecure:[::1:4747: '[' at character 14 is not closed"},
    {"tcp-insecure:[]:1", "tcp-insecure:[]:1: '' at character 15 is not an "
                          "IPv6 address"},
    {"tcp-insecure:[fe80::1%eth0]:1",
     "tcp-insecure:[fe80::1%eth0]:1: 'fe80::1%eth0' at character 15 is not "
     "an IPv6 address"},
    {"tcp-insecure:[::1]4747", "tcp-insecure:[::1]4747: there is no ':' and "
                               "port at character 19"},
    {"inproc:", "inproc:: there is no name at character 8"},
    {"inproc:a/b", "inproc:a/b: '/' at character 9 cannot stand in a name"},
    {"inproc:a%20b", "inproc:a%20b: '%' at character 9 cannot stand in a name"},
    {"fd:", "fd:: '' at character 4 is not the number of a descriptor"},
    {"fd:-1", "fd:-1: '-1' at character 4 is not the number of a descriptor"},
    {"fd:03", "fd:03: '03' at character 4 is not the number of a descriptor"},
    {"fd:2147483648", "fd:2147483648: '2147483648' at character 4 is not the "
                      "number of a descriptor"},
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* A1, A2. */
static void
an_address_has_one_canonical_text_and_uri(void **state)
{
	(void) state;
	for (size_t i = 0; i < COUNT(good_addresses); i++) {
		const good_address *good = &good_addresses[i];
		waldoi_address address;
		char message[200], uri[WALDOI_MAX_URI];

		assert_ok(waldoi_address_parse(good->text, &address, message));
		assert_string_equal(address.text, good->canonical);
		if (good->uri != NULL) {
			waldoi_uri_format(&address, NULL, uri);
			assert_string_equal(uri, good->uri);
		}
	}
}

/* A3, A5, A6. */
static void
a_malformed_address_is_refused_with_what_and_where(void **state)
{
	(void) state;
	for (size_t i = 0; i < COUNT(bad_addresses); i++) {
		waldoi_address address = {.text = "untouched"};
		char message[200];

		assert_err(waldoi_address_parse(bad_addresses[i].text, &address,
		                                message),
		           WALDO_EADDRESS);
		assert_string_equal(message, bad_addresses[i].message);
		assert_string_equal(address.text, "untouched");
	}
}

static void
a_name_is_1_to_128_characters_of_a_path_segment(void **state)
{
	char name[130] = "";

	(void) state;
	assert_true(waldoi_name_is_valid("a"));
	assert_true(waldoi_name_is_valid("AZaz09-._~!$&'()*+,;=:@"));
	assert_false(waldoi_name_is_valid(""));
	for (int c = 1; c < 256; c++) {
		name[0] = (char) c;
		assert_int_equal(waldoi_name_is_valid(name),
		                 strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		                        "abcdefghijklmnopqrstuvwxyz0123456789"
		                        "-._~!$&'()*+,;=:@",
		                        c) != NULL);
	}
	memset(name, 'n', 128);
	assert_true(waldoi_name_is_valid(name));
	name[128] = 'n';
	assert_false(waldoi_name_is_valid(name));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_address_has_one_canonical_text_and_uri),
	    cmocka_unit_test(
	        a_malformed_address_is_refused_with_what_and_where),
	    cmocka_unit_test(a_name_is_1_to_128_characters_of_a_path_segment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
