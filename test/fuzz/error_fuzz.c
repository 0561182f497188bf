/* SPDX-License-Identifier: MIT */
/*
 * Codes: each has a name and a text, and what the border makes of a code of the system is never one
 * of the library's own.
 */
#include <apmsock/apmsock.h>
#include <string.h>

#include "error.h"
#include "fuzz.h"

enum { ROOM = 600, OWN_FIRST = -65536 };

static void check_text(apm_error error, size_t room)
{
    char text[ROOM + 1];
    size_t length;

    memset(text, '~', sizeof text);
    length = apm_error_message(error, text, room);
    require(text[room] == '~', "nothing is written behind the room");
    if (room == 0) return;
    require(memchr(text, '\0', room) != NULL, "a text has an end");
    require(strlen(text) <= length, "and is not longer than it says");
    require(apm_error_message(error, NULL, ROOM) == length, "nowhere to write it makes it no other");
    if (length < room) require(strlen(text) == length && length != 0, "or as long, where there is room");
    if (length < room) require(text[length - 1] != '\n', "and ends no line");
}

/* Where neither we nor the system know more: the kernel here has texts for few numbers. */
static void check_number(apm_error error)
{
    char text[ROOM], number[32], whole[ROOM];
    size_t length = apm_error_message(error, text, sizeof text);

    if (apmk_error_text(error, whole, sizeof whole) != 0) {
        require(strcmp(text, whole) == 0, "the system's text is the text");
        return;
    }
    (void)snprintf(number, sizeof number, "Error %ld", (long)error);
    if (strcmp(apm_error_name(error), "Unknown") != 0)
        require(length > strlen(number) && strcmp(text, number) != 0, "what has a name of ours has a text");
    else
        require(strcmp(text, number) == 0, "others have their number");
}

/* The same code in the forms that it is handed on in. */
static void check_forms(uint32_t code)
{
    uint32_t low = code & 0xFFFF;

    if (low == 0) return;
    require(apmi_error_from_native(0xC0070000 | low) == apmi_error_from_native(low),
            "a code in an NTSTATUS is that code");
    require(apmi_error_from_native(0x80070000 | low) == apmi_error_from_native(low), "and one in an HRESULT");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    source from = {bytes, size};
    uint32_t code = take_word(&from);
    size_t room = take_word(&from) % (ROOM + 1);
    apm_error error = apmi_error_from_native(code);
    const char *name = apm_error_name((apm_error)(int32_t)code);

    require(name != NULL && *name != '\0', "each number has a name");
    require(strlen(name) < 64 && strpbrk(name, " \n") == NULL, "which is one word");
    require((error == APM_ERROR_SUCCESS) == (code == 0), "only 0 is success");
    require((int32_t)code >= 0 || (int32_t)code < OWN_FIRST || error == APM_ERROR_SOCKET,
            "a code that looks like one of our own is not taken for it");
    require(error < 0 || apmi_error_from_native((apmk_code)error) == error, "what was translated stays");
    /* Winsock's, all of them: each is what it says already. */
    if (code >= 10000 && code < 12000) require(error == (apm_error)code, "a SocketError stays");
    check_forms(code);
    check_text(error, room);
    check_text((apm_error)(int32_t)code, room);
    check_number(error);
    check_number((apm_error)(int32_t)code);
    return 0;
}
