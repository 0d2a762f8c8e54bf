/* SPDX-License-Identifier: MIT */
/*
 * conformance TRANSPORT - one suite for every way that nodes are joined
 *
 * Rules (P1, F3, ...) and promises that comments cite are those of
 * broker/PROTOCOL.md.
 */
#include "tests/conformance/fixture.h"

#include <stdio.h>

/* cmocka's macro wants an array whose size it can see. */
#define RUN(suite)                                                             \
	_cmocka_run_group_tests(#suite, suite##_tests, suite##_count, NULL,    \
	                        NULL)

int
main(int argc, char **argv)
{
	int failed = 0;

	wire = argc == 2 ? transport_find(argv[1]) : NULL;
	if (wire == NULL) {
		(void) fprintf(stderr, "usage: %s TRANSPORT (one of %s)\n",
		               argv[0], transport_names());
		return 2;
	}
	failed += RUN(values);
	failed += RUN(calls);
	failed += RUN(pipelining);
	failed += RUN(cancelling);
	failed += RUN(deadlines);
	failed += RUN(revoking);
	failed += RUN(facets);
	failed += RUN(views);
	failed += RUN(reentrancy);
	failed += RUN(misuse);
	if (!wire->is_near) {
		failed += RUN(references);
		failed += RUN(vines);
		failed += RUN(release);
		failed += RUN(watching);
		failed += RUN(naming);
		failed += RUN(sessions);
		failed += RUN(limits);
		failed += RUN(credit);
		failed += RUN(settling);
		failed += RUN(relaying);
		failed += RUN(balance);
		failed += RUN(strangers);
		failed += RUN(draining);
	}
	return failed == 0 ? 0 : 1;
}
