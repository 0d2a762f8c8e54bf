/* SPDX-License-Identifier: MIT */
#include "broker/uri.h"
#include "tests/waldo_test.h"

#include <stdio.h>
#include <string.h>

#define KEY  "mzxw6ytbojtg633cmfzgm33pmjqxeztpn5rgc4tgn5xweylsmzxq"
#define X10  "xxxxxxxxxx"
#define X107 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10 "xxxxxxx"

static const uint8_t key[] = "foobarfoobarfoobarfoobarfoobarfo";

typedef struct bad {
	const char *text, *message;
} bad;

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
	"does not begin with waldo:, waldo+unix:, waldo+tcp-insecure: or "     \
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
    {"waldo:gate", "waldo:gate: there is no '//' at character 7"},
    {"waldo://host:1/a", "waldo://host:1/a: there is no '@' behind the key at "
                         "character 9; without a key it begins with waldo://@"},
    {"waldo://me@host:1/a", "waldo://me@host:1/a: 'me' at character 9 is not "
                            "a key, 52 letters and digits of base32"},
    {"waldo://@/a", "waldo://@/a: there is no host before character 10"},
    {"waldo://@h/a", "waldo://@h/a: there is no ':' and port at character 11"},
    {"waldo://@h:1,/a", "waldo://@h:1,/a: there is no host before character "
                        "14"},
    {"waldo://@h:0/a",
     "waldo://@h:0/a: port '0' at character 12 is not a number 1..65535"},
    {"waldo://@a:1,a:2,a:3,a:4,a:5,a:6,a:7,a:8,a:9/n",
     "waldo://@a:1,a:2,a:3,a:4,a:5,a:6,a:7,a:8,a:9/n: more than 8 hosts"},
    {"waldo://@h:1/a?psk=0", "waldo://@h:1/a?psk=0: '?psk=0' at character 15 "
                             "is not ?psk= and a number 1..255"},
    {"waldo://@h:1/a?psk=256", "waldo://@h:1/a?psk=256: '?psk=256' at "
                               "character 15 is not ?psk= and a number 1..255"},
    {"waldo://@h:1/a?key=1", "waldo://@h:1/a?key=1: '?key=1' at character 15 "
                             "is not ?psk= and a number 1..255"},
    {"waldo://@h:1/a?", "waldo://@h:1/a?: '?' at character 15 is not ?psk= "
                        "and a number 1..255"},
    {"waldo://@h:1/a/b",
     "waldo://@h:1/a/b: '/' at character 15 cannot stand in a name"},
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* A3, A4: what is escaped, and where the name begins. */
static void
a_uri_is_an_address_and_a_name(void **state)
{
	(void) state;
	for (size_t i = 0; i < COUNT(good_uris); i++) {
		waldoi_uri uri;
		char message[200];

		assert_ok(waldoi_uri_parse(good_uris[i].uri, &uri, message));
		assert_int_equal(uri.count, 1);
		assert_string_equal(uri.addresses[0].text,
		                    good_uris[i].address);
		assert_string_equal(uri.name, good_uris[i].name);
		assert_false(uri.has_key);
		assert_int_equal(uri.psk, 0);
	}
}

/* A3 to A7: nothing that cannot be meant is skipped. */
static void
a_malformed_uri_is_refused_with_what_and_where(void **state)
{
	(void) state;
	for (size_t i = 0; i < COUNT(bad_uris); i++) {
		waldoi_uri uri = {.name = "untouched", .count = 77};
		char message[200];

		assert_err(waldoi_uri_parse(bad_uris[i].text, &uri, message),
		           WALDO_EADDRESS);
		assert_string_equal(message, bad_uris[i].message);
		assert_int_equal(uri.count, 77);
		assert_string_equal(uri.name, "untouched");
	}
}

static void
an_encrypted_uri_has_a_key_and_up_to_8_hosts(void **state)
{
	waldoi_uri uri;
	char message[200];

	(void) state;
	assert_ok(waldoi_uri_parse("WALDO://" KEY "@A.example:4747,[::1]:1,"
	                           "10.0.0.1:2/gate?psk=255",
	                           &uri, message));
	assert_true(uri.has_key);
	assert_memory_equal(uri.key, key, 32);
	assert_int_equal(uri.count, 3);
	assert_string_equal(uri.addresses[0].text, "tcp:a.example:4747");
	assert_string_equal(uri.addresses[1].text, "tcp:[::1]:1");
	assert_string_equal(uri.addresses[2].text, "tcp:10.0.0.1:2");
	assert_string_equal(uri.name, "gate");
	assert_int_equal(uri.psk, 255);
	assert_ok(waldoi_uri_parse("waldo://" KEY "@a:1,a:2,a:3,a:4,a:5,a:6,"
	                           "a:7,a:8",
	                           &uri, message));
	assert_int_equal(uri.count, 8);
	assert_string_equal(uri.name, "");
	assert_ok(waldoi_uri_parse("waldo://" KEY "@a:1?psk=1", &uri, message));
	assert_int_equal(uri.psk, 1);
	assert_string_equal(uri.name, "");
}

static void
an_encrypted_uri_may_leave_the_key_to_what_is_remembered(void **state)
{
	waldoi_uri uri;
	char message[200];

	(void) state;
	assert_ok(waldoi_uri_parse("waldo://@a:1/gate", &uri, message));
	assert_false(uri.has_key);
	assert_string_equal(uri.addresses[0].text, "tcp:a:1");
	assert_string_equal(uri.name, "gate");
}

/* What a listener prints must lead back to where it listens. */
static void
every_uri_that_is_printed_can_be_parsed(void **state)
{
	(void) state;
	for (size_t i = 0; i < COUNT(good_uris); i++) {
		waldoi_uri first, second;
		char message[200], text[2 * WALDOI_MAX_URI];

		assert_ok(waldoi_uri_parse(good_uris[i].uri, &first, message));
		waldoi_uri_format(&first.addresses[0], NULL, text);
		strcat(text, "/");
		strcat(text, first.name);
		assert_ok(waldoi_uri_parse(text, &second, message));
		assert_string_equal(second.addresses[0].text,
		                    first.addresses[0].text);
		assert_string_equal(second.name, good_uris[i].name);
	}
}

static void
an_encrypted_uri_is_printed_with_its_key(void **state)
{
	waldoi_uri uri;
	char message[200], text[WALDOI_MAX_URI];

	(void) state;
	assert_ok(
	    waldoi_uri_parse("waldo://" KEY "@[::1]:4747/x", &uri, message));
	waldoi_uri_format(&uri.addresses[0], uri.key, text);
	assert_string_equal(text, "waldo://" KEY "@[::1]:4747");
	waldoi_uri_format(&uri.addresses[0], NULL, text);
	assert_string_equal(text, "waldo://@[::1]:4747");
}

static void
a_path_has_at_most_107_bytes_escaped_or_not(void **state)
{
	waldoi_address address;
	waldoi_uri uri;
	char message[200];

	(void) state;
	assert_err(waldoi_address_parse("unix:" X107 "x", &address, message),
	           WALDO_EADDRESS);
	assert_non_null(strstr(
	    message, "the path at character 6 is longer than 107 bytes"));
	assert_ok(waldoi_uri_parse("waldo+unix:" X107 "/a", &uri, message));
	assert_err(waldoi_uri_parse("waldo+unix:" X107 "%78/a", &uri, message),
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
	waldoi_uri_format(&address, NULL, uri);
	assert_int_equal(strlen(uri), strlen("waldo+unix:///") + 106 * 3);
}

static void
a_name_has_at_most_128_characters_and_a_host_253(void **state)
{
	char text[900], message[200];
	char long_name[130], long_host[255];
	waldoi_address address;
	waldoi_uri uri;

	(void) state;
	memset(long_name, 'n', sizeof(long_name));
	memset(long_host, 'h', sizeof(long_host));
	snprintf(text, sizeof(text), "waldo+tcp-insecure://%.253s:65535/%.128s",
	         long_host, long_name);
	assert_ok(waldoi_uri_parse(text, &uri, message));
	assert_int_equal(strlen(uri.name), 128);
	assert_int_equal(strlen(uri.addresses[0].text), 13 + 253 + 6);
	snprintf(text, sizeof(text), "waldo+inproc:x/%.129s", long_name);
	assert_err(waldoi_uri_parse(text, &uri, message), WALDO_EADDRESS);
	snprintf(text, sizeof(text), "tcp-insecure:%.254s:1", long_host);
	assert_err(waldoi_address_parse(text, &address, message),
	           WALDO_EADDRESS);
	assert_non_null(strstr(message, "...: the host name at character 14 is "
	                                "longer than 253 characters"));
	snprintf(text, sizeof(text), "waldo://" KEY "@%.253s:65535,%.253s:1/n",
	         long_host, long_host);
	assert_ok(waldoi_uri_parse(text, &uri, message));
	waldoi_uri_format(&uri.addresses[0], uri.key, text);
	assert_int_equal(strlen(text), 8 + 52 + 1 + 253 + 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_uri_is_an_address_and_a_name),
	    cmocka_unit_test(a_malformed_uri_is_refused_with_what_and_where),
	    cmocka_unit_test(an_encrypted_uri_has_a_key_and_up_to_8_hosts),
	    cmocka_unit_test(
	        an_encrypted_uri_may_leave_the_key_to_what_is_remembered),
	    cmocka_unit_test(every_uri_that_is_printed_can_be_parsed),
	    cmocka_unit_test(an_encrypted_uri_is_printed_with_its_key),
	    cmocka_unit_test(a_path_has_at_most_107_bytes_escaped_or_not),
	    cmocka_unit_test(a_uri_of_escapes_only_still_fits_its_buffer),
	    cmocka_unit_test(a_name_has_at_most_128_characters_and_a_host_253),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
