/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include "arg.h"
#include "json.h"
#include "login.h"
#include "printer.h"
#include "tool.h"

/* One METHOD with its ARGs; invoked on what the step before will return. */
struct step {
	const char *method;
	struct arg *args;
	size_t arg_count;
	waldo_promise *promise;
};

struct call {
	const struct command *command;
	struct peer peer;
	struct login login;
	waldo_ref *printer;
	struct labels labels;
	struct step *steps;
	size_t step_count;
	struct arg *args; /* of all steps */
	size_t arg_count;
	uint64_t repeat;
	bool one_way;
	bool stay;
	int status; /* in the end */
};

/* ---- the command line */

static int
read_step(struct call *call, struct step *step, char **words, int count)
{
	int i;

	if (count == 0 || words[0][0] == '\0') {
		return complain_usage(call->command->name,
		                      "a METHOD is missing");
	}
	step->method = words[0];
	for (i = 1; i < count; i++) {
		struct arg *arg = &step->args[step->arg_count];
		int status = arg_read(arg, words[i], (size_t) i);

		if (status != STATUS_OK) {
			return status;
		}
		if (arg->uri != NULL &&
		    strncmp(arg->uri, "waldo://@", 9) == 0) {
			call->peer.meets_others = true;
		}
		step->arg_count++;
		call->arg_count++;
	}
	return STATUS_OK;
}

/* METHOD [ARG...] [/ METHOD [ARG...]]... */
static int
read_steps(struct call *call, char **words, int count)
{
	struct arg *args;
	int first = 0;
	int i;

	/* No more of either than there are words. */
	call->steps = calloc((size_t) count + 1, sizeof(*call->steps));
	call->args = calloc((size_t) count + 1, sizeof(*call->args));
	if (call->steps == NULL || call->args == NULL) {
		return complain(STATUS_LOST, "out of memory");
	}
	args = call->args;
	for (i = 0; i <= count; i++) {
		struct step *step = &call->steps[call->step_count];
		int status;

		if (i < count && strcmp(words[i], "/") != 0) {
			continue;
		}
		step->args = args;
		call->step_count++;
		status = read_step(call, step, words + first, i - first);
		if (status != STATUS_OK) {
			return status;
		}
		args += step->arg_count;
		first = i + 1;
	}
	return STATUS_OK;
}

/* ---- calling */

/* All are on their way before the first is waited for; what leads nowhere is
 * found before anything is called. */
static int
resolve_args(struct call *call)
{
	waldo_node *node = call->peer.node;
	int status = STATUS_OK;
	size_t i, j;

	for (i = 0; i < call->step_count; i++) {
		struct step *step = &call->steps[i];

		for (j = 0; j < step->arg_count && status == STATUS_OK; j++) {
			status = arg_resolve(&step->args[j], node,
			                     call->printer, j + 1);
		}
	}
	for (i = 0; i < call->arg_count && status == STATUS_OK; i++) {
		if (call->args[i].ref != NULL) {
			status = arg_await(&call->args[i], &call->peer);
		}
	}
	return status;
}

static int
open_call(struct call *call)
{
	int status = peer_open(&call->peer, call->peer.uri);
	waldo_err err;

	if (status != STATUS_OK) {
		return status;
	}
	err = printer_new(call->peer.node, &call->labels, &call->printer);
	if (err != WALDO_OK) {
		return complain_err(err, call->peer.node);
	}
	return resolve_args(call);
}

static void
send_step(struct call *call, struct step *step, waldo_ref *target)
{
	bool last = step + 1 == call->steps + call->step_count;
	waldo_options options = {
	    .size = sizeof(options),
	    .timeout_ms = call->peer.timeout_ms,
	    .flags = call->one_way && last ? WALDO_ONE_WAY : 0,
	};
	waldo_request *request =
	    waldo_request_new(target, step->method, &options);
	size_t i;

	for (i = 0; i < step->arg_count; i++) {
		arg_put(waldo_request_get_args(request), &step->args[i]);
	}
	step->promise = waldo_request_send(request);
}

static int
print_result(struct call *call, waldo_reader *result)
{
	char *text = json_print(result, &call->labels, false);

	if (text == NULL) {
		return complain(STATUS_LOST, "cannot print the result: %s",
		                waldo_read_message(result));
	}
	puts(text);
	free(text);
	return flush_output(STATUS_OK);
}

static int
complain_target(const waldo_failure *failure, const char *method)
{
	char *message = NULL;

	if (asprintf(&message, "%s: %s", method, failure->message) < 0) {
		message = NULL;
	}
	complain_callee(failure->type,
	                message != NULL ? message : failure->message);
	free(message);
	return STATUS_CALLEE;
}

/* Complains about the step that failed; those before it have results. */
static int
complain_step(const struct call *call, size_t number)
{
	const waldo_failure *failure =
	    waldo_promise_get_failure(call->steps[number].promise);
	waldo_reader *target =
	    number == 0
	        ? NULL
	        : waldo_promise_get_result(call->steps[number - 1].promise);

	/* To be called on, it is the callee's result that is of no use. */
	if (target != NULL && waldo_read_type(target) != WALDO_TYPE_REF) {
		return complain_target(failure, call->steps[number - 1].method);
	}
	/* A secret goes to nobody who was met just now. */
	if (failure->code == WALDO_EDENIED && !failure->remote &&
	    strstr(failure->message, "confidential") != NULL) {
		return complain(STATUS_LOST,
		                "%s: a secret is sent only to a host that is "
		                "known already; waldo ls %s meets it",
		                call->peer.uri, call->peer.uri);
	}
	return complain_failure(failure, &call->peer);
}

/* Waits in order, so that what is complained about is what went wrong first. */
static int
wait_for_steps(struct call *call)
{
	waldo_promise *promise = NULL;
	size_t i;

	for (i = 0; i < call->step_count; i++) {
		promise = call->steps[i].promise;
		if (waldo_promise_wait(promise, -1) == WALDO_OK) {
			continue;
		}
		/* A signal is how a stay ends. */
		return was_signalled() ? STATUS_OK : complain_step(call, i);
	}
	return call->one_way
	           ? STATUS_OK
	           : print_result(call, waldo_promise_get_result(promise));
}

static int
call_once(struct call *call)
{
	waldo_ref *target = call->peer.ref;
	int status;
	size_t i;

	if (login_is_wanted(&call->login)) {
		target = waldo_promise_get_ref(call->login.promise);
	}
	call->peer.asked_ms = now_ms();
	for (i = 0; i < call->step_count; i++) {
		struct step *step = &call->steps[i];

		send_step(call, step, target);
		target = i + 1 < call->step_count
		             ? waldo_promise_get_ref(step->promise)
		             : NULL;
	}
	status = wait_for_steps(call);
	for (i = 0; i < call->step_count; i++) {
		waldo_promise_release(call->steps[i].promise);
		call->steps[i].promise = NULL;
	}
	return status;
}

static void
on_broken(waldo_ref *ref, waldo_state state, void *user)
{
	struct call *call = user;

	/* Our own stop breaks it too. */
	if (state == WALDO_BROKEN && !was_signalled()) {
		call->status =
		    complain_failure(waldo_ref_get_failure(ref), &call->peer);
		waldo_node_stop(call->peer.node, 0);
	}
}

/* Until a signal, or until nobody is there any more who might call. */
static int
stay(struct call *call)
{
	waldo_watch *watch = NULL;
	waldo_err err =
	    waldo_ref_watch(call->peer.ref, on_broken, call, &watch);

	if (err == WALDO_OK) {
		err = waldo_node_run(call->peer.node);
	}
	waldo_watch_stop(watch);
	return err == WALDO_OK ? call->status
	                       : complain_err(err, call->peer.node);
}

static int
perform(struct call *call, int argc, char **argv)
{
	int status = read_steps(call, argv + 1, argc - 1);
	uint64_t i;

	if (status == STATUS_OK) {
		call->peer.uri = argv[0];
		status = login_prepare(&call->login, &call->peer);
	}
	if (status == STATUS_OK) {
		status = open_call(call);
	}
	if (status == STATUS_OK && login_is_wanted(&call->login)) {
		login_send(&call->login, &call->peer);
	}
	if (status == STATUS_OK && call->stay) {
		/* Who waits for a result may signal upon it. */
		stop_on_signal(call->peer.node, 0);
	}
	for (i = 0; i < call->repeat && status == STATUS_OK && !was_signalled();
	     i++) {
		status = call_once(call);
	}
	if (status != STATUS_OK || !call->stay || was_signalled()) {
		return status;
	}
	return stay(call);
}

static void
close_call(struct call *call)
{
	size_t i;

	for (i = 0; i < call->arg_count; i++) {
		arg_clear(&call->args[i]);
	}
	free(call->steps);
	free(call->args);
	login_clear(&call->login);
	waldo_ref_release(call->printer);
	labels_clear(&call->labels);
	peer_close(&call->peer);
}

static int
run(const struct command *command, int argc, char **argv)
{
	struct call call = {.command = command, .repeat = 1};
	const struct option options[] = {
	    {'t', "timeout", WANTS_SECONDS, option_seconds,
	     &call.peer.timeout_ms},
	    {'n', "repeat", "a number, 1 or more", option_count, &call.repeat},
	    {0, "one-way", NULL, NULL, &call.one_way},
	    {0, "stay", NULL, NULL, &call.stay},
	    PEER_OPTIONS(call.peer),
	    {0, "login", "a name", option_text, &call.login.user},
	    {0, "token-file", "a file", option_text, &call.login.token_file},
	    {0},
	};
	int status = STATUS_OK;

	if (!take_options(command, options, &argc, argv, &status)) {
		return status;
	}
	if (argc < 2) {
		return complain_usage(command->name, "%s is missing",
		                      argc < 1 ? "the URI" : "a METHOD");
	}
	status = perform(&call, argc, argv);
	close_call(&call);
	return status;
}

static const char help[] =
    "usage: waldo call [OPTION]... URI METHOD [ARG]... [/ METHOD [ARG]...]...\n"
    "\n"
    "Calls METHOD of the object that is published at URI and prints the\n"
    "result as JSON. What follows a '/' is called on the object that the call\n"
    "before it will return, without waiting for it.\n"
    "\n"
    "  -t, --timeout SECONDS  give each call up after that time, 2.5 for "
    "example\n"
    "  -n, --repeat N         do it N times, one after the other\n"
    "      --one-way          want no result; end when the peer has the call\n"
    "      --stay             stay after the result, for calls to '@', until\n"
    "                         SIGINT or SIGTERM\n"
    "      --login USER       log in at the portal that is published there, "
    "and\n"
    "                         call what that lets USER reach: with --key if "
    "it\n"
    "                         is given, else with a password, which is asked "
    "for\n"
    "                         or is the first line of stdin\n"
    "      --token-file FILE  the same with the token in FILE\n" PEER_HELP
    "  --                     what follows is no option\n"
    "\n"
    "An ARG is one of\n"
    "  JSON       if it begins with { [ \" or a digit or a minus and a digit,\n"
    "             or is true, false or null; \"/\" in quotes is a string\n"
    "  @          an object of yours that prints each call that it receives\n"
    "  @URI       a reference to the object that is published there; that it\n"
    "             is there is seen before anything is called\n"
    "  a word     anything else is a string\n"
    "\n"
    "Bytes, times and numbers that JSON has not are written\n"
    "  {\"$bytes\": \"AAEC\"}  {\"$time\": \"2026-01-02T03:04:05.678901Z\"}\n"
    "  {\"$double\": \"nan\"}  {\"$uint\": \"18446744073709551615\"}\n"
    "and a reference is printed {\"$ref\": \"Label#3\"}: its class, and a "
    "number\n"
    "that is its own in this run.\n"
    "\n"
    "Exit status: 0 if all is well, 1 if the peer answered with an error, "
    "which\n"
    "is also what a name that is not published is, 2 if the command line is\n"
    "wrong, 3 if there is no connection or it was lost, 4 if there was no "
    "answer\n"
    "in time.\n";

const struct command call_command = {
    "call",
    run,
    "call a method and print its result",
    help,
};
