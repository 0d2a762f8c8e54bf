/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "tool.h"

/* The length of the character that `s` begins with if a terminal may obey it:
 * C0, DEL, and C1, which is two bytes of UTF-8. Else 0. */
static size_t
control_length(const unsigned char *s)
{
	if (s[0] < 0x20 || s[0] == 0x7f) {
		return 1;
	}
	return s[0] == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0 ? 2 : 0;
}

void
print_text(FILE *out, const char *text)
{
	const unsigned char *s = (const unsigned char *) text;

	while (*s != '\0') {
		size_t len = control_length(s);

		fputc(len > 0 ? '?' : *s, out);
		s += len > 0 ? len : 1;
	}
}

static void
print_line(const char *prefix, const char *format, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0) {
		text = NULL;
	}
	fputs(prefix, stderr);
	print_text(stderr, text != NULL ? text : "out of memory");
	fputc('\n', stderr);
	free(text);
}

int
complain(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line("waldo: ", format, args);
	va_end(args);
	return status;
}

int
complain_usage(const char *command, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0) {
		text = NULL;
	}
	va_end(args);
	complain(STATUS_USAGE, "%s (see waldo %s%s--help)",
	         text != NULL ? text : "out of memory", command,
	         command[0] != '\0' ? " " : "");
	free(text);
	return STATUS_USAGE;
}

/* Of a failure that arose here, not at the callee. */
static int
status_of(waldo_err err)
{
	switch (err) {
	case WALDO_OK: return STATUS_OK;
	case WALDO_EINVAL:
	case WALDO_EADDRESS: return STATUS_USAGE;
	case WALDO_EREVOKED:
	case WALDO_ENAME:
	case WALDO_EMETHOD:
	case WALDO_EARGS:
	case WALDO_EREMOTE: return STATUS_CALLEE;
	case WALDO_EDEADLINE: return STATUS_DEADLINE;
	default: return STATUS_LOST;
	}
}

int
complain_err(waldo_err err, const waldo_node *node)
{
	const char *message = waldo_node_get_message(node);

	return complain(status_of(err), "%s",
	                message[0] != '\0' ? message : waldo_strerror(err));
}

int
complain_callee(const char *type, const char *message)
{
	print_text(stderr, type);
	fputs(": ", stderr);
	print_text(stderr, message);
	fputc('\n', stderr);
	return STATUS_CALLEE;
}

/* The callee counts the time too, and its answer may come first: a moment
 * early by our clock. Another deadline than ours is its own business. */
static bool
is_our_deadline(const waldo_failure *failure, const struct peer *peer)
{
	return failure->code == WALDO_EDEADLINE && failure->remote &&
	       peer->timeout_ms > 0 &&
	       now_ms() - peer->asked_ms > 0.9 * peer->timeout_ms;
}

int
complain_failure(const waldo_failure *failure, const struct peer *peer)
{
	int status = status_of(failure->code);

	if (failure->code == WALDO_EDENIED && peer->stranger[0] != '\0') {
		return complain(STATUS_LOST, "%s", peer->stranger);
	}
	/* Whatever the peer answered is its error, also one of ours that it
	 * passes on: that it has lost somebody else. Whom we lose, we say. */
	if (status != STATUS_DEADLINE && failure->remote) {
		status = STATUS_CALLEE;
	}
	if (status == STATUS_CALLEE) {
		return complain_callee(failure->type, failure->message);
	}
	if (is_our_deadline(failure, peer)) {
		return complain(status, "%s: no answer within %u ms", peer->uri,
		                peer->timeout_ms);
	}
	if (failure->code == WALDO_EDEADLINE || failure->code == WALDO_ELOST) {
		/* Who has another secret cannot say so, and hangs up. */
		return complain(status, "%s: %s%s", peer->uri, failure->message,
		                failure->code == WALDO_ELOST &&
		                        strstr(peer->uri, "?psk=") != NULL
		                    ? "; has it the same secret?"
		                    : "");
	}
	/* A URI that cannot be read was refused before: no such host. */
	return complain(failure->code == WALDO_EADDRESS ? STATUS_LOST : status,
	                "%s", failure->message);
}

int
flush_output(int status)
{
	static bool has_failed;

	if (has_failed) {
		return STATUS_LOST;
	}
	if (fflush(stdout) == 0 && !ferror(stdout)) {
		return status;
	}
	has_failed = true;
	return complain(STATUS_LOST, "cannot write the output: %s",
	                strerror(errno));
}

void
print_time_column(int64_t time)
{
	time_t seconds = (time_t) (time / 1000000);
	struct tm parts;
	char text[32] = "-";

	if (time != 0 && gmtime_r(&seconds, &parts) != NULL) {
		(void) strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ",
		                &parts);
	}
	printf("\t%s", text);
}
