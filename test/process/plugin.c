/* SPDX-License-Identifier: MIT */
#include "plugin.h"

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

#include <stdlib.h>
#include <string.h>

#define PATIENCE 60000u

static const char *library_name(void)
{
    const char *name = getenv("APMTEST_DLL");

    return name != NULL ? name : "apmsock.dll";
}

/* `place` is a pointer to some function: copied, since it is of another type each time. */
static bool find_function(void *module, const char *name, void *place)
{
    FARPROC found = module != NULL ? GetProcAddress((HMODULE)module, name) : NULL;

    memcpy(place, &found, sizeof found);
    return found != NULL;
}

bool plugin_load(plugin *loaded, const char *file)
{
    memset(loaded, 0, sizeof *loaded);
    loaded->module = LoadLibraryA(file);
    return find_function(loaded->module, "guest_start", &loaded->call.start) &&
           find_function(loaded->module, "guest_stop", &loaded->call.stop) &&
           find_function(loaded->module, "guest_open", &loaded->call.open) &&
           find_function(loaded->module, "guest_send", &loaded->call.send) &&
           find_function(loaded->module, "guest_receive", &loaded->call.receive) &&
           find_function(loaded->module, "guest_close", &loaded->call.close) &&
           find_function(loaded->module, "guest_answers", &loaded->call.answers) &&
           find_function(loaded->module, "guest_called", &loaded->call.called) &&
           find_function(loaded->module, "guest_script", &loaded->call.script) &&
           find_function(loaded->module, "guest_scripted", &loaded->call.scripted);
}

bool plugin_free(plugin *loaded)
{
    bool good = loaded->module != NULL && FreeLibrary((HMODULE)loaded->module) != 0;

    memset(loaded, 0, sizeof *loaded);
    return good;
}

bool plugin_present(const char *file)
{
    return GetModuleHandleA(file != NULL ? file : library_name()) != NULL;
}

bool plugin_gone(const char *file)
{
    ULONGLONG start = GetTickCount64();

    while (plugin_present(file) && GetTickCount64() - start < PATIENCE) Sleep(1);
    return !plugin_present(file);
}

bool plugin_library_find(const char *name, void *place)
{
    return find_function(GetModuleHandleA(library_name()), name, place);
}

int32_t plugin_library_start(void)
{
    int32_t(__cdecl * startup)(const void *options);

    return plugin_library_find("apm_startup", &startup) ? startup(NULL) : PLUGIN_ABSENT;
}

/* The end of its last worker may be the end of the module: not under our feet. */
int32_t plugin_library_stop(void)
{
    HMODULE module = plugin_present(NULL) ? LoadLibraryA(library_name()) : NULL;
    int32_t(__cdecl * cleanup)(void);
    int32_t error = PLUGIN_ABSENT;

    if (module != NULL && find_function(module, "apm_cleanup", &cleanup)) error = cleanup();
    if (module != NULL) (void)FreeLibrary(module);
    return error;
}
