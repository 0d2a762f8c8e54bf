/* SPDX-License-Identifier: MIT */
/* The rules A1.. are in broker/PROTOCOL.md, "Addresses and URIs". */
#include "broker/address.h"
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
    {"tcp:0.0.0.0:4747", "tcp:0.0.0.0:4747", "waldo://0.0.0.0:4747"},
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

typedef struct good_uri {
	const char *uri, *address, *name;
} good_uri;

static const good_uri good_uris[] = {
    {"waldo+unix:///run/x/echo", "unix:/run/x", "echo"},
    {"waldo+unix:///run/x/", "unix:/run/x", ""},
    {"waldo+unix:x.sock/echo", "unix:x.sock", "echo"},
    {"waldo+unix:../x.sock/", "unix:../x.sock", ""},
    {"waldo+unix:///r%C3%bc%20n/x/a", "unix:/r\xc3\xbc n/x", "a"},
    {"waldo+unix:///%41%25/n", "unix:/A%", "n"},
    {"waldo+tcp-insecure://localhost:4747/echo", "tcp-insecure:localhost:4747",
     "echo"},
    {"waldo+tcp-insecure://localhost:4747/", "tcp-insecure:localhost:4747", ""},
    {"waldo+tcp-insecure://localhost:4747", "tcp-insecure:localhost:4747", ""},
    {"WALDO+tcp-insecure://[::1]:1/Echo", "tcp-insecure:[::1]:1", "Echo"},
    {"waldo+inproc:node/echo", "inproc:node", "echo"},
    {"waldo+inproc:node", "inproc:node", ""},
    {"waldo+inproc:n/a:b@c!$&'()*+,;=-._~", "inproc:n", "a:b@c!$&'()*+,;=-._~"},
};

#define NO_URI_SCHEME                                                          \
	"does not begin with waldo+unix:, waldo+tcp-insecure: or "             \
	"waldo+inproc:"

static const bad bad_uris[] = {
    {"", ": " NO_URI_SCHEME},
    {"http://localhost/", "http://localhost/: " NO_URI_SCHEME},
    {"unix:/run/x", "unix:/run/x: " NO_URI_SCHEME},
    {"waldo+unix:/run/x/echo",
     "waldo+unix:/run/x/echo: there is no '//' at character 12"},
    {"waldo+unix://host/x/echo",
     "waldo+unix://host/x/echo: a host stands at character 14, where a '/' "
     "begins the path"},
    {"waldo+unix:echo",
     "waldo+unix:echo: there is no '/' between path and name"},
    {"waldo+unix:///echo",
     "waldo+unix:///echo: there is no path at character 14"},
    {"waldo+unix:", "waldo+unix:: there is no '/' between path and name"},
    {"waldo+unix:///a%2/b", "waldo+unix:///a%2/b: '%' at character 16 is not "
                            "followed by two hexadecimal digits"},
    {"waldo+unix:///a%/b", "waldo+unix:///a%/b: '%' at character 16 is not "
                           "followed by two hexadecimal digits"},
    {"waldo+unix:///a%g0/b", "waldo+unix:///a%g0/b: '%' at character 16 is "
                             "not followed by two hexadecimal digits"},
    {"waldo+unix:///a%00/b",
     "waldo+unix:///a%00/b: '%00' at character 16 cannot stand in a path"},
    {"waldo+unix:///a%2Fb/c",
     "waldo+unix:///a%2Fb/c: '%2F' at character 16 cannot stand in a path"},
    {"waldo+unix:///a%2fb/c",
     "waldo+unix:///a%2fb/c: '%2f' at character 16 cannot stand in a path"},
    {"waldo+unix:///a b/c", "waldo+unix:///a b/c: ' ' at character 16 cannot "
                            "stand in a path unless it is escaped"},
    {"waldo+unix:///a?b/c", "waldo+unix:///a?b/c: '?' at character 16 cannot "
                            "stand in a path unless it is escaped"},
    {"waldo+unix:///a/b%20c",
     "waldo+unix:///a/b%20c: '%' at character 18 cannot stand in a name"},
    {"waldo+unix:///a/b?c",
     "waldo+unix:///a/b?c: '?' at character 18 cannot stand in a name"},
    {"waldo+unix:///a/b#c",
     "waldo+unix:///a/b#c: '#' at character 18 cannot stand in a name"},
    {"waldo+tcp-insecure:localhost:1/a", "waldo+tcp-insecure:localhost:1/a: "
                                         "there is no '//' at character 20"},
    {"waldo+tcp-insecure://localhost:x/echo",
     "waldo+tcp-insecure://localhost:x/echo: port 'x' at character 32 is not "
     "a number 1..65535"},
    {"waldo+tcp-insecure://localhost:0/echo",
     "waldo+tcp-insecure://localhost:0/echo: port '0' at character 32 is not "
     "a number 1..65535"},
    {"waldo+tcp-insecure://localhost/echo",
     "waldo+tcp-insecure://localhost/echo: there is no ':' and port at "
     "character 31"},
    {"waldo+tcp-insecure:///echo", "waldo+tcp-insecure:///echo: there is no "
                                   "host before character 22"},
    {"waldo+tcp-insecure://me@h:1/a",
     "waldo+tcp-insecure://me@h:1/a: '@' at character 24 cannot stand there "
     "in a host name"},
    {"waldo+tcp-insecure://h:1/a/b", "waldo+tcp-insecure://h:1/a/b: '/' at "
                                     "character 27 cannot stand in a name"},
    {"waldo+tcp-insecure://h:1?a", "waldo+tcp-insecure://h:1?a: port '1?a' "
                                   "at character 24 is not a number 1..65535"},
    {"waldo+tcp-insecure://h%41:1/a",
     "waldo+tcp-insecure://h%41:1/a: '%' at character 23 cannot stand there "
     "in a host name"},
    {"waldo+inproc:", "waldo+inproc:: there is no name at character 14"},
    {"waldo+inproc://n/a",
     "waldo+inproc://n/a: there is no name at character 14"},
    {"waldo+inproc:n/a/b",
     "waldo+inproc:n/a/b: '/' at character 17 cannot stand in a name"},
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

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
			waldoi_address_to_uri(&address, uri);
			assert_string_equal(uri, good->uri);
		}
	}
}

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
a_uri_is_an_address_and_a_name(void **state)
{
	(void) state;
	for (size_t i = 0; i < COUNT(good_uris); i++) {
		waldoi_address address;
		char message[200], name[WALDOI_MAX_NAME + 1];

		assert_ok(waldoi_uri_parse(good_uris[i].uri, &address, name,
		                           message));
		assert_string_equal(address.text, good_uris[i].address);
		assert_string_equal(name, good_uris[i].name);
	}
}

static void
a_malformed_uri_is_refused_with_what_and_where(void **state)
{
	(void) state;
	for (size_t i = 0; i < COUNT(bad_uris); i++) {
		waldoi_address address = {.text = "untouched"};
		char message[200], name[WALDOI_MAX_NAME + 1] = "untouched";

		assert_err(
		    waldoi_uri_parse(bad_uris[i].text, &address, name, message),
		    WALDO_EADDRESS);
		assert_string_equal(message, bad_uris[i].message);
		assert_string_equal(address.text, "untouched");
		assert_string_equal(name, "untouched");
	}
}

static void
a_uri_of_the_encrypted_channel_is_denied_not_malformed(void **state)
{
	waldoi_address address;
	char message[200], name[WALDOI_MAX_NAME + 1];

	(void) state;
	assert_err(waldoi_uri_parse("waldo://KEY@host:4747/gate", &address,
	                            name, message),
	           WALDO_EDENIED);
	assert_string_equal(message,
	                    "waldo://KEY@host:4747/gate: needs the encrypted "
	                    "channel, which this version has not");
}

/* What a listener prints must lead back to where it listens. */
static void
every_uri_that_is_printed_can_be_parsed(void **state)
{
	(void) state;
	for (size_t i = 0; i < COUNT(good_uris); i++) {
		waldoi_address first, second;
		char message[200], uri[2 * WALDOI_MAX_URI];
		char name[WALDOI_MAX_NAME + 1];

		assert_ok(
		    waldoi_uri_parse(good_uris[i].uri, &first, name, message));
		waldoi_address_to_uri(&first, uri);
		strcat(uri, "/");
		strcat(uri, name);
		assert_ok(waldoi_uri_parse(uri, &second, name, message));
		assert_string_equal(second.text, first.text);
		assert_string_equal(name, good_uris[i].name);
	}
}

static void
a_path_has_at_most_107_bytes_escaped_or_not(void **state)
{
	waldoi_address address;
	char message[200], name[WALDOI_MAX_NAME + 1];

	(void) state;
	assert_err(waldoi_address_parse("unix:" X107 "x", &address, message),
	           WALDO_EADDRESS);
	assert_non_null(strstr(
	    message, "the path at character 6 is longer than 107 bytes"));
	assert_ok(
	    waldoi_uri_parse("waldo+unix:" X107 "/a", &address, name, message));
	assert_err(waldoi_uri_parse("waldo+unix:" X107 "%78/a", &address, name,
	                            message),
	           WALDO_EADDRESS);
}

static void
a_uri_of_escapes_only_still_fits_its_buffer(void **state)
{
	waldoi_address address;
	char message[200], uri[WALDOI_MAX_URI], text[5 + 107 + 1] = "unix:/";

	(void) state;
	memset(text + 6, ' ', 106);
	assert_ok(waldoi_address_parse(text, &address, message));
	waldoi_address_to_uri(&address, uri);
	assert_int_equal(strlen(uri), strlen("waldo+unix:///") + 106 * 3);
}

static void
a_name_has_at_most_128_characters_and_a_host_253(void **state)
{
	char uri[700], message[200], name[WALDOI_MAX_NAME + 1];
	char long_name[130], long_host[255];
	waldoi_address address;

	(void) state;
	memset(long_name, 'n', sizeof(long_name));
	memset(long_host, 'h', sizeof(long_host));
	snprintf(uri, sizeof(uri), "waldo+tcp-insecure://%.253s:65535/%.128s",
	         long_host, long_name);
	assert_ok(waldoi_uri_parse(uri, &address, name, message));
	assert_int_equal(strlen(name), 128);
	assert_int_equal(strlen(address.text), 13 + 253 + 6);
	snprintf(uri, sizeof(uri), "waldo+inproc:x/%.129s", long_name);
	assert_err(waldoi_uri_parse(uri, &address, name, message),
	           WALDO_EADDRESS);
	snprintf(uri, sizeof(uri), "tcp-insecure:%.254s:1", long_host);
	assert_err(waldoi_address_parse(uri, &address, message),
	           WALDO_EADDRESS);
	assert_non_null(strstr(message, "...: the host name at character 14 is "
	                                "longer than 253 characters"));
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
	    cmocka_unit_test(a_uri_is_an_address_and_a_name),
	    cmocka_unit_test(a_malformed_uri_is_refused_with_what_and_where),
	    cmocka_unit_test(
	        a_uri_of_the_encrypted_channel_is_denied_not_malformed),
	    cmocka_unit_test(every_uri_that_is_printed_can_be_parsed),
	    cmocka_unit_test(a_path_has_at_most_107_bytes_escaped_or_not),
	    cmocka_unit_test(a_uri_of_escapes_only_still_fits_its_buffer),
	    cmocka_unit_test(a_name_has_at_most_128_characters_and_a_host_253),
	    cmocka_unit_test(a_name_is_1_to_128_characters_of_a_path_segment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
