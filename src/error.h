/* SPDX-License-Identifier: MIT */
/*
 * The one border that codes of the system cross on their way to a caller.
 */
#ifndef APMI_ERROR_H
#define APMI_ERROR_H

#include <apmsock/error.h>

#include "kernel.h"

/*
 * What a code of the system (Winsock, Win32 or NTSTATUS) is to callers; 0 for 0. A code
 * without a meaning here passes through: a positive one as it is, an NTSTATUS with its bits
 * as they are, which is a large negative number. None of them ever looks like one of the
 * negative codes of apmsock/error.h: the few that would (no NTSTATUS is up there) become
 * APM_ERROR_SOCKET.
 */
apm_error apmi_error_from_native(apmk_code code);
/* What the system says of a file that is to be opened. What is about files and memory has a meaning, all else passes:
 * the computer that has the file may be lost, and our connection is fine. */
apm_error apmi_error_from_file(apmk_code code);
/* Whether an error leaves a connection as it was. */
bool apmi_error_is_passing(apm_error error);

#endif
