/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>
#include "secret.h"

/* Byte by byte: what a buffer of stdio would keep is nobody's to wipe, and what
 * follows is not ours. False: the end came first, or it is too long. */
static bool
read_line(int fd, char secret[SECRET_MAX])
{
	size_t len = 0;
	ssize_t got;

	while (len < SECRET_MAX) {
		got = read(fd, &secret[len], 1);
		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got <= 0 || secret[len] == '\n') {
			secret[len] = '\0';
			return got > 0 || len > 0;
		}
		len++;
	}
	secret[SECRET_MAX - 1] = '\0';
	return false;
}

static int
check_line(bool complete, const char *what, char secret[SECRET_MAX])
{
	if (complete && secret[0] != '\0') {
		return STATUS_OK;
	}
	secret_wipe(secret);
	return complain(STATUS_USAGE, "%s: a line of 1 to %d bytes is wanted",
	                what, SECRET_MAX - 1);
}

/* Without signals from its keys: they would leave it mute. */
static int
ask_terminal(const char *prompt, char secret[SECRET_MAX])
{
	struct termios old, mute;
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
	bool complete;

	if (fd < 0 || tcgetattr(fd, &old) != 0) {
		int error = errno;

		if (fd >= 0) {
			close(fd);
		}
		return complain(STATUS_LOST, "/dev/tty: %s", strerror(error));
	}
	mute = old;
	mute.c_lflag &= ~(tcflag_t) (ECHO | ISIG);
	mute.c_lflag |= ICANON;
	tcsetattr(fd, TCSAFLUSH, &mute);
	dprintf(fd, "%s: ", prompt);
	complete = read_line(fd, secret);
	dprintf(fd, "\n");
	tcsetattr(fd, TCSAFLUSH, &old);
	close(fd);
	return check_line(complete, prompt, secret);
}

int
secret_ask(const char *prompt, char secret[SECRET_MAX])
{
	return isatty(STDIN_FILENO)
	           ? ask_terminal(prompt, secret)
	           : check_line(read_line(STDIN_FILENO, secret), prompt,
	                        secret);
}

int
secret_ask_new(const char *prompt, char secret[SECRET_MAX])
{
	char again[SECRET_MAX];
	int status = secret_ask(prompt, secret);

	if (status != STATUS_OK || !isatty(STDIN_FILENO)) {
		return status;
	}
	status = secret_ask("Again", again);
	if (status == STATUS_OK && strcmp(secret, again) != 0) {
		status = complain(STATUS_USAGE, "they are not the same");
	}
	secret_wipe(again);
	if (status != STATUS_OK) {
		secret_wipe(secret);
	}
	return status;
}

int
secret_load(const char *path, char secret[SECRET_MAX])
{
	struct stat file;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool complete;

	if (fd < 0 || fstat(fd, &file) != 0) {
		int error = errno;

		if (fd >= 0) {
			close(fd);
		}
		return complain(STATUS_LOST, "%s: %s", path, strerror(error));
	}
	if ((file.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		close(fd);
		return complain(STATUS_LOST,
		                "%s: its mode is %03o; a secret is for its "
		                "owner alone (chmod 600)",
		                path, (unsigned) (file.st_mode & 0777));
	}
	complete = read_line(fd, secret);
	close(fd);
	return check_line(complete, path, secret);
}

void
secret_wipe(char secret[SECRET_MAX])
{
	explicit_bzero(secret, SECRET_MAX);
}
