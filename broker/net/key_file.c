/* SPDX-License-Identifier: MIT */
/*
 * A key file is one line: the secret half in the letters of a public key, with
 * a word before it, so that neither is taken for the other.
 */
#include "broker/key.h"
#include "broker/node.h"
#include "serial/api.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORD     "waldo-secret-key "
#define WORD_LEN (sizeof(WORD) - 1)
#define LINE_LEN (WORD_LEN + WALDO_KEY_TEXT - 1 + 1)

static waldo_err
fail(waldo_err err, const char *path, const char *why)
{
	return waldoi_node_fail(NULL, err, "%s: %s", path, why);
}

static waldo_err
fail_errno(const char *path)
{
	return fail(errno == ENOMEM ? WALDO_ENOMEM : WALDO_ESYSTEM, path,
	            strerror(errno));
}

/* ---- reading */

/* A pipe is refused, not waited for. */
static int
open_file(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

static waldo_err
check_mode(int fd, const char *path)
{
	struct stat file;

	if (fstat(fd, &file) != 0) {
		return fail_errno(path);
	}
	if (!S_ISREG(file.st_mode)) {
		return fail(WALDO_EINVAL, path, "it is not a regular file");
	}
	if ((file.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		return waldoi_node_fail(NULL, WALDO_EDENIED,
		                        "%s: its mode is %03o; a secret key is "
		                        "for its owner alone (chmod 600)",
		                        path, (unsigned) (file.st_mode & 0777));
	}
	if (file.st_uid != geteuid()) {
		return fail(WALDO_EDENIED, path, "it belongs to another user");
	}
	return WALDO_OK;
}

/* Up to `len` bytes; -1 and errno. */
static ssize_t
read_all(int fd, char *to, size_t len)
{
	size_t at = 0;

	while (at < len) {
		ssize_t n = read(fd, to + at, len - at);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return n < 0 ? -1 : (ssize_t) at;
		}
		at += (size_t) n;
	}
	return (ssize_t) at;
}

static waldo_err
read_key(int fd, const char *path, waldo_key **ret_key)
{
	char line[LINE_LEN + 2];
	uint8_t secret[WALDO_KEY_BYTES];
	ssize_t len = read_all(fd, line, sizeof(line) - 1);
	waldo_err err = WALDO_OK;

	if (len < 0) {
		return fail_errno(path);
	}
	line[len] = '\0';
	if ((size_t) len == LINE_LEN && line[len - 1] == '\n') {
		line[len - 1] = '\0';
	}
	if (strncmp(line, WORD, WORD_LEN) != 0 ||
	    !waldo_key_parse(line + WORD_LEN, secret)) {
		err = fail(WALDO_EINVAL, path, "it is not a secret key");
	} else if ((*ret_key = waldoi_key_of(secret)) == NULL) {
		err = fail(WALDO_ENOMEM, path, "out of memory");
	}
	sodium_memzero(line, sizeof(line));
	sodium_memzero(secret, sizeof(secret));
	return err;
}

/* ---- making */

static bool
write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return false;
		}
		data += n;
		len -= (size_t) n;
	}
	return true;
}

/* A fresh key in the file that `fd` is. */
static bool
write_key(int fd)
{
	char line[LINE_LEN + 1];
	uint8_t secret[WALDO_KEY_BYTES];
	bool done;

	randombytes_buf(secret, sizeof(secret));
	memcpy(line, WORD, WORD_LEN);
	waldo_key_format(secret, line + WORD_LEN);
	line[LINE_LEN - 1] = '\n';
	done = write_all(fd, line, LINE_LEN) && fsync(fd) == 0;
	sodium_memzero(line, sizeof(line));
	sodium_memzero(secret, sizeof(secret));
	return done;
}

/* That a file was made is on the disk when its folder is. */
static bool
sync_folder(const char *path)
{
	char copy[PATH_MAX];
	bool synced;
	int fd;

	memcpy(copy, path, strlen(path) + 1);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		return false;
	}
	synced = fsync(fd) == 0;
	close(fd);
	return synced;
}

/* It appears whole or not at all, and never in the place of another: two
 * processes that begin at a time end up with one key. */
static waldo_err
make_file(const char *path)
{
	char part[PATH_MAX];
	int len = snprintf(part, sizeof(part), "%s.XXXXXX", path);
	waldo_err err = WALDO_OK;
	int fd;

	if (len < 0 || (size_t) len >= sizeof(part)) {
		return fail(WALDO_ESYSTEM, path, strerror(ENAMETOOLONG));
	}
	fd = mkostemp(part, O_CLOEXEC); /* 0600 */
	if (fd < 0) {
		return fail_errno(path);
	}
	if (!write_key(fd) || (link(part, path) != 0 && errno != EEXIST) ||
	    !sync_folder(part)) {
		err = fail_errno(path);
	}
	unlink(part);
	close(fd);
	return err;
}

WALDO_API waldo_err
waldo_key_load(const char *path, waldo_key **ret_key)
{
	waldo_err err;
	int fd;

	if (path == NULL || ret_key == NULL) {
		return WALDO_EINVAL;
	}
	if (sodium_init() < 0) {
		return fail(WALDO_ESYSTEM, path, "libsodium does not start");
	}
	fd = open_file(path);
	if (fd < 0 && errno == ENOENT) {
		err = make_file(path);
		if (err != WALDO_OK) {
			return err;
		}
		fd = open_file(path);
	}
	if (fd < 0) {
		return fail_errno(path);
	}
	err = check_mode(fd, path);
	if (err == WALDO_OK) {
		err = read_key(fd, path, ret_key);
	}
	close(fd);
	return err;
}
