/* SPDX-License-Identifier: MIT */
/*
 * Errors: their names and texts, and the border that the system's codes cross.
 *
 * Winsock's own codes are a SocketError as they are. The border is for what reaches us
 * without Winsock having seen it: the NTSTATUS in a packet, and the Win32 codes of functions
 * that are not Winsock's. What either of them means is what Winsock would have said.
 */
#include "error.h"

#include "text.h"

/* ---- the border ---------------------------------------------------------------------------- */

typedef struct meaning {
    uint32_t status; /* NTSTATUS; 0: none */
    uint32_t win32;  /* its Win32 image; 0: none, or one that means other things, too */
    apm_error error;
} meaning;

static const meaning meanings[] = {
    /* Aborted, by whomever: a cancel, a close, the end of a thread. 8000000A is a warning, and still
     * no success. */
    {0xC0000120, 995, APM_ERROR_OPERATION_ABORTED},  /* CANCELLED */
    {0x8000000A, 676, APM_ERROR_OPERATION_ABORTED},  /* HANDLES_CLOSED */
    {0xC0000240, 1235, APM_ERROR_OPERATION_ABORTED}, /* REQUEST_ABORTED */

    /* The connection is gone. 64 says no more than that; mostly the peer has reset it. */
    {0xC000020D, 64, APM_ERROR_CONNECTION_RESET},     /* CONNECTION_RESET */
    {0xC000020C, 0, APM_ERROR_CONNECTION_RESET},      /* CONNECTION_DISCONNECTED */
    {0xC000013C, 0, APM_ERROR_CONNECTION_RESET},      /* REMOTE_DISCONNECT */
    {0xC000013E, 0, APM_ERROR_CONNECTION_RESET},      /* LINK_FAILED */
    {0xC000023F, 1234, APM_ERROR_CONNECTION_RESET},   /* PORT_UNREACHABLE: a datagram nobody took */
    {0xC000A012, 0, APM_ERROR_NETWORK_RESET},         /* HOPLIMIT_EXCEEDED: a datagram that expired */
    {0xC0000241, 1236, APM_ERROR_CONNECTION_ABORTED}, /* CONNECTION_ABORTED */
    {0xC000013B, 0, APM_ERROR_CONNECTION_ABORTED},    /* LOCAL_DISCONNECT */
    {0xC000020F, 0, APM_ERROR_CONNECTION_ABORTED},    /* TRANSACTION_ABORTED */
    {0xC0000237, 1226, APM_ERROR_DISCONNECTING},      /* GRACEFUL_DISCONNECT */
    {0xC00000B0, 233, APM_ERROR_SHUTDOWN},            /* PIPE_DISCONNECTED */
    {0xC0000140, 0, APM_ERROR_NOT_CONNECTED},         /* INVALID_CONNECTION */
    {0xC000023A, 1229, APM_ERROR_NOT_CONNECTED},      /* CONNECTION_INVALID */
    {0xC000023B, 1230, APM_ERROR_IS_CONNECTED},       /* CONNECTION_ACTIVE */

    /* There was none to be had. */
    {0xC0000236, 1225, APM_ERROR_CONNECTION_REFUSED},  /* CONNECTION_REFUSED */
    {0xC00000BC, 0, APM_ERROR_CONNECTION_REFUSED},     /* REMOTE_NOT_LISTENING */
    {0xC00000B5, 121, APM_ERROR_TIMED_OUT},            /* IO_TIMEOUT */
    {0xC000013F, 0, APM_ERROR_TIMED_OUT},              /* LINK_TIMEOUT */
    {0x00000102, 1460, APM_ERROR_TIMED_OUT},           /* TIMEOUT; also Win32's WAIT_TIMEOUT */
    {0xC000023C, 1231, APM_ERROR_NETWORK_UNREACHABLE}, /* NETWORK_UNREACHABLE */
    {0xC000023E, 1233, APM_ERROR_NETWORK_UNREACHABLE}, /* PROTOCOL_UNREACHABLE */
    {0xC00000BE, 0, APM_ERROR_NETWORK_UNREACHABLE},    /* BAD_NETWORK_PATH */
    {0xC000023D, 1232, APM_ERROR_HOST_UNREACHABLE},    /* HOST_UNREACHABLE */
    {0xC00000BF, 0, APM_ERROR_NETWORK_DOWN},           /* NETWORK_BUSY */
    {0xC00000C3, 0, APM_ERROR_NETWORK_DOWN},           /* INVALID_NETWORK_RESPONSE */
    {0xC00000C4, 0, APM_ERROR_NETWORK_DOWN},           /* UNEXPECTED_NETWORK_ERROR */

    /* Addresses. Win32's sharing violation (32) is not here: it is a file's. */
    {0xC000020A, 0, APM_ERROR_ADDRESS_ALREADY_IN_USE},    /* ADDRESS_ALREADY_EXISTS */
    {0xC0000238, 1227, APM_ERROR_ADDRESS_ALREADY_IN_USE}, /* ADDRESS_ALREADY_ASSOCIATED */
    {0xC0000043, 0, APM_ERROR_ADDRESS_ALREADY_IN_USE},    /* SHARING_VIOLATION */
    {0xC0000209, 0, APM_ERROR_ADDRESS_ALREADY_IN_USE},    /* TOO_MANY_ADDRESSES */
    {0xC0000018, 0, APM_ERROR_ADDRESS_NOT_AVAILABLE},     /* CONFLICTING_ADDRESSES */
    {0xC0000141, 0, APM_ERROR_ADDRESS_NOT_AVAILABLE},     /* INVALID_ADDRESS */
    {0xC0000207, 0, APM_ERROR_ADDRESS_NOT_AVAILABLE},     /* INVALID_ADDRESS_COMPONENT */

    /* Sizes, buffers, arguments. */
    {0x80000005, 234, APM_ERROR_MESSAGE_SIZE},          /* BUFFER_OVERFLOW: a datagram was cut */
    {0xC0000206, 0, APM_ERROR_MESSAGE_SIZE},            /* INVALID_BUFFER_SIZE */
    {0xC0000005, 998, APM_ERROR_FAULT},                 /* ACCESS_VIOLATION */
    {0xC0000023, 0, APM_ERROR_FAULT},                   /* BUFFER_TOO_SMALL */
    {0xC000000D, 0, APM_ERROR_INVALID_ARGUMENT},        /* INVALID_PARAMETER */
    {0xC0000022, 5, APM_ERROR_ACCESS_DENIED},           /* ACCESS_DENIED */
    {0xC0000008, 0, APM_ERROR_NOT_SOCKET},              /* INVALID_HANDLE */
    {0xC0000024, 0, APM_ERROR_NOT_SOCKET},              /* OBJECT_TYPE_MISMATCH */
    {0xC00000BB, 0, APM_ERROR_OPERATION_NOT_SUPPORTED}, /* NOT_SUPPORTED */
    {0xC0000002, 0, APM_ERROR_OPERATION_NOT_SUPPORTED}, /* NOT_IMPLEMENTED */
    {0xC00000A3, 0, APM_ERROR_WOULD_BLOCK},             /* DEVICE_NOT_READY */
    {0xC00000D0, 0, APM_ERROR_WOULD_BLOCK},             /* REQUEST_NOT_ACCEPTED */

    /* The network's memory, where an operation fails and others may go on. */
    {0xC000009A, 1450, APM_ERROR_NO_BUFFER_SPACE_AVAILABLE}, /* INSUFFICIENT_RESOURCES */
    {0xC00000A1, 1453, APM_ERROR_NO_BUFFER_SPACE_AVAILABLE}, /* WORKING_SET_QUOTA */
    {0xC0000007, 1454, APM_ERROR_NO_BUFFER_SPACE_AVAILABLE}, /* PAGEFILE_QUOTA */
    {0xC0000044, 1816, APM_ERROR_NO_BUFFER_SPACE_AVAILABLE}, /* QUOTA_EXCEEDED */
    {0xC0000017, 0, APM_ERROR_NO_BUFFER_SPACE_AVAILABLE},    /* NO_MEMORY */
    {0xC000012D, 0, APM_ERROR_NO_BUFFER_SPACE_AVAILABLE},    /* COMMITMENT_LIMIT */
    {0xC0000097, 0, APM_ERROR_NO_BUFFER_SPACE_AVAILABLE},    /* TOO_MANY_PAGING_FILES */
    {0xC000013D, 0, APM_ERROR_NO_BUFFER_SPACE_AVAILABLE},    /* REMOTE_RESOURCES */

    /* The process's memory, which is the caller's. */
    {0, 8, APM_ERROR_OUT_OF_MEMORY},    /* ERROR_NOT_ENOUGH_MEMORY, Winsock's as well */
    {0, 14, APM_ERROR_OUT_OF_MEMORY},   /* ERROR_OUTOFMEMORY */
    {0, 1455, APM_ERROR_OUT_OF_MEMORY}, /* ERROR_COMMITMENT_LIMIT */
};

/* The bits stay. By hand, since C leaves the conversion to the compiler. */
static apm_error keep_bits(uint32_t code)
{
    return code <= INT32_MAX ? (apm_error)code : -(apm_error)(UINT32_MAX - code) - 1;
}

/* A code without a meaning here. */
static apm_error pass_code(apmk_code code)
{
    /* SOCKET_ERROR itself, or another -1, in place of a code; and room for codes of our own. */
    if (code >= 0xFFFF0000) return APM_ERROR_SOCKET;
    return keep_bits(code);
}

apm_error apmi_error_from_native(apmk_code code)
{
    size_t i;

    if (code == APMK_SUCCESS) return APM_ERROR_SUCCESS;
    /* A Win32 code wrapped as an NTSTATUS (C007) or an HRESULT (8007). */
    if ((code & 0xBFFF0000) == 0x80070000 && (code & 0xFFFF) != 0) code &= 0xFFFF;
    for (i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].status == code || meanings[i].win32 == code) return meanings[i].error;
    return pass_code(code);
}

apm_error apmi_error_from_file(apmk_code code)
{
    /* The file, its folder, drive or computer; or no file can have that name. */
    static const apmk_code missing[] = {2, 3, 15, 53, 67, 123, 161, 206, 267};
    static const apmk_code taken[] = {5, 32, 33}; /* not allowed; open for writing elsewhere, a part locked */
    static const apmk_code memory[] = {8, 14, 1455}; /* the process's */
    size_t i;

    for (i = 0; i < sizeof missing / sizeof *missing; i++)
        if (missing[i] == code) return APM_ERROR_FILE_NOT_FOUND;
    for (i = 0; i < sizeof taken / sizeof *taken; i++)
        if (taken[i] == code) return APM_ERROR_ACCESS_DENIED;
    for (i = 0; i < sizeof memory / sizeof *memory; i++)
        if (memory[i] == code) return APM_ERROR_OUT_OF_MEMORY;
    return pass_code(code);
}

/* ---- names and texts ------------------------------------------------------------------------- */

typedef struct entry {
    apm_error error;
    const char *name;
    const char *text; /* NULL: the system's */
} entry;

static const entry entries[] = {
    {APM_ERROR_SUCCESS, "Success", NULL},
    {APM_ERROR_SOCKET, "SocketError", "An unspecified socket error has occurred."},
    {APM_ERROR_OBJECT_DISPOSED, "ObjectDisposed", "The socket has been closed."},
    {APM_ERROR_ARGUMENT_NULL, "ArgumentNull", "An argument is NULL that must not be."},
    {APM_ERROR_ARGUMENT_OUT_OF_RANGE, "ArgumentOutOfRange",
     "An argument is outside the range of valid values."},
    {APM_ERROR_ARGUMENT, "Argument", "An argument is not valid."},
    {APM_ERROR_INVALID_OPERATION, "InvalidOperation", "The operation is not valid in the present state."},
    {APM_ERROR_NOT_SUPPORTED, "NotSupported", "The operation or the address family is not supported."},
    {APM_ERROR_FILE_NOT_FOUND, "FileNotFound", "The file could not be found."},
    {APM_ERROR_OUT_OF_MEMORY, "OutOfMemory", "There is not enough memory."},
    {APM_ERROR_FORMAT, "Format", "The text is not in the expected format."},
    {APM_ERROR_OPERATION_ABORTED, "OperationAborted", NULL},
    {APM_ERROR_IO_PENDING, "IOPending", NULL},
    {APM_ERROR_INTERRUPTED, "Interrupted", NULL},
    {APM_ERROR_ACCESS_DENIED, "AccessDenied", NULL},
    {APM_ERROR_FAULT, "Fault", NULL},
    {APM_ERROR_INVALID_ARGUMENT, "InvalidArgument", NULL},
    {APM_ERROR_TOO_MANY_OPEN_SOCKETS, "TooManyOpenSockets", NULL},
    {APM_ERROR_WOULD_BLOCK, "WouldBlock", NULL},
    {APM_ERROR_IN_PROGRESS, "InProgress", NULL},
    {APM_ERROR_ALREADY_IN_PROGRESS, "AlreadyInProgress", NULL},
    {APM_ERROR_NOT_SOCKET, "NotSocket", NULL},
    {APM_ERROR_DESTINATION_ADDRESS_REQUIRED, "DestinationAddressRequired", NULL},
    {APM_ERROR_MESSAGE_SIZE, "MessageSize", NULL},
    {APM_ERROR_PROTOCOL_TYPE, "ProtocolType", NULL},
    {APM_ERROR_PROTOCOL_OPTION, "ProtocolOption", NULL},
    {APM_ERROR_PROTOCOL_NOT_SUPPORTED, "ProtocolNotSupported", NULL},
    {APM_ERROR_SOCKET_NOT_SUPPORTED, "SocketNotSupported", NULL},
    {APM_ERROR_OPERATION_NOT_SUPPORTED, "OperationNotSupported", NULL},
    {APM_ERROR_PROTOCOL_FAMILY_NOT_SUPPORTED, "ProtocolFamilyNotSupported", NULL},
    {APM_ERROR_ADDRESS_FAMILY_NOT_SUPPORTED, "AddressFamilyNotSupported", NULL},
    {APM_ERROR_ADDRESS_ALREADY_IN_USE, "AddressAlreadyInUse", NULL},
    {APM_ERROR_ADDRESS_NOT_AVAILABLE, "AddressNotAvailable", NULL},
    {APM_ERROR_NETWORK_DOWN, "NetworkDown", NULL},
    {APM_ERROR_NETWORK_UNREACHABLE, "NetworkUnreachable", NULL},
    {APM_ERROR_NETWORK_RESET, "NetworkReset", NULL},
    {APM_ERROR_CONNECTION_ABORTED, "ConnectionAborted", NULL},
    {APM_ERROR_CONNECTION_RESET, "ConnectionReset", NULL},
    {APM_ERROR_NO_BUFFER_SPACE_AVAILABLE, "NoBufferSpaceAvailable", NULL},
    {APM_ERROR_IS_CONNECTED, "IsConnected", NULL},
    {APM_ERROR_NOT_CONNECTED, "NotConnected", NULL},
    {APM_ERROR_SHUTDOWN, "Shutdown", NULL},
    {APM_ERROR_TIMED_OUT, "TimedOut", NULL},
    {APM_ERROR_CONNECTION_REFUSED, "ConnectionRefused", NULL},
    {APM_ERROR_HOST_DOWN, "HostDown", NULL},
    {APM_ERROR_HOST_UNREACHABLE, "HostUnreachable", NULL},
    {APM_ERROR_PROCESS_LIMIT, "ProcessLimit", NULL},
    {APM_ERROR_SYSTEM_NOT_READY, "SystemNotReady", NULL},
    {APM_ERROR_VERSION_NOT_SUPPORTED, "VersionNotSupported", NULL},
    {APM_ERROR_NOT_INITIALIZED, "NotInitialized", NULL},
    {APM_ERROR_DISCONNECTING, "Disconnecting", NULL},
    {APM_ERROR_TYPE_NOT_FOUND, "TypeNotFound", NULL},
    {APM_ERROR_HOST_NOT_FOUND, "HostNotFound", NULL},
    {APM_ERROR_TRY_AGAIN, "TryAgain", NULL},
    {APM_ERROR_NO_RECOVERY, "NoRecovery", NULL},
    {APM_ERROR_NO_DATA, "NoData", NULL},
};

static const entry *find_entry(apm_error error)
{
    size_t i;

    for (i = 0; i < sizeof entries / sizeof *entries; i++)
        if (entries[i].error == error) return &entries[i];
    return NULL;
}

const char *APM_CALL apm_error_name(apm_error error)
{
    const entry *found = find_entry(error);

    return found != NULL ? found->name : "Unknown";
}

bool apmi_error_is_passing(apm_error error)
{
    return error == APM_ERROR_OPERATION_ABORTED || error == APM_ERROR_WOULD_BLOCK || /* a cancel is one */
           error == APM_ERROR_IO_PENDING || error == APM_ERROR_NO_BUFFER_SPACE_AVAILABLE;
}

/* "Error 12345": where the system has nothing to say. */
static size_t format_code(apm_error error, char *text, size_t size)
{
    static const char prefix[] = "Error ";
    char whole[sizeof prefix + 1 + APMI_DECIMAL_SIZE];
    size_t length = sizeof prefix - 1;
    uint32_t number = (uint32_t)error;

    memcpy(whole, prefix, length);
    if (error < 0) {
        whole[length++] = '-';
        number = 0 - number;
    }
    length += apmi_text_decimal(number, whole + length);
    return apmi_text_fit(whole, length, text, size);
}

size_t APM_CALL apm_error_message(apm_error error, char *text, size_t size)
{
    const entry *found = find_entry(error);
    size_t length;

    if (text == NULL) size = 0;
    if (found != NULL && found->text != NULL)
        return apmi_text_fit(found->text, strlen(found->text), text, size);
    length = apmk_error_text(error, text, size);
    return length != 0 ? length : format_code(error, text, size);
}
