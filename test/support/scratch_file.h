/* SPDX-License-Identifier: MIT */
/* Files that a test makes for itself, in the directory it runs in, with names no ASCII can write. */
#ifndef TEST_SCRATCH_FILE_H
#define TEST_SCRATCH_FILE_H

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

#ifdef _WIN32
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>
#else
#include <sys/stat.h>
#include <unistd.h>
#endif

typedef struct scratch_file {
    char path[80]; /* UTF-8; empty: there is none */
} scratch_file;

#ifdef _WIN32
static inline void scratch_widen(const char *path, WCHAR wide[80])
{
    if (MultiByteToWideChar(CP_UTF8, 0, path, -1, wide, 80) == 0) abort();
}
#endif

/* The next name that is free. True if the file, or the folder, was made. */
static inline bool scratch_try(scratch_file *file, bool folder, int number)
{
#ifdef _WIN32
    WCHAR wide[80];
    HANDLE handle;
#else
    FILE *made;
#endif

    /* "apmsock-e(acute)-(kanji)-(emoji)": two, three and four bytes each. */
    (void)snprintf(file->path, sizeof file->path, "apmsock-\xC3\xA9-\xE6\xBC\xA2-\xF0\x9F\x93\x84-%d.tmp",
                   number);
#ifdef _WIN32
    scratch_widen(file->path, wide);
    if (folder) return CreateDirectoryW(wide, NULL) != 0;
    handle = CreateFileW(wide, GENERIC_WRITE, 0, NULL, CREATE_NEW, 0, NULL);
    return handle != INVALID_HANDLE_VALUE && CloseHandle(handle);
#else
    if (folder) return mkdir(file->path, 0700) == 0;
    made = fopen(file->path, "wbx");
    return made != NULL && fclose(made) == 0;
#endif
}

static inline bool scratch_new(scratch_file *file, bool folder)
{
    int number;

    for (number = 0; number < 1000; number++)
        if (scratch_try(file, folder, number)) return true;
    file->path[0] = '\0';
    return false;
}

static inline bool scratch_append(const scratch_file *file, const void *data, size_t size)
{
#ifdef _WIN32
    WCHAR wide[80];
    FILE *open;

    scratch_widen(file->path, wide);
    open = _wfopen(wide, L"ab");
#else
    FILE *open = fopen(file->path, "ab");
#endif
    if (open == NULL) return false;
    size -= fwrite(data, 1, size, open);
    return fclose(open) == 0 && size == 0;
}

/* Holes, which take no room on the disk and are zeros. */
static inline bool scratch_stretch(const scratch_file *file, uint64_t size)
{
#ifdef _WIN32
    WCHAR wide[80];
    LARGE_INTEGER end;
    HANDLE handle;
    DWORD returned;
    bool good;

    scratch_widen(file->path, wide);
    handle = CreateFileW(wide, GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    if (handle == INVALID_HANDLE_VALUE) return false;
    /* FSCTL_SET_SPARSE: where it is not to be had, the file takes its room. */
    (void)DeviceIoControl(handle, 0x900C4, NULL, 0, NULL, 0, &returned, NULL);
    end.QuadPart = (LONGLONG)size;
    good = SetFilePointerEx(handle, end, NULL, FILE_BEGIN) && SetEndOfFile(handle);
    return CloseHandle(handle) && good;
#else
    FILE *open = size != 0 && size <= LONG_MAX ? fopen(file->path, "r+b") : NULL;
    bool good;

    if (open == NULL) return false;
    good = fseek(open, (long)(size - 1), SEEK_SET) == 0 && fputc(0, open) == 0;
    return fclose(open) == 0 && good;
#endif
}

/* False while somebody has it open who does not allow it; the simulated kernel allows it always. */
static inline bool scratch_delete(scratch_file *file, bool folder)
{
    bool gone;
#ifdef _WIN32
    WCHAR wide[80];

    scratch_widen(file->path, wide);
    gone = folder ? RemoveDirectoryW(wide) != 0 : DeleteFileW(wide) != 0;
#else
    gone = (folder ? rmdir(file->path) : unlink(file->path)) == 0;
#endif
    if (gone) file->path[0] = '\0';
    return gone;
}

/* A file of `size` bytes of the pattern from `place`; checks. */
static inline bool scratch_fill(scratch_file *file, size_t size, uint64_t place)
{
    unsigned char *data = (unsigned char *)malloc(size + 1);
    bool good = data != NULL && scratch_new(file, false);

    if (good) {
        pattern_fill(data, size, place);
        good = scratch_append(file, data, size);
    }
    CHECK(good);
    free(data);
    return good;
}

#endif
