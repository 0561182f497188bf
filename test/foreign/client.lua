-- SPDX-License-Identifier: MIT
-- A client in LuaJIT. Callbacks of an FFI may come only on the thread that runs Lua, and the
-- library's come on threads of its pool: so there are none here. Begin gets no callback, and
-- Lua waits on the results' handles, as many at once as it likes, or asks whether they have
-- completed.
local ffi = require("ffi")

ffi.cdef [[
typedef int32_t apm_error;
typedef struct apm_socket apm_socket;
typedef struct apm_async_result apm_async_result;
typedef void (*apm_async_callback)(apm_async_result *result);
typedef struct apm_endpoint {
    int32_t length;
    int32_t reserved;
    uint64_t address[16];
} apm_endpoint;

const char *apm_version(void);
apm_error apm_cleanup(void);
const char *apm_error_name(apm_error error);
apm_error apm_endpoint_from_ip(const char *ip, uint16_t port, apm_endpoint *endpoint);
apm_error apm_socket_create(int32_t family, int32_t type, int32_t protocol, apm_socket **socket);
apm_error apm_socket_close(apm_socket *socket);
apm_error apm_socket_begin_connect(apm_socket *socket, const apm_endpoint *remote, apm_async_callback callback,
                                   void *state, apm_async_result **result);
apm_error apm_socket_end_connect(apm_socket *socket, apm_async_result *result);
apm_error apm_socket_begin_send(apm_socket *socket, const void *buffer, size_t size, int32_t flags,
                                apm_async_callback callback, void *state, apm_async_result **result);
apm_error apm_socket_end_send(apm_socket *socket, apm_async_result *result, size_t *sent);
apm_error apm_socket_begin_receive(apm_socket *socket, void *buffer, size_t size, int32_t flags,
                                   apm_async_callback callback, void *state, apm_async_result **result);
apm_error apm_socket_end_receive(apm_socket *socket, apm_async_result *result, size_t *received);
bool apm_async_result_is_completed(apm_async_result *result);
void *apm_async_result_wait_handle(apm_async_result *result);
apm_error apm_async_result_cancel(apm_async_result *result);
void apm_async_result_release(apm_async_result *result);

uint32_t WaitForMultipleObjects(uint32_t count, void *const *handles, int32_t all, uint32_t milliseconds);
]]

local APM_FAMILY_IPV4 = 2
local APM_SOCKET_STREAM = 1
local APM_PROTOCOL_TCP = 6

local library, ip, port, refusing, word = unpack(arg)
local apm = ffi.load(library)

local function name(code)
    return ffi.string(apm.apm_error_name(code))
end

local function check(code)
    if code ~= 0 then error(name(code), 2) end
end

local function endpoint(number)
    local place = ffi.new("apm_endpoint")

    check(apm.apm_endpoint_from_ip(ip, tonumber(number), place))
    return place
end

-- What Lua collects is given back. The socket is closed at once, what is pending keeps it.
local function stream()
    local place = ffi.new("apm_socket *[1]")

    check(apm.apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, place))
    return ffi.gc(place[0], apm.apm_socket_close)
end

-- Begins, and gives the result. Whoever passes a buffer keeps it (a Lua variable) until End.
local function begin(start, ...)
    local place = ffi.new("apm_async_result *[1]")
    local count = select("#", ...) -- also of those that are nil
    local arguments = {...}

    arguments[count + 1] = place
    check(start(unpack(arguments, 1, count + 1)))
    return ffi.gc(place[0], apm.apm_async_result_release)
end

-- Which of the results has completed first; nil after a minute.
local function wait_any(results)
    local handles = ffi.new("void *[?]", #results)

    for i, result in ipairs(results) do handles[i - 1] = apm.apm_async_result_wait_handle(result) end
    local first = ffi.C.WaitForMultipleObjects(#results, handles, 0, 60000)
    return first < #results and tonumber(first) + 1 or nil
end

local no_callback = ffi.cast("apm_async_callback", nil)

print("version " .. ffi.string(apm.apm_version()))

local socket = stream()
local connect = begin(apm.apm_socket_begin_connect, socket, endpoint(refusing), no_callback, nil)
print("refused " .. name(apm.apm_socket_end_connect(socket, connect))) -- End waits

socket = stream()
connect = begin(apm.apm_socket_begin_connect, socket, endpoint(port), no_callback, nil)
assert(wait_any({connect}) == 1)
check(apm.apm_socket_end_connect(socket, connect))
print("connected")

-- Nothing comes before the word has gone: the send completes first.
local buffer, count = ffi.new("uint8_t[256]"), ffi.new("size_t[1]")
local text = word .. "\n"
local receive = begin(apm.apm_socket_begin_receive, socket, buffer, ffi.sizeof(buffer), 0, no_callback, nil)
assert(not apm.apm_async_result_is_completed(receive))
local send = begin(apm.apm_socket_begin_send, socket, text, #text, 0, no_callback, nil)
assert(wait_any({send}) == 1)
check(apm.apm_socket_end_send(socket, send, count))
print("sent " .. tonumber(count[0]))
print("signaled " .. tostring(wait_any({receive}) == 1))
assert(apm.apm_async_result_is_completed(receive))
check(apm.apm_socket_end_receive(socket, receive, count))
print("received " .. ffi.string(buffer, count[0]):gsub("%s+$", ""))

receive = begin(apm.apm_socket_begin_receive, socket, buffer, ffi.sizeof(buffer), 0, no_callback, nil)
check(apm.apm_async_result_cancel(receive))
assert(wait_any({receive}) == 1)
print("cancelled " .. name(apm.apm_socket_end_receive(socket, receive, count)))

socket, connect, send, receive = nil, nil, nil, nil
collectgarbage()
collectgarbage()
check(apm.apm_cleanup())
print("end")
