/* SPDX-License-Identifier: MIT */
/*
 * A program with a window: the library's workers do the work, and callbacks come to the thread that
 * owns the window, by a message. There they may touch what belongs to that thread.
 */
#include <stdio.h>

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

#include "conversation.h"

#define WM_CALLBACKS_READY (WM_APP + 1)

/* On any thread. The messages of a window are limited in number, and it may be gone. */
static bool APM_CALL post_message(void *context)
{
    return PostMessageA((HWND)context, WM_CALLBACKS_READY, 0, 0) != 0;
}

static LRESULT CALLBACK handle_message(HWND window, UINT message, WPARAM wide, LPARAM large)
{
    if (message != WM_CALLBACKS_READY) return DefWindowProcA(window, message, wide, large);
    (void)apm_poll(0);
    return 0;
}

static void on_over(void *context)
{
    *(DWORD *)context = GetCurrentThreadId();
    PostQuitMessage(0); /* to this thread's loop: so it has to be the window's */
}

static HWND make_window(void)
{
    WNDCLASSA of = {0};

    of.lpfnWndProc = handle_message;
    of.hInstance = GetModuleHandleA(NULL);
    of.lpszClassName = "apmsock sample";
    if (RegisterClassA(&of) == 0) return NULL;
    return CreateWindowA(of.lpszClassName, "", 0, 0, 0, 0, 0, HWND_MESSAGE, NULL, of.hInstance, NULL);
}

int main(int argc, char **argv)
{
    apm_options options = {0};
    conversation talk = {0};
    DWORD thread = 0;
    apm_error error;
    MSG message;

    if (argc != 3) return 2;
    options.size = sizeof options;
    options.dispatch = post_message;
    options.dispatch_context = make_window();
    if (options.dispatch_context == NULL) return 3;
    error = apm_startup(&options);
    if (error == APM_ERROR_SUCCESS) {
        talk.over = on_over;
        talk.context = &thread;
        error = conversation_begin(&talk, argv[1], argv[2]);
        while (error == APM_ERROR_SUCCESS && GetMessageA(&message, NULL, 0, 0) > 0)
            DispatchMessageA(&message);
        if (error == APM_ERROR_SUCCESS) error = talk.error;
        (void)apm_cleanup(); /* on this thread, too: what is left to be called back is so here */
    }
    (void)fprintf(stderr, "%s\n", apm_error_name(error));
    return error == APM_ERROR_SUCCESS && thread == GetCurrentThreadId() ? 0 : 1;
}
