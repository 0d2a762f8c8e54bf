/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "arg.h"
#include "json.h"
#include "tool.h"

static bool
is_json(const char *text)
{
	const char *digit = text[0] == '-' ? text + 1 : text;

	return (text[0] != '\0' && strchr("{[\"", text[0]) != NULL) ||
	       isdigit((unsigned char) digit[0]) || strcmp(text, "null") == 0 ||
	       strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
}

int
arg_read(struct arg *arg, const char *text, size_t number)
{
	char *why = NULL;

	*arg = (struct arg){0};
	if (text[0] == '@') {
		arg->uri = text + 1;
		return STATUS_OK;
	}
	if (is_json(text)) {
		arg->value = json_read(text, &why);
	} else {
		arg->value = json_string(text);
	}
	if (arg->value != NULL) {
		return STATUS_OK;
	}
	if (is_json(text)) {
		complain(STATUS_USAGE, "argument %zu: '%s' %s", number, text,
		         why != NULL ? why : "is too much: out of memory");
	} else {
		complain(STATUS_USAGE, "argument %zu: '%s' is not UTF-8",
		         number, text);
	}
	free(why);
	return STATUS_USAGE;
}

int
arg_resolve(struct arg *arg, waldo_node *node, waldo_ref *printer,
            size_t number)
{
	if (arg->value != NULL || arg->ref != NULL) {
		return STATUS_OK;
	}
	if (arg->uri[0] == '\0') {
		arg->ref = waldo_ref_retain(printer);
		return STATUS_OK;
	}
	if (waldo_connect(node, arg->uri, &arg->ref) != WALDO_OK) {
		return complain(STATUS_USAGE, "argument %zu: %s", number,
		                waldo_node_get_message(node));
	}
	return STATUS_OK;
}

static void
set_flag(void *user)
{
	*(bool *) user = true;
}

int
arg_await(const struct arg *arg, const struct peer *peer)
{
	waldo_node *node = peer->node;
	uint32_t timeout_ms = peer->timeout_ms;
	struct peer other;
	waldo_watch *timer = NULL;
	bool is_late = false;
	waldo_err err = WALDO_OK;

	if (timeout_ms > 0) {
		err = waldo_node_after(node, timeout_ms, set_flag, &is_late,
		                       &timer);
	}
	while (err == WALDO_OK && !is_late &&
	       waldo_ref_get_state(arg->ref) == WALDO_PENDING) {
		err = waldo_node_step(node, -1);
	}
	waldo_watch_stop(timer);
	if (err != WALDO_OK) {
		return complain_err(err, node);
	}
	switch (waldo_ref_get_state(arg->ref)) {
	case WALDO_PENDING:
		return complain(STATUS_DEADLINE, "%s: no answer within %u ms",
		                arg->uri, timeout_ms);
	case WALDO_BROKEN:
		other = *peer;
		other.uri = arg->uri;
		return complain_failure(waldo_ref_get_failure(arg->ref),
		                        &other);
	default: return STATUS_OK;
	}
}

void
arg_put(waldo_writer *writer, const struct arg *arg)
{
	if (arg->value != NULL) {
		json_put(writer, arg->value);
	} else {
		waldo_put_ref(writer, arg->ref);
	}
}

void
arg_clear(struct arg *arg)
{
	json_decref(arg->value);
	waldo_ref_release(arg->ref);
	*arg = (struct arg){0};
}
