/* SPDX-License-Identifier: MIT */
/*
 * make_seeds DIRECTORY - writes the corpora session/, preamble/ and login/
 *
 * Conversations as people write them (memory/text.h), so that the fuzzer
 * begins where a real peer would be. A line "@KIND N" is an act of
 * fuzz_session.c.
 */
#include "tests/memory/peer.h"
#include "tests/memory/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_LINES = 24, LISTENS = 0, DIALLED = 1, RAW = 2 };

struct seed {
	const char *name;
	int flags;
	const char *lines[MAX_LINES];
};

#define FETCH "[1,1,0,'fetch',[],{}] ['gate']"

static const struct seed seeds[] = {
    {"names", LISTENS, {"[1,1,0,'names',[],{}] []"}},
    {"echo",
     LISTENS,
     {FETCH, "[1,3,-2,[1,'echo'],[],{}] [{'a':[1,-5,nil,true,x'00ff']}]",
      "[4,1,1]", "[1,5,-2,1,[],{}] ['again']"}},
    {"pipeline",
     LISTENS,
     {FETCH, "[1,3,1,'keep',[[0,-1,nil]],{}] [<0>]",
      "[1,5,[3,0],'m',[],{}] [7]", "[1,7,[3,1,'again'],'m',[],{}] []",
      "[4,1,1,3,1]", "[2,2,0,true,[[0,-3,nil]]] <0>", "[4,-2,2]"}},
    {"parked",
     LISTENS,
     {FETCH, "[1,3,-2,'hold',[],{0:500}] []",
      "[1,5,3,'echo',[[0,-1,nil],[0,-1,nil]],{}] [<0>,<1>]",
      "[1,7,5,'make',[],{}] []", "[5,5]", "@241 0", "[4,3,1]"}},
    {"deadline",
     LISTENS,
     {FETCH, "[1,3,-2,'hold',[],{0:50}] []", "![8,40]",
      "[1,5,-2,'hold',[],{0:30,2:2}] []", "@240 60", "@241 0"}},
    {"one_way",
     LISTENS,
     {FETCH, "[1,nil,-2,'keep',[[0,-1,nil]],{}] [<0>]", "@242 0",
      "[2,2,0,false,[]] nil", "@243 0"}},
    {"call_back",
     LISTENS,
     {FETCH, "[1,3,-2,'call',[[0,-1,nil]],{}] [<0>,'m']",
      "[2,2,1,false,[]] [1000,'a.B','c',nil]", "[4,-2,1]"}},
    {"answer_as_argument",
     LISTENS,
     {FETCH, "[1,3,-2,'hold',[],{}] []",
      "[1,5,-2,'keep',[[3,3],[3,1,'a',0],[6,[1000,'a','b',nil]]],{}] [<0>]",
      "@241 0", "@242 0", "@243 0"}},
    {"revoked",
     LISTENS,
     {FETCH, "[1,3,-2,'make',[],{}] []", "[1,5,3,'revoke',[],{}] []", "@247 0",
      "[1,7,-2,'echo',[],{}] [1]", "[4,-2,1]", "[4,-4,1]"}},
    {"link_frames",
     LISTENS,
     {"![6,1]", "![5,0]", "![8,100]", "![99,'later']", "![7,3]", "[99,5,'new']",
      "[10,4,nil]", "![9,0,'bye']"}},
    {"abort", LISTENS, {FETCH, "![10,1,'you broke it',1]"}},
    {"no_result",
     LISTENS,
     {FETCH, "[1,3,-2,'make',[],{2:1}] []", "[1,5,3,'echo',[],{}] [1]",
      "[4,3,1]"}},
    {"flush",
     LISTENS,
     {FETCH, "[1,3,-2,0,[],{}] [x'000102030405060708090a0b0c0d0e0f']"}},
    {"bad_payload",
     LISTENS,
     {FETCH, "[1,3,-2,'echo',[[0,-1,nil]],{}] =dd00ffffffff=",
      "[1,5,-2,'echo',[],{}] [<3>]", "[1,7,-2,'echo',[],{}] =91a161c0="}},
    {"idle", LISTENS, {FETCH, "@240 30000", "@240 30000"}},
    {"results",
     DIALLED,
     {"[2,1,0,true,[[0,-2,nil]]] <0>", "[2,3,0,false,[]] 7",
      "[2,5,0,false,[]] nil", "[1,2,-1,'echo',[],{}] [1]", "[4,-1,1]"}},
    {"result_with_path",
     DIALLED,
     {"[2,1,0,true,[[0,-2,nil],[2,-1]]] {'a':[<0>,<1>]}", "@242 0",
      "[2,5,4,false,[]] [4,'waldo.NotAReference','no',nil]", "@243 0"}},
    {"errors",
     DIALLED,
     {"[2,1,1,false,[]] [1042,'game.Blocked','a wall',nil]",
      "[2,3,4,false,[]] [1,'x','y',nil]", "[2,5,3,false,[]] [9,'x','y',nil]"}},
    {"cancelled",
     DIALLED,
     {"@245 0", "[2,1,2,false,[]] [10,'waldo.Cancelled','gone',nil]",
      "[2,3,0,true,[[0,-2,nil],[0,-4,nil]]] [<0>,<1>]"}},
    {"calls_to_us",
     DIALLED,
     {"[1,2,-1,'hold',[],{0:40}] []", "[1,4,2,'echo',[[0,-2,nil]],{}] [<0>]",
      "@240 50", "@241 0", "@246 0"}},
    {"more_calls", DIALLED, {"@244 0", "@244 0", "[2,1,0,false,[]] nil"}},
    {"unknown_answers", DIALLED, {"[2,9,0,false,[]] 1"}},
    {"credit",
     LISTENS,
     {FETCH, "[1,3,-2,'keep',[[0,-1,nil]],{}] [<0>]", "@242 0", "[6,0,65536]",
      "[6,0,70000]", "[6,0,9007199254740991]"}},
    {"credit_goes_back", LISTENS, {"[6,0,70000]", "[6,0,69999]"}},
    {"credit_of_a_stream", LISTENS, {"[6,1,70000]"}},
    {"credit_is_malformed", LISTENS, {"[6,0,-1]"}},
    {"paused",
     LISTENS,
     {FETCH, "[1,3,-2,'big',[],{}] [60000]", "[1,5,-2,'big',[],{}] [60000]",
      "[1,7,-2,'big',[],{}] [60000]", "[1,9,-2,'echo',[],{0:50}] [1]",
      "[1,nil,-2,'echo',[],{}] [2]", "[1,11,9,'echo',[],{}] [3]",
      "[1,13,-2,'make',[],{}] []", "[5,11]", "@240 60", "[4,-2,1]", "![5,2]",
      "![5,4]"}},
    {"goaway",
     LISTENS,
     {FETCH, "[1,3,-2,'hold',[],{}] []", "[1,5,3,'echo',[],{}] [1]",
      "@248 1000", "[1,7,-2,[1,'keep'],[[0,-1,nil]],{}] [<0>]", "[5,7]",
      "[1,9,[7,0],1,[[3,7]],{}] [<0>]", "[1,11,3,0,[],{}] [x'00']",
      "[1,nil,-2,1,[],{}] []", "@241 0", "[4,-2,1]"}},
    {"goaway_with_open_calls",
     DIALLED,
     {"@248 1000", "[8,2,5,'bye']", "[1,2,-1,'hold',[],{}] []", "@244 0",
      "[2,1,0,true,[[0,-2,nil]]] <0>", "@240 1000"}},
    {"goaway_of_the_peer",
     DIALLED,
     {"[8,1,5,'bye']", "@244 0", "@242 0", "@245 0", "![5,3]",
      "[2,1,0,true,[[0,-2,nil]]] <0>", "@242 0", "@243 0"}},
    {"goaway_twice", DIALLED, {"[8,0,5,'bye']", "[8,0,5,'bye']"}},
    {"goaway_of_too_much", DIALLED, {"[8,4,5,'bye']"}},
    {"limits",
     DIALLED,
     {"[9,{2:100000,3:64,4:2000,5:200000,6:65,7:256,10:65,99:[1]}]", "@244 0",
      "[9,{4:2001}]", "[2,1,0,false,[]] nil"}},
    {"limits_lowered", DIALLED, {"[9,{4:2000}]", "[9,{4:1999}]"}},
    {"limits_twice", DIALLED, {"[9,{4:2000,4:2000}]"}},
    {"login",
     LISTENS,
     {FETCH, "[1,3,-2,'login',[],{}] []", "[1,5,-2,'login',[],{}] []",
      "[1,7,-2,'hold',[],{}] []"}},
    {"promise",
     LISTENS,
     {FETCH, "[1,3,-2,'keep',[[1,-1],[1,-1]],{}] [<0>]", "@242 0",
      "[3,-1,[0,-3,nil]]", "@242 0", "@243 0"}},
    {"promise_of_a_promise",
     LISTENS,
     {FETCH, "[1,3,-2,'keep',[[1,-1]],{}] [<0>]", "@242 0", "[3,-1,[1,-3]]",
      "@242 0", "[3,-3,[6,[1000,'a','b',nil]]]", "@242 0"}},
    {"promise_is_yours",
     LISTENS,
     {FETCH, "[1,3,-2,'keep',[[1,-1]],{}] [<0>]", "@242 0", "[3,-1,[2,-2]]",
      "@242 0", "[1,nil,-2,'m',[],{5:1}] [1]",
      "[2,6,0,false,[]] x'000102030405060708090a0b0c0d0e0f'", "@242 0",
      "@243 0"}},
    {"promise_is_an_answer",
     LISTENS,
     {FETCH, "[1,3,-2,'hold',[],{}] []", "[1,5,-2,'keep',[[1,-1]],{}] [<0>]",
      "@242 0", "[3,-1,[3,3]]", "@242 0",
      "[1,7,3,0,[],{5:1}] =91c410000102030405060708090a0b0c0d0e0f=", "@241 0",
      "[2,6,1,false,[]] [3,'waldo.Limit','hops',nil]", "[4,3,1]"}},
    {"promise_is_back_again",
     LISTENS,
     {FETCH, "[1,3,-2,'keep',[[1,-1]],{}] [<0>]", "@242 0",
      "[1,5,-2,'echo',[[0,-3,nil]],{}] [<0>]", "[3,-1,[3,5]]", "@242 0",
      "[1,7,5,0,[],{5:1}] ['x']", "[2,6,0,false,[]] nil", "[4,5,1]"}},
    {"promise_is_itself",
     LISTENS,
     {FETCH, "[1,3,-2,'keep',[[1,-1]],{}] [<0>]", "@242 0", "[3,-1,[1,-1]]"}},
    {"promise_is_dropped",
     LISTENS,
     {FETCH, "[1,3,-2,'keep',[[1,-1]],{}] [<0>]", "@243 0", "[4,3,1]",
      "[3,-1,[0,-3,nil]]"}},
    {"promise_is_given",
     LISTENS,
     {FETCH, "[1,3,-2,'hold',[],{}] []", "[1,5,-2,'keep',[[3,3]],{}] [<0>]",
      "[1,7,-4,'echo',[],{}] [1]", "[1,9,-4,0,[],{}] [[2]]", "@242 0", "@241 0",
      "[1,11,-4,'echo',[[2,-4]],{}] [<0>]", "[4,-4,2]"}},
    {"resolve_twice",
     LISTENS,
     {FETCH, "[1,3,-2,'keep',[[1,-1]],{}] [<0>]", "[3,-1,[0,-3,nil]]",
      "[3,-1,[0,-3,nil]]"}},
    {"resolve_is_malformed",
     LISTENS,
     {FETCH, "[1,3,-2,'keep',[[1,-1]],{}] [<0>]", "[3,-1,[0,-3]]"}},
    {"resolve_of_no_promise",
     LISTENS,
     {FETCH, "[1,3,-2,'keep',[[0,-1,nil]],{}] [<0>]", "[3,-1,[0,-3,nil]]"}},
    {"result_is_yours",
     DIALLED,
     {"[2,1,0,true,[[2,-1]]] <0>", "@244 0", "[2,7,0,false,[]] 7",
      "[2,3,0,true,[[2,-1]]] <0>", "@242 0"}},
    {"result_has_yours",
     DIALLED,
     {"[2,1,0,true,[[2,-1],[0,-2,nil]]] {'a':[<0>,<1>]}", "@242 0",
      "[1,2,-1,'echo',[],{5:1}] [1]", "[2,7,1,false,[]] [1000,'a','b',nil]"}},
    {"result_is_a_promise",
     DIALLED,
     {"[2,1,0,true,[[1,-2]]] <0>", "@242 0", "[3,-2,[2,-1]]", "@242 0",
      "[2,9,0,false,[]] nil"}},
    {"raw", LISTENS | RAW, {FETCH, "[1,3,1,'echo',[],{}] [1]"}},
    {"raw_answers", DIALLED | RAW, {"[2,1,0,true,[[0,-2,nil]]] <0>"}},
};

static const uint8_t preamble[WALDOI_PREAMBLE] = {0xc1, 'W', 'D', 1};

#define ANN "?[{'user':'ann','password':'sesame'},<0>]"

/* Policies, later (4), limits (8), the node first (16). */
static const struct seed logins[] = {
    {"password", 8, {ANN, "@244 0", "@245 0", "@244 0"}},
    {"wrong", 0, {"?[{'user':'ann','password':'apple'},nil]", "@244 0"}},
    {"token", 0, {"?[{'token':'open'},nil]", "@244 0", "@246 0"}},
    {"anybody", 0, {"?[{},nil]", "@244 0", "@242 0"}},
    {"nothing", 0, {"?[]", "?[nil]", "?[{}]"}},
    {"twice", 0, {ANN, ANN, "@242 0", "@244 0"}},
    {"replace", 1, {ANN, "@244 0", ANN, "@244 0", "@248 0"}},
    {"refuse", 2, {ANN, ANN, "@244 0", "@245 0", ANN, "@244 0"}},
    {"later", 4, {ANN, "@244 0", "@241 0", "@241 0", "@244 0"}},
    {"later_replaced",
     5,
     {ANN, "@241 0", ANN, "@241 0", "@241 0", "@241 0", "@244 0"}},
    {"later_denied",
     4,
     {ANN, "@241 1", ANN, "@241 3", ANN, "@241 0", "@241 2"}},
    {"cancelled", 4, {ANN, "@241 0", "@247 0", "@241 0"}},
    {"lost", 4, {ANN, "@241 0", "@248 0"}},
    {"node_first", 20, {ANN, "@241 0", ANN}},
    {"portal_first", 4, {ANN, "@243 0", "@241 0", "@241 0", "@244 0"}},
    {"names", 0, {"?[{'password':'sesame','user':'ann'},nil]"}},
    {"more_names", 0, {"?[{'user':'ann','password':'sesame','token':''},nil]"}},
    {"twice_a_name", 0, {"?[{'token':'a','token':'open'},nil]"}},
    {"nine",
     0,
     {"?[{'a':'','b':'','c':'','d':'','e':'','f':'','g':'','h':'','i':''},"
      "nil]"}},
    {"other_types", 0, {"?[{'token':1},nil]", "?[{1:'a'},nil]", "?['a',nil]"}},
    {"bytes", 0, {"?[{'token':x'6f70656e'},nil]", "?[{'token':=a2ff00=},nil]"}},
    {"nul", 0, {"?[{'token':=a46f7000656e=},nil]"}},
    {"mind", 0, {"?[{'token':'open'},<1>]", "?[{'token':'open'},'m']"}},
    {"drop", 0, {ANN, "@246 0", "[5,5]", "@240 10"}},
};

static FILE *
open_seed(const char *directory, const char *corpus, const char *name)
{
	char path[1024];
	FILE *file;

	(void) snprintf(path, sizeof(path), "%s/%s", directory, corpus);
	if (mkdir(path, 0777) != 0 && errno != EEXIST) {
		perror(path);
		exit(1);
	}
	(void) snprintf(path, sizeof(path), "%s/%s/%s", directory, corpus,
	                name);
	file = fopen(path, "wb");
	if (file == NULL) {
		perror(path);
		exit(1);
	}
	return file;
}

static void
write_be(FILE *file, size_t value, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--) {
		(void) fputc((int) (value >> (8 * i) & 0xff), file);
	}
}

/* As an act, or as the bytes of the wire. */
static void
write_frame(FILE *file, const char *line, bool raw)
{
	uint8_t data[1024];
	int kind = *line == '!' ? 2 : 0;
	size_t len = text_encode(line + (kind != 0), data, sizeof(data));

	if (len == 0) {
		(void) fprintf(stderr, "wrong: %s\n", line);
		exit(1);
	}
	if (raw) {
		write_be(file, len + 1, 4);
		write_be(file, (size_t) kind, 1);
	} else {
		write_be(file, (size_t) kind, 1);
		write_be(file, len, 2);
	}
	(void) fwrite(data, 1, len, file);
}

static void
write_line(FILE *file, const char *line, bool raw)
{
	char *end;

	if (*line == '@') {
		write_be(file, strtoul(line + 1, &end, 10), 1);
		write_be(file, strtoul(end, NULL, 10), 2);
	} else {
		write_frame(file, line, raw);
	}
}

static void
write_seed(const char *directory, const struct seed *seed)
{
	FILE *file = open_seed(directory, "session", seed->name);

	(void) fputc(seed->flags, file);
	for (int i = 0; i < MAX_LINES && seed->lines[i] != NULL; i++) {
		write_line(file, seed->lines[i], (seed->flags & RAW) != 0);
	}
	(void) fclose(file);
}

/* As fuzz_login.c reads it: "?" before the arguments of a login. */
static void
write_login(const char *directory, const char *name, int flags,
            const char *const *lines)
{
	FILE *file = open_seed(directory, "login", name);
	uint8_t data[1024];

	(void) fputc(flags, file);
	for (; *lines != NULL; lines++) {
		if (**lines != '?') {
			write_line(file, *lines, false);
			continue;
		}
		size_t len = text_encode(*lines + 1, data, sizeof(data));

		write_be(file, 1, 1);
		write_be(file, len, 2);
		(void) fwrite(data, 1, len, file);
	}
	(void) fclose(file);
}

static void
write_preamble(const char *directory, const char *name, int flags,
               const char *line)
{
	FILE *file = open_seed(directory, "preamble", name);

	(void) fputc(flags, file);
	/* A responder has none. */
	if ((flags & DIALLED) == 0) {
		(void) fwrite(preamble, 1, sizeof(preamble), file);
	}
	write_frame(file, line, true);
	(void) fclose(file);
}

static void
write_text(const char *directory, const char *name, int flags, const char *text)
{
	FILE *file = open_seed(directory, "preamble", name);

	(void) fputc(flags, file);
	(void) fputs(text, file);
	(void) fclose(file);
}

int
main(int argc, char **argv)
{
	if (argc != 2) {
		(void) fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return 2;
	}
	for (size_t i = 0; i < sizeof(seeds) / sizeof(*seeds); i++) {
		write_seed(argv[1], &seeds[i]);
	}
	for (size_t i = 0; i < sizeof(logins) / sizeof(*logins); i++) {
		write_login(argv[1], logins[i].name, logins[i].flags,
		            logins[i].lines);
	}
	write_preamble(argv[1], "hello", 0, PEER_HELLO);
	write_preamble(argv[1], "hello_slowly", 2, PEER_HELLO);
	write_preamble(argv[1], "hello_back", 1, PEER_HELLO);
	write_preamble(argv[1], "all_keys", 0,
	               "![0,{0:[1,1],1:1,2:4194304,3:64,4:1024,5:8388608,"
	               "6:16384,7:256,8:32,9:262144,10:1024,11:1048576,"
	               "12:15000,13:0,14:x'000102030405060708090a0b0c0d0e0f',"
	               "15:'seed',16:[],20:nil}]");
	write_preamble(argv[1], "later_version", 0, "![0,{0:[2,9]}]");
	write_preamble(argv[1], "no_hello", 0, "![6,1]");
	write_text(argv[1], "http", 0, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	write_text(argv[1], "http_back", 1, "HTTP/1.1 400 Bad Request\r\n\r\n");
	write_text(argv[1], "version_2", 1, "\xc1WD\x02");
	return 0;
}
