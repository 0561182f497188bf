/* SPDX-License-Identifier: MIT */
/* Slots: results that anybody may meddle with, each held by a reference of its own. */
#include "program.h"

void slot_share(program *run, apm_async_result *result, uint64_t *stream)
{
    uint32_t i = draw(stream, SLOTS);

    apm_async_result_retain(result);
    apm_async_result_release(atomic_exchange_explicit(&run->slots[i], result, memory_order_acq_rel));
}

void slot_meddle(program *run, uint64_t *stream)
{
    uint32_t i = draw(stream, SLOTS);
    apm_async_result *result = atomic_exchange_explicit(&run->slots[i], NULL, memory_order_acq_rel);
    call *made;

    if (result == NULL) return;
    made = (call *)apm_async_result_state(result);
    switch (draw(stream, 8)) {
    case 0:
    case 1: check(call_cancel(made, result) == APM_ERROR_SUCCESS, "cancel", made); break;
    case 2: (void)call_cancel_after(made, result, draw(stream, 12)); break;
    case 3: (void)call_cancel_after(made, result, APM_INFINITE); break;
    case 4: (void)apm_async_result_wait(result, draw(stream, 5)); break;
    case 5: call_ask_for_handle(made, result, stream); break;
    case 6:
        if (apm_async_result_is_completed(result)) (void)call_cancel_after(made, result, 3);
        break;
    default:
        if (apm_async_result_is_completed(result)) (void)call_finish(made, result);
        break;
    }
    if (draw(stream, 2) == 0) slot_share(run, result, stream);
    apm_async_result_release(result);
}

static void put_back(program *run, uint32_t i, apm_async_result *result)
{
    apm_async_result_release(atomic_exchange_explicit(&run->slots[i], result, memory_order_acq_rel));
}

/* The first that is pending, from a drawn one on; perhaps by then it is no more. */
void slot_await(program *run, uint64_t *stream)
{
    uint32_t first = draw(stream, SLOTS), k;

    for (k = 0; k < SLOTS; k++) {
        uint32_t i = (first + k) % SLOTS;
        apm_async_result *result = atomic_exchange_explicit(&run->slots[i], NULL, memory_order_acq_rel);
        if (result == NULL) continue;
        if (apm_async_result_is_completed(result)) {
            put_back(run, i, result);
            continue;
        }
        await_end(run, (call *)apm_async_result_state(result), result, stream);
        apm_async_result_release(result);
        return;
    }
}

void slot_empty(program *run)
{
    uint32_t i;

    for (i = 0; i < SLOTS; i++)
        apm_async_result_release(atomic_exchange_explicit(&run->slots[i], NULL, memory_order_acq_rel));
}
