/* SPDX-License-Identifier: MIT */
#include "broker/address.h"
#include "broker/call.h"
#include "serial/api.h"
#include "server/publish.h"
#include <waldo/server.h>

#include <stdlib.h>
#include <string.h>

#define SWISSNUM 43 /* characters: 32 bytes in base64url */

/* The bootstrap object of a node: what was published, by name. */
typedef struct published {
	TAILQ_ENTRY(published) entry;
	waldo_ref *object;
	char name[];
} published;

typedef struct directory {
	TAILQ_HEAD(, published) names;
	waldo_ref *finder;
} directory;

static published *
find(const directory *names, const char *name)
{
	published *p;

	TAILQ_FOREACH(p, &names->names, entry) {
		if (strcmp(p->name, name) == 0) {
			return p;
		}
	}
	return NULL;
}

/* What is as long as the secret of a grant may be one, or may have been one, or
 * be one but for a letter: it is not repeated to whoever reads of errors. */
static void
fail_unknown(waldo_call *call, const char *name)
{
	waldoi_failure *failure =
	    strlen(name) == SWISSNUM
	        ? waldoi_failure_new(WALDO_ENAME, WALDO_EXECUTED,
	                             "no such grant: it is wrong, was revoked, "
	                             "has expired or is another key's")
	        : waldoi_failure_new(WALDO_ENAME, WALDO_EXECUTED,
	                             "nothing is published as '%s'", name);

	waldoi_call_fail(call, failure);
}

/* ---- asking the finder */

struct question {
	waldo_call *call;
	waldo_promise *promise; /* retained */
	char name[];
};

static void
give_up(waldo_call *call, void *user)
{
	struct question *question = user;

	(void) call;
	waldo_promise_cancel(question->promise);
}

/* What the finder does not find is answered like any other name that is not
 * there, to the byte. */
static void
found(waldo_reader *result, const waldo_failure *failure, void *user)
{
	struct question *question = user;
	waldo_call *call = question->call;

	if (failure != NULL) {
		waldo_call_fail_with(call, failure);
	} else if (waldo_read_type(result) == WALDO_TYPE_NIL) {
		fail_unknown(call, question->name);
	} else {
		waldo_put_rest(waldo_call_get_result(call), result);
		waldo_call_reply(call, "");
	}
	waldo_promise_release(question->promise);
	free(question);
}

static waldo_promise *
ask(waldo_ref *finder, const waldo_call *call, const char *name)
{
	const void *key = waldo_call_get_peer(call)->key;
	size_t len = WALDO_KEY_BYTES;

	return key == NULL
	           ? waldo_ref_invoke(finder, "find", "sn", name)
	           : waldo_ref_invoke(finder, "find", "sy", name, key, len);
}

static void
ask_finder(waldo_ref *finder, waldo_call *call, const char *name)
{
	size_t len = strlen(name);
	struct question *question = malloc(sizeof(*question) + len + 1);

	if (question == NULL) {
		waldo_call_fail_err(call, WALDO_ENOMEM);
		return;
	}
	memcpy(question->name, name, len + 1);
	question->call = call;
	question->promise = ask(finder, call, name);
	if (waldo_promise_when(waldo_promise_retain(question->promise), found,
	                       question) != WALDO_OK) {
		waldo_promise_release(question->promise);
		free(question);
		waldo_call_fail_err(call, WALDO_ENOMEM);
		return;
	}
	(void) waldo_call_defer(call, give_up, question);
}

/* ---- methods */

static void
fetch(void *self, waldo_call *call)
{
	directory *names = self;
	const char *name = waldo_read_str(waldo_call_get_args(call), NULL);
	published *p;

	if (!waldo_call_check(call)) {
		return;
	}
	p = find(names, name);
	if (p != NULL) {
		waldo_call_reply(call, "r", p->object);
	} else if (waldo_ref_get_state(names->finder) != WALDO_BROKEN) {
		ask_finder(names->finder, call, name);
	} else {
		fail_unknown(call, name);
	}
}

static void
list_names(void *self, waldo_call *call)
{
	const directory *names = self;
	waldo_writer *w = waldo_call_get_result(call);
	const published *p;
	size_t count = 0;

	if (!waldo_call_check(call)) {
		return;
	}
	TAILQ_FOREACH(p, &names->names, entry) {
		count++;
	}
	waldo_put_list(w, count);
	TAILQ_FOREACH(p, &names->names, entry) {
		waldo_put_str(w, p->name);
	}
	waldo_call_reply(call, "");
}

static void
take_back(directory *names, published *p)
{
	waldo_ref *object = p->object;

	TAILQ_REMOVE(&names->names, p, entry);
	free(p);
	waldo_ref_release(object);
}

static void
directory_destroy(void *self)
{
	directory *names = self;
	published *p;

	while ((p = TAILQ_FIRST(&names->names)) != NULL) {
		take_back(names, p);
	}
	waldo_ref_release(names->finder);
	free(names);
}

static const waldo_method directory_methods[] = {
    {"fetch", fetch, "(name: string) -> ref", WALDO_READONLY},
    {"names", list_names, "() -> list<string>", WALDO_READONLY},
    {0},
};

static const waldo_class directory_class = {
    WALDO_CLASS_SIZES, "Bootstrap", directory_methods, directory_destroy, NULL,
};

/* The node's directory, made when it is first needed. */
static waldo_err
get_directory(waldo_node *node, directory **ret_directory)
{
	directory *names;
	waldo_ref *ref;
	waldo_err err;

	*ret_directory = waldo_ref_get_self(node->bootstrap, &directory_class);
	if (*ret_directory != NULL) {
		return WALDO_OK;
	}
	names = calloc(1, sizeof(*names));
	if (names == NULL) {
		return waldoi_node_fail(node, WALDO_ENOMEM, "out of memory");
	}
	TAILQ_INIT(&names->names);
	err = waldo_object_new(node, &directory_class, names, &ref);
	if (err != WALDO_OK) {
		free(names);
		return err;
	}
	waldoi_node_set_bootstrap(node, ref);
	*ret_directory = names;
	return WALDO_OK;
}

waldo_err
waldoi_publish_open(waldo_node *node)
{
	directory *names;

	return get_directory(node, &names);
}

WALDO_API waldo_err
waldo_publish(waldo_node *node, const char *name, waldo_ref *object)
{
	directory *names;
	published *p;
	size_t len;
	waldo_err err;

	if (node == NULL || object == NULL) {
		return WALDO_EINVAL;
	}
	if (name == NULL || !waldoi_name_is_valid(name)) {
		return waldoi_node_fail(node, WALDO_EINVAL,
		                        "'%.130s' cannot be published: a name "
		                        "has 1 to %d letters, digits and "
		                        "-._~!$&'()*+,;=:@",
		                        name == NULL ? "" : name,
		                        WALDOI_MAX_NAME);
	}
	if (object->node != NULL && object->node != node) {
		return waldoi_node_fail(node, WALDO_EINVAL,
		                        "'%s': the object belongs to another "
		                        "node",
		                        name);
	}
	err = get_directory(node, &names);
	if (err != WALDO_OK) {
		return err;
	}
	if (find(names, name) != NULL) {
		return waldoi_node_fail(node, WALDO_EINVAL,
		                        "'%s' is published already", name);
	}
	len = strlen(name);
	p = malloc(sizeof(*p) + len + 1);
	if (p == NULL) {
		return waldoi_node_fail(node, WALDO_ENOMEM, "out of memory");
	}
	p->object = waldo_ref_retain(object);
	memcpy(p->name, name, len + 1);
	TAILQ_INSERT_TAIL(&names->names, p, entry);
	return WALDO_OK;
}

WALDO_API void
waldo_unpublish(waldo_node *node, const char *name)
{
	directory *names;
	published *p;

	if (node == NULL || name == NULL) {
		return;
	}
	names = waldo_ref_get_self(node->bootstrap, &directory_class);
	p = names == NULL ? NULL : find(names, name);
	if (p != NULL) {
		take_back(names, p);
	}
}

WALDO_API waldo_err
waldo_set_finder(waldo_node *node, waldo_ref *finder)
{
	directory *names;
	waldo_ref *old;
	waldo_err err;

	if (node == NULL || (finder != NULL && finder->node != node)) {
		return WALDO_EINVAL;
	}
	err = get_directory(node, &names);
	if (err != WALDO_OK) {
		return err;
	}
	old = names->finder;
	names->finder = waldo_ref_retain(finder);
	waldo_ref_release(old);
	return WALDO_OK;
}
