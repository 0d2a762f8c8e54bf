/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/replay.c - runs a fuzz target over files and folders, so that a
 * corpus is an ordinary test for every compiler and sanitizer
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static unsigned replayed;

static int
replay_file(const char *path, size_t size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(size > 0 ? size : 1);
	int result = -1;

	/* An exact allocation lets the sanitizer see one byte too far. */
	if (file == NULL || data == NULL ||
	    fread(data, 1, size, file) != size) {
		perror(path);
		goto out;
	}
	LLVMFuzzerTestOneInput(data, size);
	replayed++;
	result = 0;
out:
	free(data);
	if (file != NULL) {
		fclose(file);
	}
	return result;
}

static int
replay(const char *path)
{
	char child[PATH_MAX];
	struct dirent **entries;
	struct stat st;
	int count, result = 0;

	if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
		return replay_file(path, (size_t) st.st_size);
	}
	/* Sorted, so that a failure comes at the same place every time. */
	count = scandir(path, &entries, NULL, alphasort);
	if (count < 0) {
		perror(path);
		return -1;
	}
	for (int i = 0; i < count; i++) {
		snprintf(child, sizeof(child), "%s/%s", path,
		         entries[i]->d_name);
		if (entries[i]->d_name[0] != '.' && replay(child) != 0) {
			result = -1;
		}
		free(entries[i]);
	}
	free(entries);
	return result;
}

int
main(int argc, char **argv)
{
	int result = 0;

	for (int i = 1; i < argc; i++) {
		if (replay(argv[i]) != 0) {
			result = -1;
		}
	}
	printf("%u tests\n", replayed);
	return result == 0 && replayed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
