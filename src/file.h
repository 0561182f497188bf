/* SPDX-License-Identifier: MIT */
/*
 * Sending a file: what the lane, completion and a disconnect after it have to know.
 */
#ifndef APMI_FILE_H
#define APMI_FILE_H

#include "disconnect.h"
#include "operation.h"

/* The next kernel call. Under the gate. */
apmk_code apmi_file_issue(apmi_operation *operation, uint32_t *bytes);
/* So many bytes have gone. */
void apmi_file_advance(apmi_operation *operation, size_t bytes);
bool apmi_file_has_more(const apmi_operation *operation);
/* The file is closed before anybody is told that it was sent. */
void apmi_file_close(apmi_operation *operation);
/* The disconnect that was asked for with it; NULL: none. */
apmi_farewell *apmi_file_farewell(apmi_operation *operation);

#endif
