/* SPDX-License-Identifier: MIT */
/*
 * sim/stats.h - what was exercised how often
 */
#ifndef WALDO_SIM_STATS_H
#define WALDO_SIM_STATS_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_MAX_ACTS 96

/* Promises 1..7 are those of broker/PROTOCOL.md, "What is promised"; P1..P37
 * its rules. */
#define SIM_RULE_LIST(X)                                                       \
	X(ONCE, "promise 1, P6", "no invocation completes twice")              \
	X(COMPLETE, "promise 1, P5", "every invocation completes")             \
	X(FORGOTTEN, "promise 1", "a forgotten one does not")                  \
	X(AT_MOST_ONCE, "promise 2", "no call executes twice")                 \
	X(DELIVERED, "promise 1, P23",                                         \
	  "one-way calls arrive where the link holds")                         \
	X(OK_RAN, "promise 2, P7", "a result: it executed")                    \
	X(NOT_SENT, "promise 2, P7", "NOT_SENT: it never executed")            \
	X(EXECUTED, "promise 2, P7", "EXECUTED: the callee answered")          \
	X(ORDER, "promise 3, P8", "dispatched in the order made")              \
	X(MOVED, "P9", "calls on a promise reach what it became")              \
	X(KNOT, "P12", "calls on a promise of itself fail")                    \
	X(SAME, "P1, P3", "a reference leads to one object")                   \
	X(EQUAL, "P3", "references to one object are equal")                   \
	X(HOME, "P3", "a reference that comes home is the object")             \
	X(ALIVE, "promise 5", "no call on a revoked or dead object")           \
	X(DESTROY_ONCE, "promise 5", "each object is destroyed once")          \
	X(HELD, "P3, P4", "what is held is not destroyed")                     \
	X(RELEASED, "P3, P4", "what nobody holds is destroyed")                \
	X(IN_TURN, "promise 5", "callbacks run in turns only")                 \
	X(BREAK_FIRST, "promise 5, P23", "references break before release")    \
	X(WATCH_ONCE, "promise 4, P23", "watches tell of the break once")      \
	X(WATCH_END, "promise 4, P23", "what broke was told")                  \
	X(TIMER, "waldo/node.h", "timers run once, not early")                 \
	X(CALLER_DEADLINE, "P14", "the deadline completes in time")            \
	X(CALLEE_DEADLINE, "P14", "none starts past its deadline")             \
	X(CANCELLED, "promise 1, P13", "a cancelled one ends in a turn")       \
	X(ON_CANCEL, "P13", "on_cancel at most once, in time")                 \
	X(CANCEL_PARKED, "P13", "a cancelled call that waits never runs")      \
	X(NO_LOOP, "waldo/node.h", "a callback cannot run the loop")           \
	X(RESOLVE, "P12", "one RESOLVE for each promise, and final")           \
	X(HOPS, "P12", "no call is forwarded too often")                       \
	X(ANSWER, "P5", "one RETURN for each call")                            \
	X(REASON_FIRST, "P9", "why a result cannot be called comes first")     \
	X(WINDOW, "P38", "calls keep to the call window")                      \
	X(CREDIT, "P38", "credit only grows")                                  \
	X(PAUSE, "P39", "who reads little is not cut off for it")              \
	X(ROOM, "waldo/ref.h", "room is told of once, and truly")              \
	X(GOAWAY, "P40", "who goes away runs nothing new")                     \
	X(DRAINED, "P28, P40", "who goes away answers what he took")           \
	X(LIMITS, "P41", "limits are only raised")                             \
	X(CALM, "promise 4", "nothing is lost where nothing breaks")           \
	X(RESOLVED, "P9, P12", "a promise that is kept is told of")            \
	X(SILENCE, "P12", "when nothing is left to do, nothing is said")       \
	X(LIMIT_NAMED, "promise 6, P16", "a limit is named, with its value")   \
	X(OPEN_CALLS, "promise 6, P16", "open_calls holds")                    \
	X(ACKED, "P20", "what was acknowledged is freed")                      \
	X(EXPORTS, "promise 6", "exports are bounded")                         \
	X(QUEUED, "promise 6, P16, P20", "bytes for peers are bounded")        \
	X(HOSTILE_HEAP, "promise 7, P2", "claims do not allocate")             \
	X(HONEST, "promise 7, P2", "honest sessions do not suffer")            \
	X(HEARD, "N13, N14", "what is heard is a beginning of what was said")  \
	X(NOTICED, "N7, N13", "a changed bit ends the link")                   \
	X(STRANGER, "N6", "no stranger is heard on an encrypted link")         \
	X(REASON, "promise 2", "a failure's reason is true")                   \
	X(VALUE, "P2, P6", "results are those of the call")                    \
	X(NAMES, "P15", "a method is called by its name")                      \
	X(TAKEN, "waldo/writer.h", "taken bytes are given back once")          \
	X(LEDGER, "P3, P4", "tables are empty after release")                  \
	X(HEAP, "promise 6", "no byte is left")

typedef enum sim_rule {
#define X(name, source, text) SIM_##name##_RULE,
	SIM_RULE_LIST(X)
#undef X
	    SIM_RULES
} sim_rule;

#define SIM_FAULT_LIST(X)                                                      \
	X(DELAY, "link made slow")                                             \
	X(SPLIT, "bytes cut anywhere")                                         \
	X(COALESCE, "pieces joined")                                           \
	X(STALL, "link stands still")                                          \
	X(PAUSE, "peer does not read for a moment")                            \
	X(HALF_CLOSE, "one direction closed")                                  \
	X(RESET, "link reset")                                                 \
	X(FLIP, "encrypted link: bit flipped")                                 \
	X(CUT, "encrypted link: cut anywhere")                                 \
	X(AGAIN, "encrypted link: bytes repeated")                             \
	X(VANISH, "link dead without a word")                                  \
	X(KILL, "node killed")                                                 \
	X(RESTART, "node restarted")                                           \
	X(OOM_ARMED, "allocation set to fail")                                 \
	X(OOM_HIT, "allocation failed")                                        \
	X(HOSTILE_FRAMES, "hostile peer: mutated frames")                      \
	X(HOSTILE_REPLAY, "hostile peer: mutated replay")                      \
	X(HOSTILE_NOISE, "hostile peer: garbage")                              \
	X(HOSTILE_HOARD, "hostile peer: gives nothing back")                   \
	X(HOSTILE_DEAF, "hostile peer: and never reads")                       \
	X(HOSTILE_SERVER, "hostile listener")                                  \
	X(JUMP, "clock jumps")                                                 \
	X(BLOCK, "user code blocks")

typedef enum sim_fault {
#define X(name, text) SIM_##name##_FAULT,
	SIM_FAULT_LIST(X)
#undef X
	    SIM_FAULTS
} sim_fault;

/* What honest nodes said to each other. */
#define SIM_FRAME_LIST(X)                                                      \
	X(CALL, "calls")                                                       \
	X(FLUSH, "flushes")                                                    \
	X(RETURN, "returns")                                                   \
	X(PROMISE, "promises mentioned")                                       \
	X(RESOLVE, "promises resolved")                                        \
	X(DROP, "drops")                                                       \
	X(CANCEL, "cancellations")                                             \
	X(CREDIT, "credit")                                                    \
	X(GOAWAY, "goaways")                                                   \
	X(LIMITS, "limits raised")

typedef enum sim_frame {
#define X(name, text) SIM_##name##_FRAME,
	SIM_FRAME_LIST(X)
#undef X
	    SIM_FRAMES
} sim_frame;

/* What happens on encrypted links. */
#define SIM_TRUST_LIST(X)                                                      \
	X(WORLD, "worlds")                                                     \
	X(LINK, "links")                                                       \
	X(PSK, "a cluster's secret")                                           \
	X(PLACES, "several places tried")                                      \
	X(OVERTAKEN, "a later one was it")                                     \
	X(REUSED, "links taken that the peer dialled")                         \
	X(ASKED, "trust asked for")                                            \
	X(REFUSED, "trust refused")                                            \
	X(STALE, "keys that nobody has")                                       \
	X(ROTATED, "keys changed as announced")                                \
	X(REKEYED, "keys changed at once")                                     \
	X(FULL, "no room to remember a key")                                   \
	X(STRANGER, "strangers turned away")                                   \
	X(ENDED, "spoiled links that ended")

typedef enum sim_trust {
#define X(name, text) SIM_##name##_TRUST,
	SIM_TRUST_LIST(X)
#undef X
	    SIM_TRUSTS
} sim_trust;

typedef struct sim_stats {
	uint64_t acts[SIM_MAX_ACTS];
	uint64_t faults[SIM_FAULTS];
	uint64_t rules[SIM_RULES];
	uint64_t frames[SIM_FRAMES];
	uint64_t trust[SIM_TRUSTS];
	uint64_t seeds, failed, events, turns, invocations, executions, bytes;
	uint64_t virtual_us;
} sim_stats;

const char *sim_rule_name(sim_rule rule);
const char *sim_rule_source(sim_rule rule);

/* Adds `from` to `to`. */
void sim_stats_add(sim_stats *to, const sim_stats *from);

/* Prints all; false, and says so, if something was never exercised. */
bool sim_stats_print(const sim_stats *stats, bool complete);

#endif
