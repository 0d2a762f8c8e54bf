/* SPDX-License-Identifier: MIT */
/* game_client URI NAME PASSWORD: a frame loop; login, first look and
 * subscription in one flight. */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <waldo.h>

/* ---- a window without a screen: it is open for two seconds, in which
 * somebody walks north now and then, and draws what has changed */

static bool
window_poll(int *ret_key)
{
	static int frame;

	*ret_key = ++frame % 30 == 0 ? 'n' : 0;
	return frame <= 120;
}

static void
window_draw(int x, int y, const char *status)
{
	static char drawn[80];
	char text[80];

	snprintf(text, sizeof(text), "%s at %d,%d", status, x, y);
	if (strcmp(text, drawn) != 0) {
		puts(strcpy(drawn, text));
	}
	nanosleep(&(struct timespec){.tv_nsec = 16000000}, NULL);
}

/* ---- the game */

struct game {
	waldo_node *node;
	waldo_ref *gate, *player, *eyes;
	waldo_promise *step; /* the last step, while it is under way */
	int x, y;
	const char *status;
};

static void
on_login(waldo_reader *result, const waldo_failure *failure, void *user)
{
	struct game *game = user;

	(void) result;
	if (failure == NULL) {
		game->status = "in";
	} else if (failure->code == WALDO_EDENIED) {
		game->status = "wrong password";
	} else {
		fprintf(stderr, "%s: %s\n", failure->type, failure->message);
		game->status = "not in";
	}
}

static void
read_place(struct game *game, waldo_reader *r)
{
	int x = (int) waldo_read_int(r, INT_MIN, INT_MAX);
	int y = (int) waldo_read_int(r, INT_MIN, INT_MAX);

	if (waldo_read_error(r) == WALDO_OK) {
		game->x = x;
		game->y = y;
	}
}

static void
on_place(waldo_reader *result, const waldo_failure *failure, void *user)
{
	(void) failure; /* then `result` reads as failed: nothing moves */
	if (waldo_read_list(result) == 2) {
		read_place(user, result);
	}
}

static void
eyes_moved(void *self, waldo_call *call)
{
	read_place(self, waldo_call_get_args(call));
	if (waldo_call_check(call)) {
		waldo_call_reply(call, "");
	}
}

static const waldo_method eyes_methods[] = {
    {"moved", eyes_moved, "(x: i32, y: i32)", 0},
    {0},
};

static const waldo_class eyes_class = {
    WALDO_CLASS_SIZES, "Eyes", eyes_methods, NULL, NULL,
};

static void
on_walked(waldo_reader *result, const waldo_failure *failure, void *user)
{
	struct game *game = user;

	waldo_promise_release(game->step);
	game->step = NULL;
	on_place(result, failure, user);
}

static void
walk(struct game *game, const char *where)
{
	if (game->step != NULL) {
		waldo_promise_cancel(game->step);
		waldo_promise_forget(game->step);
		waldo_promise_release(game->step);
	}
	game->step = waldo_ref_invoke(game->player, "walk", "s", where);
	if (waldo_promise_when(waldo_promise_retain(game->step), on_walked,
	                       game) != WALDO_OK) {
		game->status = "out of memory";
	}
}

static waldo_err
enter(struct game *game, const char *uri, const char *name, const char *pass)
{
	waldo_promise *login;
	waldo_err err;

	if ((err = waldo_connect(game->node, uri, &game->gate)) != WALDO_OK ||
	    (err = waldo_object_new(game->node, &eyes_class, game,
	                            &game->eyes)) != WALDO_OK) {
		return err;
	}

	login = waldo_ref_invoke(game->gate, "login", "ss", name, pass);
	game->player = waldo_ref_retain(waldo_promise_get_ref(login));
	err = waldo_promise_when(login, on_login, game);
	if (err == WALDO_OK) {
		err = waldo_promise_when(
		    waldo_ref_invoke(game->player, "look", ""), on_place, game);
	}
	if (err == WALDO_OK) {
		err = waldo_ref_notify(game->player, "watch", "r", game->eyes);
	}
	return err;
}

int
main(int argc, char **argv)
{
	struct game game = {.status = "connecting"};
	int status = EXIT_SUCCESS;
	int key = 0;

	if (argc != 4) {
		fprintf(stderr, "usage: game_client URI NAME PASSWORD\n");
		return EXIT_FAILURE;
	}
	if (waldo_node_new(NULL, &game.node) != WALDO_OK ||
	    enter(&game, argv[1], argv[2], argv[3]) != WALDO_OK) {
		fprintf(stderr, "game: %s\n",
		        waldo_node_get_message(game.node));
		status = EXIT_FAILURE;
		goto out;
	}

	while (status == EXIT_SUCCESS && window_poll(&key)) {
		if (key == 'n') {
			walk(&game, "north");
		}
		if (waldo_node_step(game.node, 0) != WALDO_OK) {
			status = EXIT_FAILURE;
		}
		window_draw(game.x, game.y, game.status);
	}
out:

	waldo_promise_forget(game.step);
	waldo_promise_release(game.step);
	waldo_object_revoke(game.eyes);
	waldo_ref_release(game.eyes);
	waldo_ref_release(game.player);
	waldo_ref_release(game.gate);
	waldo_node_free(game.node);
	return status;
}
