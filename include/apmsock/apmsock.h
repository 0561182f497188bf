/* SPDX-License-Identifier: MIT */
/**
 * @file apmsock.h
 * apmsock: the .NET Framework's asynchronous client socket as a native C library.
 */
#ifndef APMSOCK_H
#define APMSOCK_H

#include "async_result.h"
#include "base.h"
#include "buffer.h"
#include "connect.h"
#include "datagram.h"
#include "endpoint.h"
#include "error.h"
#include "library.h"
#include "log.h"
#include "manual_reset_event.h"
#include "socket.h"
#include "socket_option.h"
#include "statistics.h"
#include "transfer.h"

#endif
