/* SPDX-License-Identifier: MIT */
/*
 * The overlapped calls for datagrams. Their outcomes are those of kernel_transfer.c.
 *
 * What has to stay in place until completion: the sender's address and its length, and the
 * message with all it points to. The system fills those in at completion. The place for
 * WSARecvFrom's flags is not among them; the message's flags are.
 */
#include "compat.h"

#include <string.h>

#include "extensions.h"
#include "kernel.h"
#include "native_transfer.h"

_Static_assert(sizeof(((apmk_source *)NULL)->address) >= sizeof(SOCKADDR_STORAGE), "any address fits");
_Static_assert(_Alignof(apmk_source) >= _Alignof(SOCKADDR_STORAGE), "any address fits");
_Static_assert(sizeof(INT) == sizeof(int32_t), "a length is Winsock's");
_Static_assert(sizeof(((apmk_message *)NULL)->header) >= sizeof(WSAMSG), "a WSAMSG fits");
_Static_assert(_Alignof(uintptr_t) >= _Alignof(WSAMSG), "a WSAMSG fits");
_Static_assert(sizeof(((apmk_address *)NULL)->bytes) >= sizeof(struct sockaddr_in6), "an address fits");

/* The control data are parts, each a header, its data, and what aligns the next header. */
#define PART_SIZE(data) ((sizeof(WSACMSGHDR) + (data) + sizeof(SIZE_T) - 1) / sizeof(SIZE_T) * sizeof(SIZE_T))
_Static_assert(sizeof(WSACMSGHDR) % sizeof(SIZE_T) == 0, "the data follow their header");
_Static_assert(sizeof(((apmk_message *)NULL)->control) >=
                   PART_SIZE(sizeof(IN_PKTINFO)) + PART_SIZE(sizeof(IN6_PKTINFO)),
               "the packet information of both families fits");

/* ---- to and from ------------------------------------------------------------------------- */

apmk_code apmk_socket_send_to(apmk_socket socket, const apmk_buffer *buffers, uint32_t count, int32_t flags,
                              const void *address, int32_t length, apmk_overlapped *overlapped,
                              uint32_t *bytes)
{
    DWORD sent = 0;

    if (WSASendTo(socket, native_buffers(buffers), count, &sent, (DWORD)flags,
                  (const struct sockaddr *)address, length, native_overlapped(overlapped), NULL) != 0)
        return failed_transfer(overlapped);
    *bytes = sent;
    return APMK_SUCCESS;
}

apmk_code apmk_socket_receive_from(apmk_socket socket, const apmk_buffer *buffers, uint32_t count,
                                   int32_t flags, apmk_source *source, apmk_overlapped *overlapped,
                                   uint32_t *bytes)
{
    DWORD received = 0, both_ways = (DWORD)flags;

    if (WSARecvFrom(socket, native_buffers(buffers), count, &received, &both_ways,
                    (struct sockaddr *)(void *)source->address, &source->length,
                    native_overlapped(overlapped), NULL) != 0)
        return failed_transfer(overlapped);
    *bytes = received;
    return APMK_SUCCESS;
}

/* ---- with the packet's details ----------------------------------------------------------- */

apmk_code apmk_socket_receive_message(apmk_socket socket, int32_t family, void *data, uint32_t size,
                                      int32_t flags, apmk_message *message, apmk_overlapped *overlapped,
                                      uint32_t *bytes)
{
    WSAMSG *header = (WSAMSG *)(void *)message->header;
    apmk_extension_function function;
    apmk_code code = apmk_extension_find(socket, family, APMK_EXTENSION_RECEIVE_MESSAGE, &function);
    DWORD received = 0;

    if (code != APMK_SUCCESS) return code;
    /* An operation that fails may leave these as they are. */
    memset(message->source.address, 0, sizeof message->source.address);
    memset(message->control, 0, sizeof message->control);
    message->data.size = size;
    message->data.data = data;
    header->name = (struct sockaddr *)(void *)message->source.address;
    header->namelen = (INT)sizeof message->source.address;
    header->lpBuffers = native_buffers(&message->data);
    header->dwBufferCount = 1;
    header->Control.len = (ULONG)sizeof message->control;
    header->Control.buf = (char *)message->control;
    header->dwFlags = (DWORD)flags;
    if (((LPFN_WSARECVMSG)function)(socket, header, &received, native_overlapped(overlapped), NULL) != 0)
        return failed_transfer(overlapped);
    *bytes = received;
    return APMK_SUCCESS;
}

static void set_address(apmk_address *address, const void *native, size_t length)
{
    memset(address, 0, sizeof *address);
    memcpy(address->bytes, native, length);
    address->length = (int32_t)length;
}

static void read_ipv4(const unsigned char *data, apmk_message_details *details)
{
    struct sockaddr_in address;
    IN_PKTINFO information;

    memcpy(&information, data, sizeof information); /* which may lie anywhere */
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr = information.ipi_addr;
    set_address(&details->destination, &address, sizeof address);
    details->interface_index = (uint32_t)information.ipi_ifindex;
}

static void read_ipv6(const unsigned char *data, apmk_message_details *details)
{
    struct sockaddr_in6 address;
    IN6_PKTINFO information;

    memcpy(&information, data, sizeof information);
    memset(&address, 0, sizeof address);
    address.sin6_family = AF_INET6;
    address.sin6_addr = information.ipi6_addr;
    set_address(&details->destination, &address, sizeof address);
    details->interface_index = (uint32_t)information.ipi6_ifindex;
}

/* Not with Winsock's macros, which are not made for unaligned or broken data, nor for compilers
 * that look closely. A socket of both families may get both kinds for one packet, in any order:
 * then it is an IPv4 packet, and that kind has its true address. */
static void read_control(const unsigned char *at, size_t left, apmk_message_details *details)
{
    WSACMSGHDR part;

    while (left >= sizeof part) {
        const unsigned char *data = at + sizeof part;
        size_t size;

        memcpy(&part, at, sizeof part);
        if (part.cmsg_len < sizeof part || part.cmsg_len > left) return;
        size = part.cmsg_len - sizeof part;
        if (part.cmsg_level == IPPROTO_IP && part.cmsg_type == IP_PKTINFO && size >= sizeof(IN_PKTINFO)) {
            read_ipv4(data, details);
            return;
        }
        if (part.cmsg_level == IPPROTO_IPV6 && part.cmsg_type == IPV6_PKTINFO && size >= sizeof(IN6_PKTINFO))
            read_ipv6(data, details);
        size = PART_SIZE(size);
        if (size >= left) return;
        at += size;
        left -= size;
    }
}

/* The flags that say how to receive, and may still be in the message: they tell nothing. */
#define REQUEST_FLAGS 0xFFu

void apmk_message_read(const apmk_message *message, apmk_message_details *details)
{
    WSAMSG header;
    size_t control;

    memcpy(&header, message->header, sizeof header);
    control = header.Control.len < sizeof message->control ? header.Control.len : sizeof message->control;
    memset(details, 0, sizeof *details);
    details->flags = (int32_t)(header.dwFlags & ~REQUEST_FLAGS);
    if (header.namelen > 0 && (size_t)header.namelen <= sizeof details->source.bytes &&
        message->source.address[0] != 0)
        set_address(&details->source, message->source.address, (size_t)header.namelen);
    read_control((const unsigned char *)message->control, control, details);
}
