/* SPDX-License-Identifier: MIT */
/* What the clients were told, held against the ledger. */
#include "tests/restart/restart.h"

#include <stdio.h>
#include <stdlib.h>

struct records {
	void *items;
	size_t count;
};

/* Whole files of records, one behind the other. */
static bool
append_file(struct records *records, const char *path, size_t size)
{
	FILE *file = fopen(path, "rb");
	long len = -1;
	char *items = NULL;

	if (file != NULL && fseek(file, 0, SEEK_END) == 0) {
		len = ftell(file);
		rewind(file);
	}
	if (len >= 0) {
		items = realloc(records->items,
		                records->count * size + (size_t) len + 1);
	}
	if (items == NULL || (size_t) len % size != 0 ||
	    fread(items + records->count * size, 1, (size_t) len, file) !=
	        (size_t) len) {
		(void) fprintf(stderr, "%s cannot be read\n", path);
		return false;
	}
	records->items = items;
	records->count += (size_t) len / size;
	return fclose(file) == 0;
}

static int
compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int
by_attempt(const void *a, const void *b)
{
	return compare(((const struct executed *) a)->attempt,
	               ((const struct executed *) b)->attempt);
}

static int
by_operation(const void *a, const void *b)
{
	const struct attempt *x = a, *y = b;
	int order = compare(x->operation, y->operation);

	return order != 0 ? order : compare(x->id, y->id);
}

static bool
complain(const char *what, uint64_t id)
{
	(void) fprintf(stderr, "%s: %u.%u\n", what, (unsigned) (id >> 32),
	               (unsigned) id);
	return false;
}

static bool
check_ledger(const struct records *ledger, struct report *report)
{
	const struct executed *lines = ledger->items;
	bool seen[RESTARTS + 1] = {false};
	bool good = true;

	for (size_t i = 0; i < ledger->count; i++) {
		if (i > 0 && lines[i].attempt == lines[i - 1].attempt) {
			good = complain("an attempt was executed twice",
			                lines[i].attempt);
		}
		if (lines[i].server > RESTARTS) {
			good = complain("no such server", lines[i].attempt);
		} else if (!seen[lines[i].server]) {
			seen[lines[i].server] = true;
			report->servers++;
		}
	}
	return good;
}

static bool
check_attempt(const struct attempt *attempt, const struct records *ledger)
{
	const struct executed key = {.attempt = attempt->id};
	bool ran = bsearch(&key, ledger->items, ledger->count, sizeof(key),
	                   by_attempt) != NULL;

	switch (attempt->outcome) {
	case SUCCEEDED:
		return ran ||
		       complain("it succeeded and never ran", attempt->id);
	case NOT_SENT:
		return !ran || complain("it ran and was said to be not sent",
		                        attempt->id);
	case MAYBE_EXECUTED: return true;
	default: return complain("it was refused", attempt->id);
	}
}

/* An operation's last attempt is its end; those before it left it open. */
static bool
check_last(const struct attempt *last)
{
	if (last->outcome == NOT_SENT) {
		return complain("it was given up, and never ran",
		                last->operation);
	}
	if (last->outcome == MAYBE_EXECUTED && last->repeatable != 0) {
		return complain("it was given up, and might be repeated",
		                last->operation);
	}
	return true;
}

static bool
check_earlier(const struct attempt *attempt)
{
	if (attempt->outcome == NOT_SENT ||
	    (attempt->outcome == MAYBE_EXECUTED && attempt->repeatable != 0)) {
		return true;
	}
	return complain("it was tried again", attempt->operation);
}

static bool
check_attempts(const struct records *attempts, const struct records *ledger,
               struct report *report)
{
	const struct attempt *all = attempts->items;
	bool good = true;

	for (size_t i = 0; i < attempts->count; i++) {
		bool last = i + 1 == attempts->count ||
		            all[i + 1].operation != all[i].operation;

		good = check_attempt(&all[i], ledger) && good;
		good = (last ? check_last(&all[i]) : check_earlier(&all[i])) &&
		       good;
		report->operations += last;
		if (all[i].outcome <= REFUSED) {
			report->outcomes[all[i].outcome]++;
		}
	}
	return good;
}

bool
check_files(const char *directory, struct report *ret_report)
{
	struct records ledger = {NULL, 0}, attempts = {NULL, 0};
	char path[256];
	bool good;

	*ret_report = (struct report){0};
	ledger_path(path, directory);
	good = append_file(&ledger, path, sizeof(struct executed));
	for (uint64_t i = 0; i < CLIENTS && good; i++) {
		client_path(path, directory, i);
		good = append_file(&attempts, path, sizeof(struct attempt));
	}
	if (good && ledger.count > 0 && attempts.count > 0) {
		qsort(ledger.items, ledger.count, sizeof(struct executed),
		      by_attempt);
		qsort(attempts.items, attempts.count, sizeof(struct attempt),
		      by_operation);
		ret_report->executed = ledger.count;
		ret_report->attempts = attempts.count;
		good = check_ledger(&ledger, ret_report);
		good = check_attempts(&attempts, &ledger, ret_report) && good;
	}
	free(ledger.items);
	free(attempts.items);
	return good;
}
