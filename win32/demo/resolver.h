/* SPDX-License-Identifier: MIT */
/* From the name of a host to its addresses, in the time there is. */
#ifndef DEMO_RESOLVER_H
#define DEMO_RESOLVER_H

#include <apmsock/apmsock.h>

enum { RESOLVER_MOST = 16 };

/* Up to RESOLVER_MOST endpoints of `host`, in the order in which to try them. The family may
 * be APM_FAMILY_UNSPECIFIED. Blocks for `timeout` milliseconds at most; then the error is
 * APM_ERROR_TIMED_OUT. */
apm_error resolver_find(const char *host, uint16_t port, int32_t family, uint32_t timeout,
                        apm_endpoint *endpoints, size_t *count);

#endif
