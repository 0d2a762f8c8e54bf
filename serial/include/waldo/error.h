/* SPDX-License-Identifier: MIT */
/*
 * waldo/error.h - what can go wrong
 *
 * A function that can fail at once returns a waldo_err and has then done
 * nothing. What goes wrong later, or elsewhere, arrives as a waldo_failure.
 */
#ifndef WALDO_ERROR_H
#define WALDO_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define WALDO_MUST_CHECK   __attribute__((warn_unused_result))
#define WALDO_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define WALDO_MUST_CHECK
#define WALDO_PRINTF(f, a)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Values are stable and never reused. */
typedef enum waldo_err {
	WALDO_OK = 0,
	WALDO_EINVAL = 1,   /* misuse: a bad argument, format or state */
	WALDO_ENOMEM = 2,   /* out of memory */
	WALDO_ELIMIT = 3,   /* a limit was reached; the message names it */
	WALDO_EADDRESS = 4, /* an address or URI cannot be parsed or resolved */
	WALDO_ECONNECT = 5, /* nobody answers there, or not in our protocol */
	WALDO_ELOST = 6,    /* the session ended */
	WALDO_EPROTOCOL = 7, /* the peer broke the protocol */
	WALDO_EDENIED = 8,   /* key, login, facet or policy says no */
	WALDO_EDEADLINE = 9, /* no answer in time */
	WALDO_ECANCELLED = 10,
	WALDO_EREVOKED = 11, /* the object is gone or was taken back */
	WALDO_ENAME = 12,    /* no such published name */
	WALDO_EMETHOD = 13,  /* no such method */
	WALDO_EARGS = 14,    /* the values do not fit the method */
	WALDO_EREMOTE = 15, /* the callee's own error: see waldo_failure.type */
	WALDO_ESYSTEM = 16 /* the operating system refused; message has errno */
} waldo_err;

/*
 * Whether the method of a failed call ran. Stated by the caller's own node
 * from what it handed to the kernel and what came back, never read from the
 * wire (broker/PROTOCOL.md P7).
 */
typedef enum waldo_fate {
	WALDO_NOT_SENT = 0,       /* it did not and never will: safe to retry */
	WALDO_MAYBE_EXECUTED = 1, /* nobody can know */
	WALDO_EXECUTED = 2        /* the callee answered */
} waldo_fate;

/*
 * One failure: of a call, a reference or a login. Made by the library only,
 * and borrowed wherever it is seen; new fields are added at the end.
 */
typedef struct waldo_failure {
	waldo_err code; /* EREMOTE if the callee chose it, see `type` */
	waldo_fate fate;
	bool remote;         /* the text is a peer's claim, already escaped */
	const char *type;    /* "game.Blocked"; "waldo.Deadline" for ours */
	const char *message; /* one line for people, never NULL */
	uint64_t number;     /* the callee's own code, 1000 and up; else 0 */
} waldo_failure;

/* What `err` means, in English; never NULL, also for unknown values. Static. */
const char *waldo_strerror(waldo_err err);

/* The dotted name that a failure of the library's own has as its type:
 * "waldo.Deadline" for WALDO_EDEADLINE. Never NULL; static. */
const char *waldo_err_type(waldo_err err);

#ifdef __cplusplus
}
#endif
#endif
