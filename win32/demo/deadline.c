/* SPDX-License-Identifier: MIT */
#include "deadline.h"

#include <windows.h>

deadline deadline_after(uint32_t timeout)
{
    return (deadline){.end = GetTickCount64() + timeout, .timeout = timeout};
}

uint32_t deadline_left(const deadline *limit)
{
    uint64_t now = GetTickCount64();
    return now < limit->end ? (uint32_t)(limit->end - now) : 0;
}
