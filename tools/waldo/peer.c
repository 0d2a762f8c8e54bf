/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "psk.h"
#include "tool.h"

static waldo_node *volatile stopped_node;
static volatile uint32_t stop_grace_ms;
static volatile sig_atomic_t signalled;

static void
on_signal(int number)
{
	signalled = number;
	if (stopped_node != NULL) {
		waldo_node_stop(stopped_node, stop_grace_ms);
		stop_grace_ms = 0; /* who asks twice is in a hurry */
	}
}

double
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double) ts.tv_sec * 1e3 + (double) ts.tv_nsec / 1e6;
}

/* What is wrong with a URI that we made is told of what the user wrote; if at
 * a character, beside it. */
static int
complain_open(waldo_err err, const struct peer *peer, const char *uri)
{
	const char *message = waldo_node_get_message(peer->node);
	size_t len = strlen(uri);

	if (err == WALDO_EDENIED && strncmp(message, "?psk=", 5) == 0) {
		return complain(STATUS_USAGE, "%s%s", message,
		                strstr(message, "no secret") != NULL
		                    ? " (--psk-file tells it)"
		                    : "");
	}
	if (strcmp(uri, peer->uri) == 0 || strncmp(message, uri, len) != 0) {
		return complain_err(err, peer->node);
	}
	if (err == WALDO_EDENIED) {
		return complain(STATUS_LOST, "%s%s", peer->uri, message + len);
	}
	return complain(STATUS_USAGE, "%s, as %s", peer->uri, message);
}

/* Who calls is known to somebody by that key: one that is made here would be
 * nobody's. */
static int
load_key(const char *path, waldo_key **ret_key)
{
	waldo_err err;

	if (path == NULL) {
		return STATUS_OK;
	}
	if (access(path, F_OK) != 0) {
		return complain(STATUS_LOST, "%s: %s", path, strerror(errno));
	}
	err = waldo_key_load(path, ret_key);
	return err == WALDO_OK ? STATUS_OK : complain_err(err, NULL);
}

/* That a key cannot be remembered is nobody's failure. All else that goes wrong
 * is told by what fails of it. */
static void
log_line(waldo_log_level level, const char *line, void *user)
{
	const struct peer *peer = user;

	if (peer->accepts && level <= WALDO_LOG_WARN) {
		complain(STATUS_OK, "%s", line);
	}
}

static int
make_node(struct peer *peer, const char *known_hosts)
{
	waldo_node_options options = {.size = sizeof(options),
	                              .known_hosts = known_hosts,
	                              .trust = peer_meet,
	                              .trust_user = peer,
	                              .log = log_line,
	                              .log_user = peer};
	waldo_err err;
	int status = load_key(peer->key_file, &options.key);

	if (status != STATUS_OK) {
		return status;
	}
	err = waldo_node_new(&options, &peer->node);
	waldo_key_release(options.key);
	return err == WALDO_OK ? psks_give(&peer->psks, peer->node, false)
	                       : complain_err(err, NULL);
}

/* Where hosts are remembered: a URI with a key does without. */
static int
find_known_hosts(const struct peer *peer, const char *uri, char **ret_path)
{
	bool is_wanted =
	    peer->meets_others || strncmp(uri, "waldo://@", 9) == 0;

	if (peer->known_hosts != NULL ||
	    (!is_wanted && strncmp(uri, "waldo:", 6) != 0)) {
		return STATUS_OK;
	}
	*ret_path = state_path("known_hosts", is_wanted);
	return *ret_path != NULL || !is_wanted ? STATUS_OK : STATUS_LOST;
}

int
peer_open(struct peer *peer, const char *uri)
{
	char *path = NULL;
	waldo_err err;
	int status = find_known_hosts(peer, uri, &path);

	if (status == STATUS_OK) {
		status =
		    make_node(peer, path != NULL ? path : peer->known_hosts);
	}
	free(path);
	if (status != STATUS_OK) {
		return status;
	}
	err = waldo_connect(peer->node, uri, &peer->ref);
	return err == WALDO_OK ? STATUS_OK : complain_open(err, peer, uri);
}

void
peer_close(struct peer *peer)
{
	if (peer->node == stopped_node) {
		stopped_node = NULL;
	}
	waldo_ref_release(peer->ref);
	waldo_node_free(peer->node);
	*peer = (struct peer){0};
}

int
peer_ask(struct peer *peer, const char *method, waldo_promise **ret_promise)
{
	waldo_options options = {
	    .size = sizeof(options),
	    .timeout_ms = peer->timeout_ms,
	};

	peer->asked_ms = now_ms();
	*ret_promise =
	    waldo_request_send(waldo_request_new(peer->ref, method, &options));
	if (waldo_promise_wait(*ret_promise, -1) != WALDO_OK) {
		return complain_failure(waldo_promise_get_failure(*ret_promise),
		                        peer);
	}
	return STATUS_OK;
}

bool
was_signalled(void)
{
	return signalled != 0;
}

void
stop_on_signal(waldo_node *node, uint32_t grace_ms)
{
	struct sigaction action = {.sa_handler = on_signal};

	stopped_node = node;
	stop_grace_ms = grace_ms;
	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, SIGINT);
	sigaddset(&action.sa_mask, SIGTERM);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}
