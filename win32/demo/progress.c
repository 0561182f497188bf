/* SPDX-License-Identifier: MIT */
#include "progress.h"

#include "console.h"

#include <inttypes.h>
#include <stdio.h>

void progress_begin(progress *self, uint64_t total)
{
    /* The server's answer would be torn to pieces by a line that changes in between. */
    *self = (progress){.total = total, .in_place = console_shows_reports() && !console_shows_output()};
    progress_show(self, false, 0);
}

uint32_t progress_interval(const progress *self)
{
    return self->in_place ? 200 : 1000;
}

void progress_show(progress *self, bool sent, uint64_t received)
{
    char line[160];
    if (self->begun && sent == self->sent && received == self->received) return;
    self->begun = true;
    self->sent = sent;
    self->received = received;
    /* The blanks cover what is left of a longer line. */
    snprintf(line, sizeof line, "%sapmdemo: %s %" PRIu64 " bytes, received %" PRIu64 "%s",
             self->in_place ? "\r" : "", sent ? "sent" : "sending", self->total, received,
             self->in_place ? "   " : "\n");
    console_report(line);
}

void progress_end(progress *self)
{
    if (self->begun && self->in_place) console_report("\n");
    self->begun = false;
}
