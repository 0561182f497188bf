/* SPDX-License-Identifier: MIT */
/* What the client sends. */
#ifndef DEMO_MESSAGE_H
#define DEMO_MESSAGE_H

#include "arguments.h"
#include "bytes.h"

/* What stands for the end of a message in the sample's protocol. */
#define MESSAGE_END "<EOF>"

/* Appends the message to `message`. False, and it has said why, when it cannot be had. */
bool message_load(const arguments *asked, bytes *message);

#endif
