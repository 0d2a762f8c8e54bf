/* SPDX-License-Identifier: MIT */
/* server/store/accounts.h - what the tests of accounts set */
#ifndef WALDOI_ACCOUNTS_H
#define WALDOI_ACCOUNTS_H

#include "server/store/verify.h"
#include <waldo/accounts.h>

/* Logins that wait since too many have failed: of one source, and of all. */
#define WALDOI_WAITING_OF_SOURCE 4
#define WALDOI_WAITING           256

/* What passwords that are set from now on cost, how long a second of the
 * throttle is (microseconds), and the clock that it goes by (NULL: as before).
 * Before anybody logs in. */
waldo_err waldoi_accounts_tune(waldo_accounts *accounts,
                               waldoi_verify_cost cost, int64_t second,
                               int64_t (*now)(void)) WALDO_MUST_CHECK;

#endif
