/* SPDX-License-Identifier: MIT */
/*
 * broker/session/descs.h - the references of a message, as the wire has them
 *
 * Outgoing in two steps (PROTOCOL.md P3): prepare finds or makes the exports
 * and can fail; commit counts them, once the frame is queued, and cannot.
 * Incoming in one: each mention counts as soon as it is read, whatever
 * becomes of the message.
 */
#ifndef WALDOI_DESCS_H
#define WALDOI_DESCS_H

#include "broker/pending.h"
#include "broker/session/session.h"
#include "serial/cursor.h"

#define WALDOI_MAX_REFS 256  /* limits.refs_per_message is at most that */
#define WALDOI_NO_DESCS 0x90 /* how an empty list is packed */

typedef struct waldoi_desc {
	int code; /* WALDOI_DESC_ */
	union {
		waldoi_export *export;        /* MINE, PROMISE */
		int64_t id;                   /* YOURS */
		const waldoi_pending *answer; /* ANSWER */
		const waldoi_failure *broken; /* BROKEN */
	} of;
} waldoi_desc;

typedef struct waldoi_descs {
	waldoi_session *session;
	uint32_t count;
	waldoi_desc descs[WALDOI_MAX_REFS];
} waldoi_descs;

/* NULL, or the failure, and nothing has changed. */
waldoi_failure *waldoi_descs_prepare(waldoi_descs *descs,
                                     waldoi_session *session, waldo_ref **refs,
                                     uint32_t count);
/* The most bytes that pack writes. */
size_t waldoi_descs_room(const waldoi_descs *descs);
uint8_t *waldoi_descs_pack(const waldoi_descs *descs, uint8_t *p);
/* One alone. */
uint8_t *waldoi_desc_pack(const waldoi_desc *desc, uint8_t *p);
void waldoi_descs_commit(waldoi_descs *descs);
void waldoi_descs_roll_back(waldoi_descs *descs);

/* A call id, with the path inside its result if there is one. */
uint8_t *waldoi_pack_answer(uint8_t *p, int64_t id, const waldoi_path *path);

/* At most `max` bytes of a text for people, cut between two characters; what is
 * not UTF-8 becomes question marks, since the user may have said anything. */
uint8_t *waldoi_pack_text(uint8_t *p, const char *text, size_t max);

/* An error as a payload, cut so that it fits `max_frame`; malloc'ed. */
uint8_t *waldoi_error_pack(const waldoi_failure *failure, size_t max_frame,
                           size_t *ret_len);

/* Reads an error; NULL, and the cursor has failed, if it is none. */
waldoi_failure *waldoi_error_read(waldoi_cursor *c, size_t most_message);

/* Reads the path behind a call id: `count` steps. Keys are borrowed. Fails the
 * cursor. */
void waldoi_cursor_path(waldoi_cursor *c, uint32_t count,
                        waldoi_path *ret_path);

/* The code of the reference at `index` of a list that was read before. */
int waldoi_descs_code(waldoi_cursor list, uint32_t index);

/* One alone, retained. NULL: the session has ended. */
waldo_ref *waldoi_desc_read(waldoi_session *session, waldoi_cursor *c);

/* Reads a list of references into `message`, which is empty. False: the
 * session has been aborted or is out of memory, and has ended. */
bool waldoi_descs_read_some(waldoi_session *session, waldoi_cursor *c,
                            waldoi_message *message);

/* The same; most lists are empty. */
static inline bool
waldoi_descs_read(waldoi_session *session, waldoi_cursor *c,
                  waldoi_message *message)
{
	if (waldoi_cursor_peek(c) == WALDOI_NO_DESCS) {
		c->p++;
		return true;
	}
	return waldoi_descs_read_some(session, c, message);
}

#endif
