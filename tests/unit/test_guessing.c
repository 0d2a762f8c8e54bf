/* SPDX-License-Identifier: MIT */
/* What logging in costs: who comes in numbers, and who guesses. */
#include "server/store/attempts.h"
#include "server/store/throttle.h"
#include "tests/unit/accounts_fixture.h"
#include <waldo/grant.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- what everybody is told is told after the same time */

static int64_t
read_clock(clockid_t clock)
{
	struct timespec now;

	(void) clock_gettime(clock, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t
now_us(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

static int
compare(const void *a, const void *b)
{
	int64_t left = *(const int64_t *) a, right = *(const int64_t *) b;

	return (left > right) - (left < right);
}

enum { TRIES = 9 };

/* What all threads have computed: other processes do not count. */
static int64_t
cost_of(fixture *f, const char *user)
{
	int64_t since = read_clock(CLOCK_PROCESS_CPUTIME_ID);

	assert_string_equal(by_password(f, user, "wrong"), FAILED);
	return read_clock(CLOCK_PROCESS_CPUTIME_ID) - since;
}

static void
who_is_not_there_takes_as_long(void **state)
{
	static const char *const users[] = {"ann", "nobody", "bob"};
	fixture *f = *state;
	int64_t costs[3][TRIES];

	/* The throttle sleeps. */
	assert_ok(waldoi_accounts_tune(f->accounts, dear, 1, NULL));
	assert_ok(waldo_account_set_password(f->accounts, "ann", "sesame"));
	assert_ok(waldo_account_add(f->accounts, "bob")); /* has none */
	for (int i = 0; i < TRIES; i++) {
		for (int who = 0; who < 3; who++) {
			costs[who][i] = cost_of(f, users[who]);
		}
	}
	for (int who = 0; who < 3; who++) {
		int64_t known;

		qsort(costs[who], TRIES, sizeof(**costs), compare);
		known = costs[0][TRIES / 2];
		assert_true(known > 5000);
		assert_in_range(costs[who][TRIES / 2], known / 2, known * 2);
	}
}

static void
an_account_disabled_while_its_password_is_verified_stays_out(void **state)
{
	fixture *f = *state;
	answer a;

	assert_ok(waldoi_accounts_tune(f->accounts, dear, 1000000, NULL));
	assert_ok(waldo_account_set_password(f->accounts, "ann", "sesame"));
	assert_string_equal(by_password(f, "ann", "sesame"), "ann");
	ask(send_password(f, "ann", "sesame"), &a);
	for (int i = 0; i < 3; i++) {
		turn(f);
	}
	assert_int_equal(a.count, 0);
	assert_ok(waldo_account_disable(f->accounts, "ann", true));
	await(f, &a);
	assert_string_equal(a.text, FAILED);
}

/* ---- many at a time */

static void
many_log_in_at_the_same_time(void **state)
{
	fixture *f = *state;
	answer a[30];

	for (int i = 0; i < 30; i++) {
		ask(send_password(f, "ann", i % 10 == 0 ? "no" : "sesame"),
		    &a[i]);
	}
	for (int i = 0; i < 30; i++) {
		await(f, &a[i]);
		assert_string_equal(a[i].text, i % 10 == 0 ? FAILED : "ann");
	}
}

static void
more_than_can_wait_are_told_so(void **state)
{
	fixture *f = *state;
	answer a[60];
	int refused = 0, in = 0;

	assert_ok(waldoi_accounts_tune(f->accounts, dear, 1000000, NULL));
	assert_ok(waldo_account_set_password(f->accounts, "ann", "sesame"));
	for (int i = 0; i < 60; i++) {
		ask(send_password(f, "ann", "sesame"), &a[i]);
	}
	for (int i = 0; i < 60; i++) {
		await(f, &a[i]);
		refused +=
		    strcmp(a[i].text, "waldo.Limit: login: passwords: at most "
		                      "32 wait to be verified") == 0;
		in += strcmp(a[i].text, "ann") == 0;
	}
	assert_int_equal(in + refused, 60);
	assert_true(in >= WALDOI_VERIFY_WAITING);
	assert_true(refused > 0);
}

struct crowd {
	int in, refused, others;
};

static void
count_answer(waldo_reader *result, const waldo_failure *failure, void *user)
{
	struct crowd *crowd = user;

	(void) result;
	if (failure == NULL) {
		crowd->in++;
	} else if (strcmp(failure->type, "waldo.Limit") == 0 &&
	           strcmp(failure->message,
	                  "login: passwords: at most 32 wait to be verified") ==
	               0) {
		crowd->refused++;
	} else {
		print_error("%s: %s\n", failure->type, failure->message);
		crowd->others++;
	}
}

/* A number of /proc/self/status. */
static long
status_of(const char *name)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[200];
	long value = -1;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, name, strlen(name)) == 0) {
			value = strtol(line + strlen(name) + 1, NULL, 10);
		}
	}
	(void) fclose(file);
	return value;
}

/* The most that it will have had from now on counts. */
static void
forget_peak(void)
{
	FILE *file = fopen("/proc/self/clear_refs", "w");

	assert_non_null(file);
	assert_true(fputs("5", file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void
a_thousand_at_once_cost_two_computations_and_are_told_the_limit(void **state)
{
	fixture *f = *state;
	struct crowd crowd = {0};
	long before, threads = 0, now;

	skip_under_valgrind();
	assert_ok(waldoi_accounts_tune(f->accounts, dear, 1000000, NULL));
	assert_ok(waldo_account_set_password(f->accounts, "ann", "sesame"));
	assert_string_equal(by_password(f, "ann", "sesame"), "ann");
	forget_peak();
	before = status_of("VmHWM:");
	for (int i = 0; i < 1000; i++) {
		assert_ok(waldo_promise_when(send_password(f, "ann", "sesame"),
		                             count_answer, &crowd));
	}
	while (crowd.in + crowd.refused + crowd.others < 1000) {
		turn(f);
		now = status_of("Threads:");
		threads = now > threads ? now : threads;
	}
	assert_int_equal(crowd.others, 0);
	assert_in_range(crowd.in, WALDOI_VERIFY_WAITING, 999);
	/* The main one, and TSan has one of its own. */
	assert_in_range(threads, 2, 2 + WALDOI_VERIFY_THREADS);
	/* In KiB: 32 MiB for the computations, the rest for the calls. */
	assert_in_range(status_of("VmHWM:") - before, 0, 2 * 16384 + 24576);
}

/* ---- guessing */

typedef const char *guess_with(fixture *f);

static const char *
guess_password(fixture *f)
{
	return by_password(f, "ann", "no");
}

static const char *
guess_token(fixture *f)
{
	return by_text(f, "token", "x");
}

/* The next one has to wait for a second, which is so long. */
static void
fail_five_times(fixture *f, guess_with *guess, int64_t second)
{
	assert_ok(waldoi_accounts_tune(f->accounts, cheap, second, NULL));
	for (int i = 0; i < 5; i++) {
		assert_string_equal(guess(f), FAILED);
	}
}

static int64_t
time_of(fixture *f, guess_with *guess)
{
	int64_t since = now_us();

	assert_string_equal(guess(f), FAILED);
	return now_us() - since;
}

static void
after_five_failures_an_attempt_waits(void **state)
{
	fixture *f = *state;
	int64_t since;

	fail_five_times(f, guess_password, 50000);
	assert_true(time_of(f, guess_password) >= 50000);
	since = now_us();
	assert_string_equal(by_password(f, "ann", "sesame"), "ann");
	assert_true(now_us() - since >= 100000);
}

/* The server listens on a Unix socket as well, which is another source. */
static void
come_from_elsewhere(fixture *f)
{
	waldo_listener *listener = NULL;
	char address[100], uri[300];

	snprintf(address, sizeof(address), "unix:%s/socket", f->folder);
	assert_ok(waldo_listen(f->server, address, &listener));
	snprintf(uri, sizeof(uri), "%s/gate", waldo_listener_get_uri(listener));
	waldo_ref_release(f->gate);
	f->gate = NULL;
	assert_ok(waldo_connect(f->client, uri, &f->gate));
}

static void
guesses_of_an_account_count_wherever_they_come_from(void **state)
{
	fixture *f = *state;

	fail_five_times(f, guess_password, 200000);
	come_from_elsewhere(f);
	assert_true(time_of(f, guess_password) >= 200000);
}

/* Or who has one account could guess those of others. */
static void
a_login_does_not_clear_its_source(void **state)
{
	fixture *f = *state;

	fail_five_times(f, guess_token, 50000);
	assert_string_equal(by_password(f, "ann", "sesame"), "ann");
	assert_true(time_of(f, guess_token) >= 50000);
}

static void
of_all_sources_together_so_many_may_wait(void **state)
{
	fixture *f = *state;

	fail_five_times(f, guess_token, 20000);
	f->accounts->waiting = WALDOI_WAITING;
	assert_string_equal(by_password(f, "ann", "sesame"),
	                    "waldo.Limit: login: too many attempts; wait a "
	                    "minute");
	f->accounts->waiting--;
	assert_string_equal(by_password(f, "ann", "sesame"), "ann");
	f->accounts->waiting = 0;
}

static void
few_of_one_source_may_wait(void **state)
{
	fixture *f = *state;
	answer a[8];
	int refused = 0;

	fail_five_times(f, guess_token, 100000);
	for (int i = 0; i < 8; i++) {
		ask(send_password(f, "ann", "sesame"), &a[i]);
	}
	for (int i = 0; i < 8; i++) {
		await(f, &a[i]);
		refused +=
		    strcmp(a[i].text, "waldo.Limit: login: too many attempts; "
		                      "wait a minute") == 0;
	}
	assert_int_equal(refused, 8 - WALDOI_WAITING_OF_SOURCE);
}

static void
a_key_need_not_wait(void **state)
{
	fixture *f = *state;

	assert_ok(waldo_account_add_key(f->accounts, "ann",
	                                waldo_key_get_public(f->key)));
	fail_five_times(f, guess_password, 1000000000);
	assert_string_equal(by_text(f, "key", ""), "ann");
}

/* ---- one throttle for logins and swissnums */

static void
restore(void *self, waldo_call *call)
{
	fixture *f = self;

	waldo_call_reply(call, "r", f->portal_ref);
}

static const waldo_method restore_methods[] = {{"restore", restore, NULL, 0},
                                               {0}};
static const waldo_class restore_class = {WALDO_CLASS_SIZES, "Factory",
                                          restore_methods, NULL, NULL};

static void
open_grants(fixture *f, const uint8_t *seal, char swissnum[WALDO_SWISSNUM_TEXT])
{
	waldo_grant_options options = {
	    .size = sizeof(options), .kind = "gate", .seal = seal};
	waldo_grants *grants;
	waldo_ref *factory;
	char path[64];

	snprintf(path, sizeof(path), "%s/grants", f->folder);
	assert_ok(waldo_grants_open(f->server, path, &grants));
	assert_ok(waldo_set_finder(f->server, waldo_grants_get_finder(grants)));
	assert_ok(waldo_object_new(f->server, &restore_class, f, &factory));
	assert_ok(waldo_grants_set_factory(grants, "gate", factory));
	waldo_ref_release(factory);
	assert_ok(waldo_grant_new(grants, &options, swissnum, ""));
}

static bool
may_fetch(fixture *f, const char *swissnum)
{
	char uri[300];
	waldo_ref *ref;
	waldo_state state;

	snprintf(uri, sizeof(uri), "%.*s%s",
	         (int) (strlen(f->uri) - strlen("gate")), f->uri, swissnum);
	assert_ok(waldo_connect(f->client, uri, &ref));
	while ((state = waldo_ref_get_state(ref)) == WALDO_PENDING) {
		turn(f);
	}
	if (state == WALDO_BROKEN) {
		assert_string_equal(waldo_ref_get_failure(ref)->type,
		                    "waldo.NoName");
	}
	waldo_ref_release(ref);
	return state != WALDO_BROKEN;
}

static void
come_with_another_key(fixture *f)
{
	close_client(f);
	waldo_key_release(f->key);
	assert_ok(waldo_key_new(&f->key));
	assert_int_equal(open_client(f), 0);
}

/* The link proves it, and nobody else says so. */
static void
a_sealed_grant_is_for_the_key_of_the_link(void **state)
{
	fixture *f = *state;
	char swissnum[WALDO_SWISSNUM_TEXT];

	open_grants(f, waldo_key_get_public(f->key), swissnum);
	assert_true(may_fetch(f, swissnum));
	come_with_another_key(f);
	assert_false(may_fetch(f, swissnum));
}

static void
who_guesses_logins_and_swissnums_waits_for_both(void **state)
{
	fixture *f = *state;
	char good[WALDO_SWISSNUM_TEXT], wrong[WALDO_SWISSNUM_TEXT];

	/* Long enough for a slow machine. */
	assert_ok(waldoi_accounts_tune(f->accounts, cheap, 60000000, NULL));
	open_grants(f, NULL, good);
	memcpy(wrong, good, sizeof(wrong));
	wrong[7] = wrong[7] == 'A' ? 'B' : 'A';
	for (int i = 0; i < 13; i++) {
		assert_false(may_fetch(f, wrong));
	}
	assert_string_equal(by_password(f, "ann", "no"), FAILED);
	assert_string_equal(by_password(f, "ann", "sesame"), "ann");
	assert_true(may_fetch(f, good));
	/* One miss more than it has on credit. */
	assert_false(may_fetch(f, wrong));
	assert_string_equal(by_password(f, "ann", "no"), FAILED);
	assert_false(may_fetch(f, good));
	assert_non_null(strstr(f->log, "too many wrong swissnums or logins"));
	assert_string_equal(by_password(f, "ann", "sesame"),
	                    "waldo.Limit: login: too many attempts; wait a "
	                    "minute");
	/* Others from there need not wait with it. */
	come_with_another_key(f);
	assert_string_equal(by_password(f, "ann", "sesame"), "ann");
	assert_true(may_fetch(f, good));
}

/* Whoever makes a key for each guess. */
static void
while_many_keys_guess_one_miss_is_too_often(void **state)
{
	fixture *f = *state;
	waldoi_throttle *t = waldoi_throttle_of(f->server);
	uint8_t once[32] = {1}, never[32] = {2}, key[32] = {0};

	waldoi_throttle_miss(t, once, 0);
	assert_true(waldoi_throttle_admits(t, once, 0));
	for (unsigned i = 0; i < 300; i++) {
		key[0] = (uint8_t) (3 + i % 200);
		key[1] = (uint8_t) (i / 200);
		assert_true(waldoi_throttle_admits(t, key, 0));
		waldoi_throttle_miss(t, key, 0);
	}
	assert_false(waldoi_throttle_admits(t, once, 0));
	assert_true(waldoi_throttle_admits(t, never, 0));
	/* Until it is forgiven. */
	assert_true(waldoi_throttle_admits(t, once, t->miss));
	waldoi_throttle_release(t);
}

static bool
same_source(waldoi_attempts *attempts, const char *a, const char *b)
{
	waldo_peer left = {a, NULL, -1, -1}, right = {b, NULL, -1, -1};
	waldoi_attempts_key one, other;

	waldoi_attempts_of_peer(attempts, &left, &one);
	waldoi_attempts_of_peer(attempts, &right, &other);
	return memcmp(&one, &other, sizeof(one)) == 0;
}

static void
a_source_is_a_host_or_its_network(void **state)
{
	waldoi_attempts *a = waldoi_attempts_new(1);

	(void) state;
	assert_true(same_source(a, "tcp:192.0.2.7:1", "tcp:192.0.2.7:2"));
	assert_true(
	    same_source(a, "tcp:192.0.2.7:1", "tcp-insecure:192.0.2.7:1"));
	assert_true(
	    same_source(a, "tcp:192.0.2.7:1", "tcp:[::ffff:192.0.2.7]:1"));
	assert_false(same_source(a, "tcp:192.0.2.7:1", "tcp:192.0.2.8:1"));
	assert_true(same_source(a, "tcp:[2001:db8::1]:1",
	                        "tcp:[2001:db8:0:0:ffff::2]:9"));
	assert_false(
	    same_source(a, "tcp:[2001:db8::1]:1", "tcp:[2001:db8:0:1::1]:1"));
	assert_false(same_source(a, "tcp:192.0.2.7:1", "unix:"));
	waldoi_attempts_free(a);
}

static void
the_wait_doubles_up_to_a_minute(void **state)
{
	static const int64_t waits[] = {0, 0, 0,  0,  0,  1, 2,
	                                4, 8, 16, 32, 60, 60};
	waldoi_attempts *a = waldoi_attempts_new(1000);
	waldoi_attempts_key key;

	(void) state;
	waldoi_attempts_of_account(a, "ann", &key);
	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		assert_int_equal(waldoi_attempts_wait(a, &key, 5),
		                 waits[i] * 1000);
		waldoi_attempts_fail(a, &key, 5);
	}
	assert_int_equal(waldoi_attempts_wait(a, &key, 600005), 60000);
	assert_int_equal(waldoi_attempts_wait(a, &key, 600006), 0);
	for (int i = 0; i < 6; i++) {
		waldoi_attempts_fail(a, &key, 5);
	}
	waldoi_attempts_forget(a, &key);
	assert_int_equal(waldoi_attempts_wait(a, &key, 5), 0);
	waldoi_attempts_free(a);
}

static void
what_failed_longest_ago_is_forgotten_first(void **state)
{
	waldoi_attempts *a = waldoi_attempts_new(1000);
	waldoi_attempts_key first, second, other;
	char text[20];

	(void) state;
	waldoi_attempts_of_account(a, "first", &first);
	waldoi_attempts_of_account(a, "second", &second);
	for (int i = 0; i < 6; i++) {
		waldoi_attempts_fail(a, &first, 1);
		waldoi_attempts_fail(a, &second, 1);
	}
	waldoi_attempts_fail(a, &first, 2);
	for (int i = 0; i < WALDOI_ATTEMPTS - 1; i++) {
		snprintf(text, sizeof(text), "%d", i);
		waldoi_attempts_of_account(a, text, &other);
		waldoi_attempts_fail(a, &other, 3);
	}
	assert_int_equal(waldoi_attempts_wait(a, &second, 3), 0);
	assert_true(waldoi_attempts_wait(a, &first, 3) > 0);
	waldoi_attempts_free(a);
}

/* ---- ends */

static void
the_node_may_be_freed_while_passwords_are_verified(void **state)
{
	fixture *f = *state;
	answer a[20];

	assert_ok(waldoi_accounts_tune(f->accounts, dear, 1000000, NULL));
	assert_ok(waldo_account_set_password(f->accounts, "ann", "sesame"));
	for (int i = 0; i < 20; i++) {
		ask(send_password(f, "ann", "sesame"), &a[i]);
	}
	while (a[0].count == 0) {
		turn(f);
	}
	close_server(f);
	assert_int_equal(open_server(f), 0);
	for (int i = 0; i < 20; i++) {
		await(f, &a[i]);
	}
	assert_string_equal(a[0].text, "ann");
	assert_non_null(strstr(a[19].text, "waldo.Lost"));
}

static void
the_node_may_be_freed_while_attempts_wait(void **state)
{
	fixture *f = *state;
	answer a;

	fail_five_times(f, guess_token, 1000000);
	ask(send_password(f, "ann", "sesame"), &a);
	for (int i = 0; i < 20; i++) {
		turn(f);
	}
	close_server(f);
	assert_int_equal(open_server(f), 0);
	await(f, &a);
	assert_non_null(strstr(a.text, "waldo.Lost"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    waldo_test(who_is_not_there_takes_as_long),
	    waldo_test(
	        an_account_disabled_while_its_password_is_verified_stays_out),
	    waldo_test(many_log_in_at_the_same_time),
	    waldo_test(more_than_can_wait_are_told_so),
	    waldo_test(
	        a_thousand_at_once_cost_two_computations_and_are_told_the_limit),
	    waldo_test(after_five_failures_an_attempt_waits),
	    waldo_test(guesses_of_an_account_count_wherever_they_come_from),
	    waldo_test(a_login_does_not_clear_its_source),
	    waldo_test(of_all_sources_together_so_many_may_wait),
	    waldo_test(few_of_one_source_may_wait),
	    waldo_test(a_key_need_not_wait),
	    waldo_test(a_sealed_grant_is_for_the_key_of_the_link),
	    waldo_test(who_guesses_logins_and_swissnums_waits_for_both),
	    waldo_test(while_many_keys_guess_one_miss_is_too_often),
	    cmocka_unit_test(a_source_is_a_host_or_its_network),
	    cmocka_unit_test(the_wait_doubles_up_to_a_minute),
	    cmocka_unit_test(what_failed_longest_ago_is_forgotten_first),
	    waldo_test(the_node_may_be_freed_while_passwords_are_verified),
	    waldo_test(the_node_may_be_freed_while_attempts_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
