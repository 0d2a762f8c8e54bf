/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "tool.h"

bool
option_grace(const char *text, void *target)
{
	uint32_t *ms = target;
	char *end = NULL;
	double seconds = strtod(text, &end);
	double rounded = ceil(seconds * 1000);

	if (end == text || *end != '\0' || !(seconds >= 0) ||
	    seconds > MAX_SECONDS) {
		return false;
	}
	*ms = (uint32_t) rounded;
	return true;
}

bool
option_seconds(const char *text, void *target)
{
	uint32_t *ms = target;

	return option_grace(text, target) && *ms > 0;
}

bool
option_count(const char *text, void *target)
{
	uint64_t *count = target;
	char *end = NULL;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (!isdigit((unsigned char) text[0]) || *end != '\0' || errno != 0 ||
	    value == 0) {
		return false;
	}
	*count = value;
	return true;
}

bool
option_text(const char *text, void *target)
{
	*(const char **) target = text;
	return true;
}

bool
option_expiry(const char *text, void *target)
{
	static const char units[] = "smhd";
	static const int64_t seconds[] = {1, 60, 3600, 86400};
	char *end = NULL;
	double count = strtod(text, &end);
	const char *unit = *end == '\0' ? NULL : strchr(units, *end);

	/* A hundred years are more than anybody means. */
	if (end == text || unit == NULL || end[1] != '\0' || !(count > 0) ||
	    !(count * (double) seconds[unit - units] < 100 * 366 * 86400.0)) {
		return false;
	}
	*(int64_t *) target =
	    (int64_t) time(NULL) * 1000000 +
	    (int64_t) (count * (double) seconds[unit - units] * 1e6);
	return true;
}

/* The option that `word` names, with what follows a '=' in `*ret_value`. */
static const struct option *
find_option(const struct option *options, const char *word,
            const char **ret_value)
{
	const char *equals = strchr(word, '=');
	const struct option *o;

	*ret_value = NULL;
	for (o = options; o->name != NULL; o++) {
		size_t len = strlen(o->name);

		if (word[1] != '-') {
			if (word[1] == o->letter && word[2] == '\0') {
				return o;
			}
		} else if (strncmp(word + 2, o->name, len) == 0 &&
		           (word[2 + len] == '\0' ||
		            word + 2 + len == equals)) {
			*ret_value = equals != NULL ? equals + 1 : NULL;
			return o;
		}
	}
	return NULL;
}

/* Words that begin with a dash and are none: "-", "-5", "-0.5". */
static bool
is_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0' &&
	       !isdigit((unsigned char) word[1]);
}

/* Takes the option at argv[*at], and its value. */
static int
take_option(const struct command *command, const struct option *options,
            int argc, char **argv, int *at)
{
	const char *word = argv[*at];
	const char *value = NULL;
	const struct option *o = find_option(options, word, &value);

	if (o == NULL) {
		return complain_usage(command->name, "unknown option '%s'",
		                      word);
	}
	if (o->wants == NULL) {
		if (value != NULL) {
			return complain_usage(command->name,
			                      "--%s takes no value", o->name);
		}
		*(bool *) o->target = true;
		return STATUS_OK;
	}
	if (value == NULL && *at + 1 < argc) {
		value = argv[++*at];
	}
	if (value == NULL) {
		return complain_usage(command->name, "--%s wants %s", o->name,
		                      o->wants);
	}
	if (!o->parse(value, o->target)) {
		return complain_usage(command->name, "--%s wants %s, not '%s'",
		                      o->name, o->wants, value);
	}
	return STATUS_OK;
}

bool
take_options(const struct command *command, const struct option *options,
             int *argc, char **argv, int *ret_status)
{
	int kept = 0;
	int i;

	*ret_status = STATUS_OK;
	for (i = 0; i < *argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "-h") == 0) {
			fputs(command->help, stdout);
			return false;
		}
		if (!is_option(argv[i])) {
			argv[kept++] = argv[i];
			continue;
		}
		*ret_status = take_option(command, options, *argc, argv, &i);
		if (*ret_status != STATUS_OK) {
			return false;
		}
	}
	while (++i < *argc) {
		argv[kept++] = argv[i];
	}
	*argc = kept;
	return true;
}
