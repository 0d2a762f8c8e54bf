/* SPDX-License-Identifier: MIT */
#include "sim/memory.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK (256 * 1024)

/* The names that --wrap gives. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_reallocarray(void *block, size_t count, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t len);
int __wrap_vasprintf(char **ret_text, const char *format, va_list args);
int __wrap_asprintf(char **ret_text, const char *format, ...);
void __wrap_free(void *block);

static sim_memory *current;
static atomic_size_t bytes, blocks, calls; /* threads may allocate as well */
static size_t peak;
static void (*tell_higher)(size_t bytes);

sim_memory *
sim_memory_of(sim_memory *memory)
{
	sim_memory *before = current;

	current = memory;
	return before;
}

size_t
sim_memory_bytes(void)
{
	return bytes;
}

size_t
sim_memory_blocks(void)
{
	return blocks;
}

size_t
sim_memory_calls(void)
{
	return calls;
}

void
sim_memory_watch(void (*higher)(size_t bytes))
{
	peak = bytes;
	tell_higher = higher;
}

static void
grown(size_t by)
{
	calls++;
	bytes += by;
	if (tell_higher != NULL && bytes > peak) {
		peak = bytes;
		tell_higher(peak);
	}
}

/* True if this allocation must fail. */
static bool
fails(size_t size)
{
	if (current == NULL) {
		return false;
	}
	if (size > current->largest) {
		current->largest = size;
	}
	if (current->fail_in == 0 || --current->fail_in > 0) {
		return false;
	}
	current->failed++;
	current->fail_in = current->fail_all ? 1 : 0;
	return true;
}

static void *
counted(void *block)
{
	if (block != NULL) {
		grown(malloc_usable_size(block));
		blocks++;
	}
	return block;
}

static void
uncount(void *block)
{
	if (block != NULL) {
		bytes -= malloc_usable_size(block);
		blocks--;
	}
}

void *
__wrap_malloc(size_t size)
{
	return fails(size) ? NULL : counted(__real_malloc(size));
}

void *
__wrap_calloc(size_t count, size_t size)
{
	if (fails(size != 0 && count > SIZE_MAX / size ? SIZE_MAX
	                                               : count * size)) {
		return NULL;
	}
	return counted(__real_calloc(count, size));
}

void *
__wrap_realloc(void *block, size_t size)
{
	size_t before = block != NULL ? malloc_usable_size(block) : 0;
	void *after;

	if (fails(size)) {
		return NULL;
	}
	after = __real_realloc(block, size);
	if (after != NULL) {
		grown(malloc_usable_size(after) - before);
		blocks += block == NULL ? 1 : 0;
	}
	return after;
}

void *
__wrap_reallocarray(void *block, size_t count, size_t size)
{
	if (size != 0 && count > SIZE_MAX / size) {
		return NULL;
	}
	return __wrap_realloc(block, count * size);
}

char *
__wrap_strndup(const char *text, size_t len)
{
	size_t used = strnlen(text, len);
	char *copy = __wrap_malloc(used + 1);

	if (copy != NULL) {
		memcpy(copy, text, used);
		copy[used] = '\0';
	}
	return copy;
}

char *
__wrap_strdup(const char *text)
{
	return __wrap_strndup(text, SIZE_MAX);
}

int
__wrap_vasprintf(char **ret_text, const char *format, va_list args)
{
	va_list again;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (len < 0) {
		return -1;
	}
	*ret_text = __wrap_malloc((size_t) len + 1);
	if (*ret_text == NULL) {
		return -1;
	}
	return vsnprintf(*ret_text, (size_t) len + 1, format, args);
}

int
__wrap_asprintf(char **ret_text, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = __wrap_vasprintf(ret_text, format, args);
	va_end(args);
	return len;
}

void
__wrap_free(void *block)
{
	uncount(block);
	__real_free(block);
}

/* ---- the simulator's own */

typedef struct chunk {
	struct chunk *next;
	size_t used, size;
	max_align_t data[];
} chunk;

static chunk *chunks, *spare;

/* A simulator without memory has nothing to say. */
static void *
must(void *block)
{
	if (block == NULL) {
		(void) fprintf(stderr, "waldo-sim: out of memory\n");
		abort();
	}
	return block;
}

static void
add_chunk(size_t room)
{
	chunk *more = spare;

	if (room == CHUNK && more != NULL) {
		spare = more->next;
	} else {
		more = must(__real_malloc(sizeof(*more) + room));
	}
	more->next = chunks;
	more->used = 0;
	more->size = room;
	chunks = more;
}

void *
sim_alloc(size_t size)
{
	void *block;

	size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) *
	       sizeof(max_align_t);
	if (chunks == NULL || chunks->size - chunks->used < size) {
		add_chunk(size > CHUNK ? size : CHUNK);
	}
	block = (uint8_t *) chunks->data + chunks->used;
	chunks->used += size;
	memset(block, 0, size);
	return block;
}

/* Large ones go, the others are used again. */
void
sim_alloc_reset(void)
{
	chunk *all = chunks;

	chunks = NULL;
	while (all != NULL) {
		chunk *next = all->next;

		if (all->size > CHUNK) {
			__real_free(all);
		} else {
			all->next = spare;
			spare = all;
		}
		all = next;
	}
}

void *
sim_block(size_t size)
{
	return must(__real_malloc(size));
}

void
sim_block_free(void *block)
{
	__real_free(block);
}
