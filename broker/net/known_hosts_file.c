/* SPDX-License-Identifier: MIT */
#include "broker/known_hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_FILE ((size_t) 1024 * 1024)

/* A pipe is refused, not waited for. */
#define OPEN_FLAGS (O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

static waldo_err
fail(waldo_err err, const char *path, const char *why, char message[200])
{
	(void) snprintf(message, 200, "%.120s: %s", path, why);
	return err;
}

/* Who could change it could have us speak to somebody else. */
static waldo_err
check_file(int fd, const char *path, size_t *ret_len, char message[200])
{
	struct stat file;

	if (fstat(fd, &file) != 0) {
		return fail(WALDO_ESYSTEM, path, strerror(errno), message);
	}
	if (!S_ISREG(file.st_mode)) {
		return fail(WALDO_EINVAL, path, "it is not a regular file",
		            message);
	}
	if ((file.st_mode & (S_IWGRP | S_IWOTH)) != 0 ||
	    (file.st_uid != geteuid() && file.st_uid != 0)) {
		return fail(WALDO_EDENIED, path,
		            "others than its user may write it", message);
	}
	if (file.st_size < 0 || (size_t) file.st_size > MAX_FILE) {
		return fail(WALDO_ELIMIT, path, "it is longer than 1 MiB",
		            message);
	}
	*ret_len = (size_t) file.st_size;
	return WALDO_OK;
}

static waldo_err
read_text(int fd, const char *path, char **ret_text, size_t *ret_len,
          char message[200])
{
	size_t len = 0, at = 0;
	waldo_err err = check_file(fd, path, &len, message);
	char *text;

	if (err != WALDO_OK) {
		return err;
	}
	text = malloc(len + 1);
	if (text == NULL) {
		return fail(WALDO_ENOMEM, path, "out of memory", message);
	}
	while (at < len) {
		ssize_t n = read(fd, text + at, len - at);

		if (n < 0 && errno != EINTR) {
			free(text);
			return fail(WALDO_ESYSTEM, path, strerror(errno),
			            message);
		}
		if (n == 0) {
			break;
		}
		at += n > 0 ? (size_t) n : 0;
	}
	text[at] = '\0';
	*ret_text = text;
	*ret_len = at;
	return WALDO_OK;
}

waldo_err
waldoi_known_read(const char *path, char **ret_text, size_t *ret_len,
                  char message[200])
{
	int fd = open(path, O_RDONLY | OPEN_FLAGS);
	waldo_err err;

	if (fd < 0 && errno == ENOENT) {
		*ret_len = 0;
		*ret_text = calloc(1, 1);
		return *ret_text != NULL
		           ? WALDO_OK
		           : fail(WALDO_ENOMEM, path, "out of memory", message);
	}
	if (fd < 0) {
		return fail(WALDO_ESYSTEM, path, strerror(errno), message);
	}
	err = read_text(fd, path, ret_text, ret_len, message);
	close(fd);
	return err;
}

/* The last one may have been written in part, or by hand: what is put behind it
 * would be lost with it. */
static bool
ends_a_line(int fd, size_t len)
{
	char last = '\n';

	return len == 0 ||
	       (pread(fd, &last, 1, (off_t) len - 1) == 1 && last == '\n');
}

static waldo_err
append(int fd, const char *path, const char *line, char message[200])
{
	size_t len = 0;
	waldo_err err = check_file(fd, path, &len, message);
	bool apart = err == WALDO_OK && !ends_a_line(fd, len);
	size_t more = strlen(line) + apart;
	struct iovec pieces[] = {{(void *) (uintptr_t) "\n", apart},
	                         {(void *) (uintptr_t) line, strlen(line)}};
	ssize_t n;

	if (err != WALDO_OK) {
		return err;
	}
	if (len + more > MAX_FILE) {
		return fail(WALDO_ELIMIT, path, "it would exceed 1 MiB",
		            message);
	}
	do {
		n = writev(fd, pieces, 2);
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t) more
	           ? WALDO_OK
	           : fail(WALDO_ESYSTEM, path, strerror(n < 0 ? errno : ENOSPC),
	                  message);
}

waldo_err
waldoi_known_append(const char *path, const char *line, char message[200])
{
	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | OPEN_FLAGS, 0600);
	waldo_err err;

	if (fd < 0) {
		return fail(WALDO_ESYSTEM, path, strerror(errno), message);
	}
	err = append(fd, path, line, message);
	close(fd);
	return err;
}
