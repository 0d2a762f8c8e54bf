/* SPDX-License-Identifier: MIT */
/*
 * Between a channel and its session, where no link is encrypted: what is said
 * there, and that nothing else is heard.
 */
#include "broker/session/session.h"
#include "sim/sim.h"

#include <string.h>

#define MAX_PIECES 64

static const waldoi_channel_user *real;
static struct iovec said[MAX_PIECES]; /* of who was asked last */
static uint8_t *space;                /* of who was asked last */

static sim_end *
end_of(const waldoi_session *session)
{
	return (sim_end *) session->link;
}

/* ---- saying */

static size_t
tap_output(waldoi_session *session, struct iovec *iov, size_t max)
{
	size_t count;

	max = max < MAX_PIECES ? max : MAX_PIECES;
	count = real->output(session, iov, max);
	memcpy(said, iov, count * sizeof(*iov));
	return count;
}

static bool
tap_sent(waldoi_session *session, size_t len)
{
	size_t left = len;

	for (size_t i = 0; left > 0; i++) {
		size_t part = said[i].iov_len < left ? said[i].iov_len : left;

		sim_wire_sent(end_of(session), said[i].iov_base, part);
		left -= part;
	}
	return real->sent(session, len);
}

/* ---- hearing */

/* Who has ended the session looks at nothing that still comes ("The end"): his
 * calls have failed by then, and a GOAWAY tells nothing about them. */
static void
hear(const waldoi_session *session, const uint8_t *data, size_t len)
{
	sim_wire_heard(end_of(session), data, len,
	               session->state == WALDOI_OPEN_SESSION);
}

static uint8_t *
tap_space(waldoi_session *session, size_t *ret_len)
{
	space = real->space(session, ret_len);
	return space;
}

static void
tap_received(waldoi_session *session, size_t len)
{
	hear(session, space, len);
	real->received(session, len);
}

static void
tap_input(waldoi_session *session, uint8_t *data, size_t len)
{
	hear(session, data, len);
	real->input(session, data, len);
}

/* ---- the rest */

static bool
tap_wants_input(const waldoi_session *session)
{
	return real->wants_input(session);
}

static void
tap_lost(waldoi_session *session, waldo_err err, const char *message)
{
	real->lost(session, err, message);
}

static void
tap_opened(waldoi_session *session)
{
	sim_end *end = end_of(session);

	real->opened(session);
	sim_race_won(end);
}

static void
tap_refused(waldoi_session *session, const char *what)
{
	real->refused(session, what);
}

static void
tap_broken(waldoi_session *session, waldo_err err, const char *what)
{
	real->broken(session, err, what);
}

static const waldoi_channel_user tap = {
    .space = tap_space,
    .received = tap_received,
    .input = tap_input,
    .wants_input = tap_wants_input,
    .output = tap_output,
    .sent = tap_sent,
    .lost = tap_lost,
    .opened = tap_opened,
    .refused = tap_refused,
    .broken = tap_broken,
};

void
sim_tap(sim_end *end)
{
	real = end->base.channel.user;
	end->base.channel.user = &tap;
}
