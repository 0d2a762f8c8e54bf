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
int complain_callee(const char *type, const char *message);

struct peer;

/* That if the callee answered so, else "waldo: message", with the peer's URI
 * where the message alone does not tell which peer is meant. */
int complain_failure(const waldo_failure *failure, const struct peer *peer);

/* Writes what was printed. `status`, or STATUS_LOST from the first time on
 * that it cannot be written, which is complained about once. */
int flush_output(int status);

/* Prints a peer's text without what would move a terminal's cursor. */
void print_text(FILE *out, const char *text);

/* A tab and the UTC of microseconds since 1970; of 0, "-". */
void print_time_column(int64_t time);

/* ---- options.c */

typedef bool option_parse(const char *text, void *target);

struct option {
	char letter;       /* 0: it has only a name */
	const char *name;  /* without the dashes; NULL ends the table */
	const char *wants; /* what its value is, for the error; NULL: a flag */
	option_parse *parse; /* NULL: sets *(bool *) target */
	void *target;
};

/* To uint32_t milliseconds, 1 ms at least; what it wants, for struct option. */
option_parse option_seconds;
option_parse option_grace; /* which may be none */
#define MAX_SECONDS   4294967
#define WANTS_SECONDS "seconds, like 2.5, above 0 and up to 4294967"

option_parse option_count; /* to uint64_t, 1 at least */
option_parse option_text;  /* to const char *, as it is */

option_parse option_print; /* to const char *: a fingerprint */

/* Secrets of clusters, each "SLOT:FILE"; see psk.h. */
#define MAX_PSKS 8
struct psks {
	size_t count;
	struct {
		unsigned slot;
		const char *path; /* borrowed */
	} items[MAX_PSKS];
};
option_parse option_psk; /* adds to struct psks */
#define WANTS_PSK "SLOT:FILE, the slot a number 1..255, 8 of them at most"

/* To int64_t microseconds since 1970, so long from now. */
option_parse option_expiry;
#define WANTS_EXPIRY "a time from now, like 90s, 15m, 12h or 30d"

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
	waldo_ref *ref;      /* NULL where a node is all that is needed */
	const char *uri;     /* as the user wrote it; borrowed */
	uint32_t timeout_ms; /* of each call; 0: none */
	double asked_ms;     /* when the last call left, as now_ms() tells */

	const char *key_file; /* who we are; NULL: nobody in particular */
	struct psks psks;

	/* Where keys of hosts are remembered; NULL: at the usual place. */
	const char *known_hosts;
	bool meets_others;  /* an argument names a host without its key */
	const char *trust;  /* the fingerprint that is accepted; or NULL */
	bool accepts;       /* a host right now: what goes wrong is told */
	char stranger[400]; /* why a host was refused; or "" */
};

/* For the options of those who call. */
#define PEER_OPTIONS(peer)                                                     \
	{'k', "key", "a file", option_text, &(peer).key_file},                 \
	    {0, "psk-file", WANTS_PSK, option_psk, &(peer).psks},              \
	    {0, "known-hosts", "a file", option_text, &(peer).known_hosts},    \
	{                                                                      \
		0, "trust", "a fingerprint, like abcd-efgh-ijkl-mnop-qrst",    \
		    option_print, &(peer).trust                                \
	}
#define PEER_HELP                                                              \
	"  -k, --key FILE         who you are, for a server that wants to "    \
	"know:\n"                                                              \
	"                         a file of waldo key new\n"                   \
	"      --psk-file SLOT:FILE  the secret of a cluster, for URIs with\n" \
	"                         ?psk=SLOT; a file of waldo key secret\n"     \
	"      --known-hosts FILE  what remembers the keys of hosts that a "   \
	"URI\n"                                                                \
	"                         names without one (waldo://@HOST:PORT/)\n"   \
	"      --trust FINGERPRINT  accepts such a key at first sight\n"

/* Monotonic. */
double now_ms(void);

/* Opens `uri`, which may be more than `peer->uri`; that and the timeout are
 * set. A status, after a complaint unless it is STATUS_OK. peer_close() copes
 * with a peer that could not be opened. */
int peer_open(struct peer *peer, const char *uri);
void peer_close(struct peer *peer);

/* Invokes a method without arguments and waits; `*ret_promise` is to be
 * released, also after a complaint. */
int peer_ask(struct peer *peer, const char *method,
             waldo_promise **ret_promise);

/* After it, SIGINT and SIGTERM stop `node`, until the peer is closed. */
void stop_on_signal(waldo_node *node, uint32_t grace_ms);
bool was_signalled(void);

/* ---- trust.c: for waldo_node_options.trust, with the peer */
waldo_trust_cb peer_meet;

/* ---- state.c */

/* The path of a file of ours, to be freed; its folder is made. NULL if there
 * can be none, after a complaint if it is wanted. */
char *state_path(const char *name, bool is_wanted);

/* ---- dump.c */

/* After it, SIGUSR1 has `node` print who holds what on stderr. It is to be
 * ended before the node is freed. */
void dump_on_signal(waldo_node *node);
void dump_no_more(void);

/* ---- the subcommands */

extern const struct command bench_command, call_command, describe_command,
    grant_command, grants_command, key_command, ls_command, ping_command,
    revoke_command, serve_command, user_command;

#endif
