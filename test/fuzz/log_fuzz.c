/* SPDX-License-Identifier: MIT */
/* Lines of the log: any record, the library's or not, into any room. */
#include <apmsock/apmsock.h>
#include <inttypes.h>
#include <string.h>

#include "fuzz.h"

enum { LONGEST = 256, ROOM = 300 };

/* Half of what is left, or all of it, as a text. */
static char *take_part(source *from, bool all)
{
    source part = {from->bytes, all ? from->size : from->size / 2};

    from->bytes += part.size;
    from->size -= part.size;
    return take_text(&part);
}

/* The same by other means. */
static size_t say_record(const apm_log_record *record, char *text, size_t size)
{
    char socket[32] = "", result[32] = "";
    bool has_detail = record->detail != NULL && record->detail[0] != '\0';
    int length;

    if (record->socket != NULL)
        (void)snprintf(socket, sizeof socket, " socket=%" PRIxPTR, (uintptr_t)record->socket);
    if (record->result != NULL)
        (void)snprintf(result, sizeof result, " result=%" PRIxPTR, (uintptr_t)record->result);
    length = snprintf(text, size, "%s%s%s%s%s value=%" PRIu64 " error=%s",
                      record->name != NULL ? record->name : "?", has_detail ? " " : "",
                      has_detail ? record->detail : "", socket, result, record->value,
                      apm_error_name(record->error));
    require(length > 0, "it can be said");
    return (size_t)length < LONGEST ? (size_t)length : LONGEST;
}

static void check_line(const apm_log_record *record, size_t room)
{
    char text[ROOM + 1], whole[2048];
    size_t length, wanted = say_record(record, whole, sizeof whole);

    whole[wanted] = '\0';
    memset(text, '~', sizeof text);
    length = apm_log_format(record, text, room);
    require(length == wanted, "the length is that of the whole line");
    require(text[room] == '~', "nothing is written behind the room");
    require(apm_log_format(record, NULL, room) == length, "nowhere to write it makes it no other");
    if (room == 0) return;
    require(memchr(text, '\0', room) != NULL, "a line has an end");
    require(strncmp(text, whole, strlen(text)) == 0, "what fits is how it begins");
    if (length < room) require(strcmp(text, whole) == 0, "and all of it, where there is room");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    source from = {bytes, size};
    uint8_t has = take_byte(&from);
    size_t room = take_word(&from) % (ROOM + 1);
    apm_log_record record = {0};
    char *name, *detail;

    record.size = sizeof record;
    record.event = (int32_t)take_byte(&from);
    record.level = (int32_t)take_byte(&from);
    record.error = (apm_error)(int32_t)take_word(&from);
    record.value = take_word(&from);
    record.value |= (uint64_t)take_word(&from) << 32;
    record.socket = (const void *)(uintptr_t)record.value;
    record.result = (const void *)(uintptr_t)~record.value;
    name = take_part(&from, false);
    detail = take_part(&from, true);
    if ((has & 1) != 0) record.name = name;
    if ((has & 2) != 0) record.detail = detail;
    if ((has & 4) != 0) record.socket = NULL;
    if ((has & 8) != 0) record.result = NULL;
    check_line(&record, room);
    require(apm_log_format(NULL, NULL, room) == 0, "no record is no line");
    free(name);
    free(detail);
    return 0;
}
