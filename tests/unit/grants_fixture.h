/* SPDX-License-Identifier: MIT */
/*
 * unit/grants_fixture.h - grants of a node that serves itself
 *
 * The kind is "thing"; a thing has a name.
 */
#ifndef WALDO_TEST_GRANTS_FIXTURE_H
#define WALDO_TEST_GRANTS_FIXTURE_H

#include "tests/waldo_test.h"

#include <waldo/client.h>
#include <waldo/facet.h>
#include <waldo/grant.h>

typedef struct fixture {
	char folder[32], path[48];
	waldo_node *node;
	waldo_grants *grants, *other;
	waldo_ref *factory;
	int restored, alive;
	waldo_call *held; /* by thing.hold() */
	char log[512];    /* the last line */
} fixture;

#define setup    grants_setup
#define teardown grants_teardown

int open_node(fixture *f);
void close_node(fixture *f);
int setup(void **state);
int teardown(void **state);
waldo_grant_options options_of(const char *kind);
waldo_grant_match match_of(const char *swissnum);
void grant(fixture *f, const char *name, char swissnum[WALDO_SWISSNUM_TEXT]);
waldo_ref *fetch(fixture *f, const char *swissnum);
/* What `ref` answers to `method`: its text, or why it does not. */
const char *ask(waldo_ref *ref, const char *method);
const char *fetch_and_ask(fixture *f, const char *swissnum);
/* The same, with "NAME" where it is named. */
const char *failure_of(fixture *f, const char *name);
waldo_err find_as(fixture *f, const char *swissnum, const uint8_t *key,
                  waldo_type *ret_type);
int64_t now_us(void);
void step_for(fixture *f, int64_t us);
/* As the command line does. */
int revoke_elsewhere(const fixture *f, const char *swissnum);

#endif
