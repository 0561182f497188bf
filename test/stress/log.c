/* SPDX-License-Identifier: MIT */
/* A log of the run: nobody reads it, but what begins and what is over has to fit together. */
#include <string.h>

#include "program.h"

static void APM_CALL listen(const apm_log_record *record, void *context)
{
    program *run = (program *)context;
    char text[128];
    size_t length = apm_log_format(record, text, sizeof text);

    if (atomic_load_explicit(&run->over, memory_order_relaxed)) sim_fail("log: %s, when all is over", text);
    if (length == 0 || strncmp(text, record->name, strlen(record->name)) != 0) sim_fail("log: %s", text);
    if (record->event == APM_EVENT_OPERATION_BEGINS)
        atomic_fetch_add_explicit(&run->told_begun, 1, memory_order_relaxed);
    if (record->event == APM_EVENT_OPERATION_COMPLETED || record->event == APM_EVENT_OPERATION_REFUSED)
        atomic_fetch_add_explicit(&run->told_over, 1, memory_order_relaxed);
}

void log_install(program *run)
{
    if (!run->logs) return;
    run->options.log = listen;
    run->options.log_context = run;
    run->options.log_level = APM_LOG_TRACE;
}

/* Each that began is over; one whose Begin met the end of the library may not have been told. */
void log_check(program *run)
{
    uint32_t begun = atomic_load_explicit(&run->told_begun, memory_order_relaxed);
    uint32_t over = atomic_load_explicit(&run->told_over, memory_order_relaxed);

    atomic_store_explicit(&run->over, true, memory_order_relaxed);
    if (over > begun) sim_fail("log: %u operations began, and %u are over", begun, over);
    if (over < begun && !run->cleans_early)
        sim_fail("log: of %u operations %u are not over", begun, begun - over);
}
