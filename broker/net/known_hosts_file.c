/* SPDX-License-Identifier: MIT */
#include "broker/known_hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FILE ((size_t) 1024 * 1024)

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
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
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

waldo_err
waldoi_known_append(const char *path, const char *line, char message[200])
{
	int fd = open(
	    path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	size_t len = strlen(line), was = 0;
	waldo_err err;
	ssize_t n;

	if (fd < 0) {
		return fail(WALDO_ESYSTEM, path, strerror(errno), message);
	}
	err = check_file(fd, path, &was, message);
	if (err == WALDO_OK) {
		do {
			n = write(fd, line, len);
		} while (n < 0 && errno == EINTR);
		if (n != (ssize_t) len) {
			err = fail(WALDO_ESYSTEM, path,
			           strerror(n < 0 ? errno : ENOSPC), message);
		}
	}
	close(fd);
	return err;
}
