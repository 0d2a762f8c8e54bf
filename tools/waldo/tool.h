/* SPDX-License-Identifier: MIT */
/* tool.h - what the subcommands of waldo share */
#ifndef TOOL_H
#define TOOL_H

#include <stdint.h>
#include <stdio.h>
#include <waldo.h>

/* How the command ends; the numbers are part of its interface. */
enum status {
	STATUS_OK = 0,
	STATUS_CALLEE = 1,  /* the peer answered, with an error */
	STATUS_USAGE = 2,   /* the command line is wrong */
	STATUS_LOST = 3,    /* cannot connect, connection lost, local trouble */
	STATUS_DEADLINE = 4 /* no answer in time */
};

/* ---- report.c: each prints one line on stderr and returns the status */

int complain(int status, const char *format, ...) WALDO_PRINTF(2, 3);
int complain_usage(const char *command, const char *format, ...)
    WALDO_PRINTF(2, 3);

/* Of a function that failed at once on `node`, which may be NULL. */
int complain_err(waldo_err err, const waldo_node *node);

/* "Type: message" and STATUS_CALLEE. */
int complain_callee(const waldo_failure *failure);

/* That if the callee answered so, else "waldo: message". */
int complain_failure(const waldo_failure *failure);

/* STATUS_OK, or what complain() makes of a stdout that was not written. */
int finish_output(int status);

/* Prints a peer's text without what would move a terminal's cursor. */
void print_text(FILE *out, const char *text);

/* ---- options.c */

typedef bool option_parse(const char *text, void *target);

struct option {
	char letter;       /* 0: it has only a name */
	const char *name;  /* without the dashes; NULL ends the table */
	const char *wants; /* what its value is, for the error; NULL: a flag */
	option_parse *parse; /* NULL: sets *(bool *) target */
	void *target;
};

option_parse option_seconds; /* to uint32_t milliseconds, 1 ms at least */
option_parse option_count;   /* to uint64_t, 1 at least */

struct command {
	const char *name;
	int (*run)(const struct command *command, int argc, char **argv);
	const char *summary;
	const char *help;
};

/*
 * Takes the options out of argv, which then has `*argc` other words. Options
 * may stand anywhere before "--"; "-5" is a word. False if the command has to
 * end with `*ret_status`: help was asked for, or an option is wrong.
 */
bool take_options(const struct command *command, const struct option *options,
                  int *argc, char **argv, int *ret_status);

/* ---- peer.c: a node and a reference to what the command is about */

struct peer {
	waldo_node *node;
	waldo_ref *ref; /* NULL where a node is all that is needed */
};

/* A status, after a complaint unless it is STATUS_OK. peer_close() copes with
 * a peer that could not be opened. */
int peer_open(struct peer *peer, const char *uri);
void peer_close(struct peer *peer);

/* Invokes a method without arguments and waits; `*ret_promise` is to be
 * released, also after a complaint. */
int peer_ask(const struct peer *peer, const char *method, uint32_t timeout_ms,
             waldo_promise **ret_promise);

/* After it, SIGINT and SIGTERM stop `node`, until the peer is closed. */
void stop_on_signal(waldo_node *node, uint32_t grace_ms);
bool was_signalled(void);

/* ---- the subcommands */

extern const struct command call_command, describe_command, ls_command,
    ping_command, serve_command;

#endif
