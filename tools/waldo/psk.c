/* SPDX-License-Identifier: MIT */
/* Secrets of clusters: a file with one line, which `waldo key secret` makes. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include "psk.h"
#include "secret.h"

static const char head[] = "waldo-cluster-secret ";
#define HEAD_LEN (sizeof(head) - 1)

bool
option_psk(const char *text, void *target)
{
	struct psks *psks = target;
	char *end = NULL;
	long slot = strtol(text, &end, 10);

	if (end == text || *end != ':' || end[1] == '\0' || slot < 1 ||
	    slot > 255 || psks->count == MAX_PSKS) {
		return false;
	}
	psks->items[psks->count].slot = (unsigned) slot;
	psks->items[psks->count].path = end + 1;
	psks->count++;
	return true;
}

static int
load(const char *path, uint8_t secret[WALDO_KEY_BYTES])
{
	char line[SECRET_MAX];
	int status = secret_load(path, line);

	if (status != STATUS_OK) {
		return status;
	}
	if (strncmp(line, head, HEAD_LEN) != 0 ||
	    !waldo_key_parse(line + HEAD_LEN, secret)) {
		status = complain(STATUS_LOST,
		                  "%s: it is not the secret of a cluster "
		                  "(waldo key secret makes one)",
		                  path);
	}
	secret_wipe(line);
	return status;
}

int
psks_give(const struct psks *psks, waldo_node *node, bool required)
{
	int status = STATUS_OK;

	for (size_t i = 0; i < psks->count && status == STATUS_OK; i++) {
		uint8_t secret[WALDO_KEY_BYTES];
		waldo_err err;

		status = load(psks->items[i].path, secret);
		if (status == STATUS_OK) {
			err = waldo_node_set_psk(node, psks->items[i].slot,
			                         secret, required);
			status = err == WALDO_OK ? STATUS_OK
			                         : complain_err(err, node);
		}
		explicit_bzero(secret, sizeof(secret));
	}
	return status;
}

static bool
write_line(int fd, const char *line, size_t len)
{
	while (len > 0) {
		ssize_t count = write(fd, line, len);

		if (count < 0 && errno != EINTR) {
			return false;
		}
		line += count > 0 ? count : 0;
		len -= count > 0 ? (size_t) count : 0;
	}
	return fsync(fd) == 0;
}

int
psk_make(const char *path)
{
	char line[HEAD_LEN + WALDO_KEY_TEXT];
	uint8_t secret[WALDO_KEY_BYTES];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int status = STATUS_OK;
	bool is_made;

	if (fd < 0) {
		return complain(STATUS_LOST, "%s: %s", path,
		                errno == EEXIST ? "is there already"
		                                : strerror(errno));
	}
	memcpy(line, head, HEAD_LEN);
	is_made = getentropy(secret, sizeof(secret)) == 0;
	if (is_made) {
		waldo_key_format(secret, line + HEAD_LEN);
		line[sizeof(line) - 1] = '\n'; /* for its NUL */
		is_made = write_line(fd, line, sizeof(line));
	}
	if (!is_made) {
		status = complain(STATUS_LOST, "%s: %s", path, strerror(errno));
		unlink(path);
	}
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(line, sizeof(line));
	close(fd);
	return status;
}
