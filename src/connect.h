/* SPDX-License-Identifier: MIT */
/* What completion has to know of a connect. */
#ifndef APMI_CONNECT_H
#define APMI_CONNECT_H

#include <apmsock/endpoint.h>

#include "operation.h"

/* What a Begin says of the socket and its arguments, before anything has begun. */
apm_error apmi_connect_check(const apm_socket *socket, const apm_endpoint *remote, apmk_address *address);
/* *is_literal: the host is the text of an address, which is *literal then. */
apm_error apmi_connect_check_host(const apm_socket *socket, const char *host, uint16_t port,
                                  apm_endpoint *literal, bool *is_literal);

/* A step of a connect: true if it goes on, with another address or one that is still under
 * way. Else the socket is connected, or has noted that it is not. */
bool apmi_connect_go_on(apmi_operation *operation);
void apmi_connect_cancel(apmi_operation *operation, uint32_t label);
/* The endpoint that its error is about, or that it tried last; false if it got to none. */
bool apmi_connect_remote(const apmi_operation *operation, apm_endpoint *remote);

#endif
