/* SPDX-License-Identifier: MIT */
#include "plugin.h"

#include <apmsock/apmsock.h>

#include <string.h>

#include "../support/module.h"

bool plugin_load(plugin *loaded, const char *file)
{
    HMODULE module = LoadLibraryA(file);

    memset(loaded, 0, sizeof *loaded);
    loaded->module = module;
    return module_find(module, "guest_start", &loaded->call.start) &&
           module_find(module, "guest_stop", &loaded->call.stop) &&
           module_find(module, "guest_open", &loaded->call.open) &&
           module_find(module, "guest_send", &loaded->call.send) &&
           module_find(module, "guest_receive", &loaded->call.receive) &&
           module_find(module, "guest_close", &loaded->call.close) &&
           module_find(module, "guest_answers", &loaded->call.answers) &&
           module_find(module, "guest_called", &loaded->call.called) &&
           module_find(module, "guest_script", &loaded->call.script) &&
           module_find(module, "guest_scripted", &loaded->call.scripted);
}

bool plugin_free(plugin *loaded)
{
    bool good = loaded->module != NULL && FreeLibrary((HMODULE)loaded->module) != 0;

    memset(loaded, 0, sizeof *loaded);
    return good;
}

bool plugin_present(const char *file)
{
    return GetModuleHandleA(file != NULL ? file : module_library()) != NULL;
}

bool plugin_gone(const char *file)
{
    return module_goes(file != NULL ? file : module_library());
}

bool plugin_library_find(const char *name, void *place)
{
    return module_find(GetModuleHandleA(module_library()), name, place);
}

int32_t plugin_library_start(bool on_pool)
{
    apm_error(APM_CALL * startup)(const apm_options *options);
    apm_options options;

    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.callbacks_on_pool = on_pool;
    return plugin_library_find("apm_startup", &startup) ? startup(&options) : PLUGIN_ABSENT;
}

/* The end of its last worker may be the end of the module: not under our feet. */
int32_t plugin_library_stop(void)
{
    HMODULE module = plugin_present(NULL) ? LoadLibraryA(module_library()) : NULL;
    apm_error(APM_CALL * cleanup)(void);
    int32_t error = PLUGIN_ABSENT;

    if (module != NULL && module_find(module, "apm_cleanup", &cleanup)) error = cleanup();
    if (module != NULL) (void)FreeLibrary(module);
    return error;
}
