// SPDX-License-Identifier: MIT
//! A client in Rust: a safe wrapper of what it needs, and one conversation with it.
//!
//! A buffer goes into the operation and comes back with the callback, so nobody can touch it
//! while the kernel may. A closure is called on a thread of the library's pool, or inside the
//! call that begins, hence `Send + 'static`; one that panics ends the process.
use std::ffi::{c_void, CStr, CString};
use std::os::raw::c_char;
use std::ptr::{null, null_mut};
use std::sync::mpsc::channel;

/// What the library declares, as far as it is used.
#[allow(non_camel_case_types)]
mod raw {
    use super::*;

    pub type apm_error = i32;
    #[repr(C)]
    pub struct apm_socket {
        _opaque: [u8; 0],
    }
    #[repr(C)]
    pub struct apm_async_result {
        _opaque: [u8; 0],
    }
    #[repr(C)]
    #[derive(Clone, Copy)]
    pub struct apm_endpoint {
        pub length: i32,
        pub reserved: i32,
        pub address: [u64; 16],
    }
    pub type apm_async_callback = Option<unsafe extern "C" fn(result: *mut apm_async_result)>;

    pub const APM_ERROR_OUT_OF_MEMORY: apm_error = -9;
    pub const APM_FAMILY_IPV4: i32 = 2;
    pub const APM_SOCKET_STREAM: i32 = 1;
    pub const APM_PROTOCOL_TCP: i32 = 6;

    #[link(name = "apmsock")]
    extern "C" {
        pub fn apm_version() -> *const c_char;
        pub fn apm_cleanup() -> apm_error;
        pub fn apm_error_name(error: apm_error) -> *const c_char;
        pub fn apm_endpoint_from_ip(ip: *const c_char, port: u16, endpoint: *mut apm_endpoint) -> apm_error;
        pub fn apm_socket_create(family: i32, kind: i32, protocol: i32, socket: *mut *mut apm_socket) -> apm_error;
        pub fn apm_socket_close(socket: *mut apm_socket) -> apm_error;
        pub fn apm_socket_retain(socket: *mut apm_socket);
        pub fn apm_socket_release(socket: *mut apm_socket);
        pub fn apm_socket_begin_connect(
            socket: *mut apm_socket, remote: *const apm_endpoint, callback: apm_async_callback, state: *mut c_void,
            result: *mut *mut apm_async_result) -> apm_error;
        pub fn apm_socket_end_connect(socket: *mut apm_socket, result: *mut apm_async_result) -> apm_error;
        pub fn apm_socket_begin_send(
            socket: *mut apm_socket, buffer: *const c_void, size: usize, flags: i32, callback: apm_async_callback,
            state: *mut c_void, result: *mut *mut apm_async_result) -> apm_error;
        pub fn apm_socket_end_send(
            socket: *mut apm_socket, result: *mut apm_async_result, sent: *mut usize) -> apm_error;
        pub fn apm_socket_begin_receive(
            socket: *mut apm_socket, buffer: *mut c_void, size: usize, flags: i32, callback: apm_async_callback,
            state: *mut c_void, result: *mut *mut apm_async_result) -> apm_error;
        pub fn apm_socket_end_receive(
            socket: *mut apm_socket, result: *mut apm_async_result, received: *mut usize) -> apm_error;
        pub fn apm_async_result_state(result: *const apm_async_result) -> *mut c_void;
        pub fn apm_async_result_cancel(result: *mut apm_async_result) -> apm_error;
        pub fn apm_async_result_wait_handle(result: *mut apm_async_result) -> *mut c_void;
        pub fn apm_async_result_release(result: *mut apm_async_result);
    }

    #[link(name = "kernel32")]
    extern "system" {
        pub fn WaitForSingleObject(handle: *mut c_void, milliseconds: u32) -> u32;
    }
}

/// An `apm_error` that is not success.
#[derive(Clone, Copy, PartialEq)]
struct Error(raw::apm_error);

impl Error {
    fn name(self) -> &'static str {
        unsafe { CStr::from_ptr(raw::apm_error_name(self.0)) }.to_str().unwrap_or("?")
    }
}

impl std::fmt::Debug for Error {
    fn fmt(&self, to: &mut std::fmt::Formatter) -> std::fmt::Result {
        to.write_str(self.name())
    }
}

fn check(code: raw::apm_error) -> Result<(), Error> {
    if code == 0 { Ok(()) } else { Err(Error(code)) }
}

/// One reference to an operation, which goes on without it.
struct Operation(*mut raw::apm_async_result);

unsafe impl Send for Operation {}

impl Operation {
    fn cancel(&self) -> Result<(), Error> {
        check(unsafe { raw::apm_async_result_cancel(self.0) })
    }
    /// Whether it has completed in time, by its wait handle.
    fn wait(&self, milliseconds: u32) -> bool {
        let handle = unsafe { raw::apm_async_result_wait_handle(self.0) };
        !handle.is_null() && unsafe { raw::WaitForSingleObject(handle, milliseconds) } == 0
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        unsafe { raw::apm_async_result_release(self.0) }
    }
}

/// Closed when it goes. Operations hold a reference of their own.
struct Socket(*mut raw::apm_socket);

unsafe impl Send for Socket {}
unsafe impl Sync for Socket {}

/// What an operation takes with it; `end` gets it back in the callback, and calls the closure.
struct Pending<Buffer, Done> {
    socket: *mut raw::apm_socket,
    buffer: Buffer,
    done: Done,
    end: unsafe fn(*mut raw::apm_socket, *mut raw::apm_async_result, &mut usize) -> raw::apm_error,
}

unsafe extern "C" fn call_back<Buffer, Done>(result: *mut raw::apm_async_result)
where
    Done: FnOnce(Result<usize, Error>, Buffer),
{
    // Unwinding into C is undefined: a panic ends the process.
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let pending = Box::from_raw(raw::apm_async_result_state(result) as *mut Pending<Buffer, Done>);
        let Pending { socket, buffer, done, end } = *pending;
        let mut count = 0;
        let code = end(socket, result, &mut count);
        raw::apm_socket_release(socket);
        done(check(code).map(|()| count), buffer);
    }));
    if outcome.is_err() {
        std::process::abort();
    }
}

impl Socket {
    fn stream() -> Result<Socket, Error> {
        let mut socket = null_mut();
        check(unsafe {
            raw::apm_socket_create(raw::APM_FAMILY_IPV4, raw::APM_SOCKET_STREAM, raw::APM_PROTOCOL_TCP, &mut socket)
        })?;
        Ok(Socket(socket))
    }

    /// `start` begins with the callback, its state, and where the result goes.
    fn begin<Buffer, Done>(
        &self, buffer: Buffer, done: Done,
        end: unsafe fn(*mut raw::apm_socket, *mut raw::apm_async_result, &mut usize) -> raw::apm_error,
        start: impl FnOnce(&mut Buffer, raw::apm_async_callback, *mut c_void, *mut *mut raw::apm_async_result) -> i32,
    ) -> Result<Operation, Error>
    where
        Buffer: Send + 'static,
        Done: FnOnce(Result<usize, Error>, Buffer) + Send + 'static,
    {
        let state = Box::into_raw(Box::new(Pending { socket: self.0, buffer, done, end }));
        let mut result = null_mut();
        unsafe {
            raw::apm_socket_retain(self.0);
            // From here on the box is the callback's, unless Begin fails.
            let code = start(&mut (*state).buffer, Some(call_back::<Buffer, Done>), state as *mut c_void, &mut result);
            if code != 0 {
                raw::apm_socket_release(self.0);
                drop(Box::from_raw(state));
            }
            check(code).map(|()| Operation(result))
        }
    }

    fn connect<Done>(&self, ip: &str, port: u16, done: Done) -> Result<Operation, Error>
    where
        Done: FnOnce(Result<usize, Error>, ()) + Send + 'static,
    {
        let text = CString::new(ip).map_err(|_| Error(raw::APM_ERROR_OUT_OF_MEMORY))?;
        let mut place = raw::apm_endpoint { length: 0, reserved: 0, address: [0; 16] };
        check(unsafe { raw::apm_endpoint_from_ip(text.as_ptr(), port, &mut place) })?;
        let socket = self.0;
        self.begin((), done, |socket, result, _| unsafe { raw::apm_socket_end_connect(socket, result) },
            move |_, callback, state, result| unsafe {
                raw::apm_socket_begin_connect(socket, &place, callback, state, result)
            })
    }

    fn send<Done>(&self, buffer: Vec<u8>, done: Done) -> Result<Operation, Error>
    where
        Done: FnOnce(Result<usize, Error>, Vec<u8>) + Send + 'static,
    {
        let socket = self.0;
        self.begin(buffer, done, |socket, result, count| unsafe { raw::apm_socket_end_send(socket, result, count) },
            move |buffer, callback, state, result| unsafe {
                raw::apm_socket_begin_send(
                    socket, buffer.as_ptr() as *const c_void, buffer.len(), 0, callback, state, result)
            })
    }

    fn receive<Done>(&self, buffer: Vec<u8>, done: Done) -> Result<Operation, Error>
    where
        Done: FnOnce(Result<usize, Error>, Vec<u8>) + Send + 'static,
    {
        let socket = self.0;
        self.begin(buffer, done,
            |socket, result, count| unsafe { raw::apm_socket_end_receive(socket, result, count) },
            move |buffer, callback, state, result| unsafe {
                raw::apm_socket_begin_receive(
                    socket, buffer.as_mut_ptr() as *mut c_void, buffer.len(), 0, callback, state, result)
            })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        unsafe { raw::apm_socket_close(self.0) };
    }
}

fn converse(ip: &str, port: u16, refusing: u16, word: &str) -> Result<(), Error> {
    let here = std::thread::current().id();

    // A place where nobody listens.
    let socket = Socket::stream()?;
    let (told, outcome) = channel();
    socket.connect(ip, refusing, move |outcome, ()| told.send(outcome).unwrap())?;
    println!("refused {:?}", outcome.recv().unwrap().unwrap_err());

    let socket = Socket::stream()?;
    let (told, outcome) = channel();
    socket.connect(ip, port, move |outcome, ()| told.send(outcome).unwrap())?;
    outcome.recv().unwrap()?;
    println!("connected");

    // Nothing comes before the word has gone: this one is called back on a thread of the pool.
    let (told, answer) = channel();
    let receive = socket.receive(vec![0; 256], move |outcome, buffer| {
        told.send((outcome, buffer, std::thread::current().id())).unwrap()
    })?;
    let (told, sent) = channel();
    socket.send(format!("{}\n", word).into_bytes(), move |outcome, _| told.send(outcome).unwrap())?;
    println!("sent {}", sent.recv().unwrap()?);
    println!("signaled {}", receive.wait(60000));
    let (outcome, buffer, thread) = answer.recv().unwrap();
    println!("received {}", String::from_utf8_lossy(&buffer[..outcome?]).trim_end());
    println!("elsewhere {}", thread != here);

    let (told, outcome) = channel();
    let receive = socket.receive(vec![0; 16], move |outcome, _| told.send(outcome).unwrap())?;
    receive.cancel()?;
    println!("cancelled {:?}", outcome.recv().unwrap().unwrap_err());
    Ok(())
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let (ip, word) = (&arguments[1], &arguments[4]);
    let (port, refusing) = (arguments[2].parse().unwrap(), arguments[3].parse().unwrap());

    println!("version {}", unsafe { CStr::from_ptr(raw::apm_version()) }.to_str().unwrap());
    let outcome = converse(ip, port, refusing, word);
    assert!(null::<u8>().is_null() && unsafe { raw::apm_cleanup() } == 0);
    if let Err(error) = outcome {
        println!("failed {:?}", error);
        std::process::exit(1);
    }
    println!("end");
}
