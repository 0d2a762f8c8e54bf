/* SPDX-License-Identifier: MIT */
/* What is the pattern's affair goes there. */
#include "broker/channel/channel.h"

uint8_t *
waldoi_channel_space(waldoi_channel *channel, size_t *ret_len)
{
	return channel->ops->space(channel, ret_len);
}

void
waldoi_channel_received(waldoi_channel *channel, size_t len)
{
	channel->ops->received(channel, len);
}

void
waldoi_channel_input(waldoi_channel *channel, uint8_t *data, size_t len)
{
	channel->ops->input(channel, data, len);
}

bool
waldoi_channel_wants_input(const waldoi_channel *channel)
{
	return channel->ops->wants_input(channel);
}

void
waldoi_channel_lost(waldoi_channel *channel, waldo_err err, const char *message)
{
	channel->ops->lost(channel, err, message);
}

size_t
waldoi_channel_output(waldoi_channel *channel, struct iovec *iov, size_t max)
{
	return channel->ops->output(channel, iov, max);
}

bool
waldoi_channel_sent(waldoi_channel *channel, size_t len)
{
	return channel->ops->sent(channel, len);
}
