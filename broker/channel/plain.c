/* SPDX-License-Identifier: MIT */
/* Pattern 0: the preamble, then frames in clear (PROTOCOL.md, "Links"). */
#include "broker/channel/channel.h"

#define VERSION 1
#define MAGIC   3 /* bytes of the preamble that every version has */
#define REFUSAL 4 /* bytes of the answer to a preamble that is not ours */

/* Not const, for it is lent as what is to be sent. */
static uint8_t preamble[WALDOI_PREAMBLE] = {0xc1, 'W', 'D', VERSION};

static uint8_t *
plain_space(waldoi_channel *channel, size_t *ret_len)
{
	return channel->session == NULL
	           ? NULL
	           : channel->user->space(channel->session, ret_len);
}

static void
plain_received(waldoi_channel *channel, size_t len)
{
	if (channel->session != NULL) {
		channel->user->received(channel->session, len);
	}
}

/* Of the first bytes it is told at once whether they are wrong: who sends a line
 * of text must not have to send twelve. */
static bool
is_no_waldo(const waldoi_channel *channel)
{
	return channel->in_differs && channel->in_len <= MAGIC;
}

/* What the responder looks at before it says a word. */
static void
check_preamble(waldoi_channel *channel)
{
	if (!channel->in_differs) {
		channel->user->opened(channel->session);
		return;
	}
	if (!is_no_waldo(channel)) {
		/* Ours, but of another version, or encrypted. */
		channel->out_len = channel->out_left = REFUSAL;
	}
	channel->user->refused(channel->session,
	                       "it began with another preamble");
}

/* Takes the responder's share of `data`; returns how much that is. */
static size_t
take_preamble(waldoi_channel *channel, const uint8_t *data, size_t len)
{
	size_t taken = 0;

	while (taken < len && channel->in_len < sizeof(preamble) &&
	       !is_no_waldo(channel)) {
		channel->in_differs |=
		    data[taken++] != preamble[channel->in_len++];
	}
	if (channel->in_len == sizeof(preamble) || is_no_waldo(channel)) {
		check_preamble(channel);
	}
	return taken;
}

static void
plain_input(waldoi_channel *channel, uint8_t *data, size_t len)
{
	size_t taken = 0;

	if (channel->session == NULL || len == 0) {
		return;
	}
	if (!channel->initiator && channel->in_len < sizeof(preamble)) {
		taken = take_preamble(channel, data, len);
	} else if (channel->initiator && channel->in_len == 0) {
		channel->in_len = 1;
		if (data[0] == preamble[0]) {
			channel->user->refused(channel->session,
			                       "it refuses our version, or "
			                       "links in clear");
			return;
		}
	}
	if (taken < len && !channel->in_differs) {
		channel->user->input(channel->session, data + taken,
		                     len - taken);
	}
}

static bool
plain_wants_input(const waldoi_channel *channel)
{
	return channel->session == NULL ||
	       channel->user->wants_input(channel->session);
}

static void
plain_lost(waldoi_channel *channel, waldo_err err, const char *message)
{
	struct waldoi_session *session = channel->session;

	channel->session = NULL;
	if (session != NULL) {
		channel->user->lost(session, err, message);
	}
}

static size_t
plain_output(waldoi_channel *channel, struct iovec *iov, size_t max)
{
	size_t n = 0;

	if (max == 0 || (channel->session == NULL && channel->initiator)) {
		return 0;
	}
	if (channel->out_left > 0) {
		iov[n].iov_base =
		    preamble + channel->out_len - channel->out_left;
		iov[n].iov_len = channel->out_left;
		n++;
	}
	if (channel->session == NULL) {
		return n; /* it was refused */
	}
	if (!channel->initiator && channel->in_len < sizeof(preamble)) {
		return n; /* whoever is there has not said what it speaks */
	}
	return n + channel->user->output(channel->session, iov + n, max - n);
}

static bool
plain_sent(waldoi_channel *channel, size_t len)
{
	size_t ours = len < channel->out_left ? len : channel->out_left;

	channel->out_left = (uint8_t) (channel->out_left - ours);
	return channel->session == NULL || len == ours ||
	       channel->user->sent(channel->session, len - ours);
}

static const waldoi_channel_ops plain_ops = {
    .space = plain_space,
    .received = plain_received,
    .input = plain_input,
    .wants_input = plain_wants_input,
    .lost = plain_lost,
    .output = plain_output,
    .sent = plain_sent,
};

void
waldoi_channel_init(waldoi_channel *channel, const waldoi_channel_user *user,
                    struct waldoi_session *session, bool initiator)
{
	*channel = (waldoi_channel){
	    .ops = &plain_ops,
	    .user = user,
	    .session = session,
	    .initiator = initiator,
	};
	if (initiator) {
		channel->out_left = sizeof(preamble);
		channel->out_len = sizeof(preamble);
	}
}
