/* SPDX-License-Identifier: MIT */
/* Uses the library as it was installed: starts and ends it, and prints its version. */
#include <apmsock/apmsock.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    apm_options options = {0};

    options.size = sizeof options;
    if (strcmp(apm_version(), APM_VERSION) != 0) return 1;
    if (apm_startup(&options) != APM_ERROR_SUCCESS) return 2;
    if (apm_cleanup() != APM_ERROR_SUCCESS) return 3;
    return printf("apmsock %s\n", apm_version()) > 0 ? 0 : 4;
}
