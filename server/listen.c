/* SPDX-License-Identifier: MIT */
#include "broker/address.h"
#include "broker/node.h"
#include "serial/api.h"
#include "server/publish.h"
#include <waldo/server.h>

WALDO_API waldo_err
waldo_listen(waldo_node *node, const char *text, waldo_listener **ret_listener)
{
	char message[200];
	waldoi_address address;
	waldo_listener *listener = NULL;
	waldo_err err;

	if (node == NULL || text == NULL) {
		return WALDO_EINVAL;
	}
	err = waldoi_address_parse(text, &address, message);
	if (err != WALDO_OK) {
		return waldoi_node_fail(node, err, "%s", message);
	}
	if (node->stopping || node->freeing) {
		return waldoi_node_fail(node, WALDO_EINVAL,
		                        "%s: the node is stopping",
		                        address.text);
	}
	err = waldoi_publish_open(node);
	if (err != WALDO_OK) {
		return err;
	}
	err = node->driver->listen(node->driver_data, &address, &listener);
	if (err != WALDO_OK) {
		return err;
	}
	listener->node = node;
	TAILQ_INSERT_TAIL(&node->listeners, listener, entry);
	if (ret_listener != NULL) {
		*ret_listener = listener;
	}
	return WALDO_OK;
}

WALDO_API const char *
waldo_listener_get_uri(const waldo_listener *listener)
{
	return listener == NULL ? "" : listener->uri;
}

WALDO_API void
waldo_listener_close(waldo_listener *listener)
{
	waldoi_listener_close(listener);
}
