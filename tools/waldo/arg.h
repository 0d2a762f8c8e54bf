/* SPDX-License-Identifier: MIT */
/* arg.h - one ARG of waldo call: JSON, a bare word, or a reference */
#ifndef ARG_H
#define ARG_H

#include <jansson.h>
#include <waldo.h>

struct peer;

struct arg {
	json_t *value;   /* NULL if it is a reference */
	const char *uri; /* behind the "@"; empty: the object that prints */
	waldo_ref *ref;  /* once it is resolved */
};

/* A status, after a complaint about "argument NUMBER" unless STATUS_OK. */
int arg_read(struct arg *arg, const char *text, size_t number);
int arg_resolve(struct arg *arg, waldo_node *node, waldo_ref *printer,
                size_t number);

/* Runs the node of `peer` until a reference is known to lead to an object, for
 * its timeout at most if it has one. The same; what is complained about is
 * what broke the reference. */
int arg_await(const struct arg *arg, const struct peer *peer);

void arg_put(waldo_writer *writer, const struct arg *arg);
void arg_clear(struct arg *arg);

#endif
