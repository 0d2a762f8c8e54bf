/* SPDX-License-Identifier: MIT */
#include "broker/channel/secure.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* ---- copies of a process */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool watched;
static atomic_uint copies; /* that lie between the first process and us */

static void
note_copy(void)
{
	copies++;
}

/* False without memory. */
static bool
watch_copies(void)
{
	bool ok;

	(void) pthread_mutex_lock(&lock);
	if (!watched) {
		watched = pthread_atfork(NULL, NULL, note_copy) == 0;
	}
	ok = watched;
	(void) pthread_mutex_unlock(&lock);
	return ok;
}

bool
waldoi_sealer_is_copied(const waldoi_sealer *sealer)
{
	return sealer->copies != copies;
}

/* ---- */

waldoi_sealer *
waldoi_sealer_new(void)
{
	waldoi_sealer *sealer = watch_copies() ? malloc(sizeof(*sealer)) : NULL;

	if (sealer != NULL) {
		sealer->user = NULL;
		sealer->copies = copies;
	}
	return sealer;
}

void
waldoi_sealer_free(waldoi_sealer *sealer)
{
	free(sealer);
}

void
waldoi_sealer_clear(waldoi_sealer *sealer)
{
	waldoi_secure *user = sealer->user;

	if (user != NULL) {
		sealer->user = NULL;
		user->stalled = true;
		user->no_room =
		    !waldoi_secure_keep(user, sealer->record + sealer->sent,
		                        sealer->len - sealer->sent);
	}
}

/* ---- what a link has to send */

static void
free_kept(waldoi_secure *secure)
{
	free(secure->kept);
	secure->kept = NULL;
}

size_t
waldoi_secure_left(const waldoi_secure *secure)
{
	return secure->kept == NULL ? 0
	                            : secure->kept->len - secure->kept->sent;
}

bool
waldoi_secure_keep(waldoi_secure *secure, const uint8_t *data, size_t len)
{
	size_t left = waldoi_secure_left(secure);
	waldoi_kept_bytes *kept = malloc(sizeof(*kept) + left + len);

	if (kept == NULL) {
		return false;
	}
	if (left > 0) {
		memcpy(kept->data, secure->kept->data + secure->kept->sent,
		       left);
	}
	memcpy(kept->data + left, data, len);
	kept->len = (uint32_t) (left + len);
	kept->sent = 0;
	free_kept(secure);
	secure->kept = kept;
	return true;
}

void
waldoi_secure_drop(waldoi_secure *secure)
{
	free_kept(secure);
	if (secure->sealer->user == secure) {
		secure->sealer->user = NULL;
	}
}

bool
waldoi_secure_owes(const waldoi_secure *secure)
{
	return secure->kept != NULL || secure->sealer->user == secure;
}

size_t
waldoi_secure_pieces(const waldoi_secure *secure, struct iovec *iov, size_t max)
{
	waldoi_sealer *sealer = secure->sealer;
	size_t n = 0;

	if (secure->kept != NULL && n < max) {
		iov[n].iov_base = secure->kept->data + secure->kept->sent;
		iov[n].iov_len = waldoi_secure_left(secure);
		n++;
	}
	if (sealer->user == secure && n < max) {
		iov[n].iov_base = sealer->record + sealer->sent;
		iov[n].iov_len = sealer->len - sealer->sent;
		n++;
	}
	return n;
}

void
waldoi_secure_took(waldoi_secure *secure, size_t len)
{
	waldoi_sealer *sealer = secure->sealer;
	size_t kept = waldoi_secure_left(secure);

	if (len < kept) {
		secure->kept->sent += (uint32_t) len;
		return;
	}
	free_kept(secure);
	if (sealer->user == secure) {
		sealer->sent += len - kept;
		if (sealer->sent == sealer->len) {
			sealer->user = NULL;
		}
	}
}
