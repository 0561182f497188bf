/* SPDX-License-Identifier: MIT */
/* Locks, and waits on an address: neither needs a kernel object. */
#include "compat.h"

#include "kernel.h"

_Static_assert(sizeof(apmk_lock) == sizeof(SRWLOCK), "a lock is an SRWLOCK");
_Static_assert(_Alignof(apmk_lock) == _Alignof(SRWLOCK), "a lock is an SRWLOCK");
_Static_assert(offsetof(apmk_lock, word) == offsetof(SRWLOCK, Ptr), "a lock is an SRWLOCK");
_Static_assert(APMK_FOREVER == INFINITE, "timeouts are the system's");

static SRWLOCK *native_lock(apmk_lock *lock)
{
    return (SRWLOCK *)(void *)lock;
}

void apmk_lock_shared(apmk_lock *lock)
{
    AcquireSRWLockShared(native_lock(lock));
}

void apmk_unlock_shared(apmk_lock *lock)
{
    ReleaseSRWLockShared(native_lock(lock));
}

void apmk_lock_exclusive(apmk_lock *lock)
{
    AcquireSRWLockExclusive(native_lock(lock));
}

void apmk_unlock_exclusive(apmk_lock *lock)
{
    ReleaseSRWLockExclusive(native_lock(lock));
}

/* The system's prototypes take pointers to what may change; neither function changes it. */
static void *plain_address(const void *address)
{
    return (void *)(uintptr_t)address;
}

bool apmk_wait_address(const void *address, uint32_t value, uint32_t timeout)
{
    return WaitOnAddress(plain_address(address), &value, sizeof value, timeout) ||
           GetLastError() != ERROR_TIMEOUT;
}

void apmk_wake_address(const void *address)
{
    WakeByAddressAll(plain_address(address));
}
