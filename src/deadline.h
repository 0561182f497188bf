/* SPDX-License-Identifier: MIT */
/*
 * The time an operation has: when it is over, the operation is asked to abort and will be
 * called timed out.
 */
#ifndef APMI_DEADLINE_H
#define APMI_DEADLINE_H

#include <apmsock/error.h>

#include "operation.h"

/* From now on `timeout` milliseconds, APM_INFINITE for as long as it takes; a limit holds all
 * the same. On an operation that has completed it does nothing. */
apm_error apmi_deadline_set(apmi_operation *operation, uint32_t timeout);
/* In Begin, before anybody knows the operation: its limit. */
apm_error apmi_deadline_limit(apmi_operation *operation, uint32_t timeout);
/* Takes it back. */
void apmi_deadline_clear(apmi_operation *operation);

#endif
