// SPDX-License-Identifier: MIT
// A client in node.exe, with koffi. Callbacks come on threads of the library's pool; koffi hands
// each to node's own thread and lets the pool's wait for it. So node's thread must never wait
// inside the library for what only a callback can bring: no End before the operation has
// completed, no blocking member. What blocks is called with `.async`. And node does not know that
// something is pending: without a timer it would end.
'use strict';
const koffi = require('koffi');

const [library, ip, port, refusing, word] = process.argv.slice(2);
const dll = koffi.load(library);
const kernel = koffi.load('kernel32.dll');

koffi.alias('apm_error', 'int32_t');
koffi.opaque('apm_socket');
koffi.opaque('apm_async_result');
koffi.struct('apm_endpoint', {
    length: 'int32_t',
    reserved: 'int32_t',
    address: koffi.array('uint64_t', 16),
});
const apm_async_callback = koffi.pointer('apm_async_callback',
    koffi.proto('void __cdecl apm_async_function(apm_async_result *result)'));

const APM_FAMILY_IPV4 = 2;
const APM_SOCKET_STREAM = 1;
const APM_PROTOCOL_TCP = 6;

const apm = {};
for (const prototype of [
    'const char *apm_version(void)',
    'apm_error apm_cleanup(void)',
    'const char *apm_error_name(apm_error error)',
    'apm_error apm_endpoint_from_ip(const char *ip, uint16_t port, _Out_ apm_endpoint *endpoint)',
    'apm_error apm_socket_create(int32_t family, int32_t type, int32_t protocol, _Out_ apm_socket **socket)',
    'apm_error apm_socket_close(apm_socket *socket)',
    'apm_error apm_socket_begin_connect(apm_socket *socket, const apm_endpoint *remote, ' +
        'apm_async_callback callback, void *state, _Out_ apm_async_result **result)',
    'apm_error apm_socket_end_connect(apm_socket *socket, apm_async_result *result)',
    'apm_error apm_socket_begin_send(apm_socket *socket, const void *buffer, size_t size, int32_t flags, ' +
        'apm_async_callback callback, void *state, _Out_ apm_async_result **result)',
    'apm_error apm_socket_end_send(apm_socket *socket, apm_async_result *result, _Out_ size_t *sent)',
    'apm_error apm_socket_begin_receive(apm_socket *socket, void *buffer, size_t size, int32_t flags, ' +
        'apm_async_callback callback, void *state, _Out_ apm_async_result **result)',
    'apm_error apm_socket_end_receive(apm_socket *socket, apm_async_result *result, _Out_ size_t *received)',
    'void *apm_async_result_wait_handle(apm_async_result *result)',
    'apm_error apm_async_result_cancel(apm_async_result *result)',
    'void apm_async_result_release(apm_async_result *result)',
])
    apm[/(apm_\w+)\(/.exec(prototype)[1]] = dll.func(prototype);
const waitForSingleObject = kernel.func('uint32_t __stdcall WaitForSingleObject(void *handle, uint32_t milliseconds)');

function check(code) {
    if (code !== 0) throw new Error(apm.apm_error_name(code));
}

function endpoint(number) {
    const place = {};

    check(apm.apm_endpoint_from_ip(ip, Number(number), place));
    return place;
}

function stream() {
    const place = [null];

    check(apm.apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, place));
    return place[0];
}

// Memory outside of the garbage collector's reach: it neither moves nor goes before free().
function memory(size) {
    const data = koffi.alloc('uint8_t', size);

    return { data, size, text: (count) => Buffer.from(koffi.decode(data, 'uint8_t', count)).toString(),
        fill: (text) => koffi.encode(data, 'uint8_t', Buffer.from(text), size), free: () => koffi.free(data) };
}

// Begins an operation: its result, and a promise of what `end` gives in the callback.
function begin(start, end) {
    const place = [null];
    const alive = setInterval(() => {}, 0x7FFFFFFF);
    let callback = null;
    const done = new Promise((resolve) => {
        callback = koffi.register((result) => {
            clearInterval(alive);
            resolve(end(result));
            // Not while it is running.
            setImmediate(() => koffi.unregister(callback));
        }, apm_async_callback);
    });
    const code = start(callback, place);

    if (code !== 0) {
        clearInterval(alive);
        koffi.unregister(callback);
    }
    check(code);
    return { result: place[0], done };
}

function beginConnect(socket, number) {
    return begin((callback, place) => apm.apm_socket_begin_connect(socket, endpoint(number), callback, null, place),
        (result) => apm.apm_socket_end_connect(socket, result));
}

function beginReceive(socket, buffer) {
    return begin((callback, place) =>
        apm.apm_socket_begin_receive(socket, buffer.data, buffer.size, 0, callback, null, place),
    (result) => {
        const count = [0];

        return { code: apm.apm_socket_end_receive(socket, result, count), count: Number(count[0]) };
    });
}

function beginSend(socket, buffer) {
    return begin((callback, place) =>
        apm.apm_socket_begin_send(socket, buffer.data, buffer.size, 0, callback, null, place),
    (result) => {
        const count = [0];

        return { code: apm.apm_socket_end_send(socket, result, count), count: Number(count[0]) };
    });
}

// On a thread of koffi's, so that node goes on: it has callbacks to run.
function wait(result) {
    return new Promise((resolve, reject) => waitForSingleObject.async(apm.apm_async_result_wait_handle(result), 60000,
        (error, outcome) => (error ? reject(error) : resolve(outcome === 0))));
}

async function converse() {
    console.log('version ' + apm.apm_version());
    let socket = stream();
    let connect = beginConnect(socket, refusing);

    console.log('refused ' + apm.apm_error_name(await connect.done));
    apm.apm_async_result_release(connect.result);
    check(apm.apm_socket_close(socket));

    socket = stream();
    connect = beginConnect(socket, port);
    check(await connect.done);
    apm.apm_async_result_release(connect.result);
    console.log('connected');

    const buffer = memory(256);
    const line = memory(Buffer.byteLength(word) + 1);
    let receive = beginReceive(socket, buffer);

    line.fill(word + '\n');
    const send = beginSend(socket, line);
    const sent = await send.done;

    check(sent.code);
    console.log('sent ' + sent.count);
    apm.apm_async_result_release(send.result);
    line.free();
    console.log('signaled ' + await wait(receive.result));
    const received = await receive.done;

    check(received.code);
    console.log('received ' + buffer.text(received.count).trimEnd());
    apm.apm_async_result_release(receive.result);

    receive = beginReceive(socket, buffer);
    check(apm.apm_async_result_cancel(receive.result));
    console.log('cancelled ' + apm.apm_error_name((await receive.done).code));
    apm.apm_async_result_release(receive.result);
    buffer.free();
    check(apm.apm_socket_close(socket));
    // It joins the workers, which may still be in koffi: not on node's own thread.
    await new Promise((resolve, reject) => apm.apm_cleanup.async((error, code) =>
        (error || code !== 0 ? reject(error || new Error(apm.apm_error_name(code))) : resolve())));
    console.log('end');
}

converse().catch((error) => {
    console.log('failed ' + error.stack);
    process.exitCode = 1;
});
