/* SPDX-License-Identifier: MIT */
/*
 * A program with one thread, as a game is: the library has no workers, and callbacks come where the
 * loop calls apm_poll, once in each frame.
 */
#include <stdio.h>

#include "conversation.h"

enum { FRAME = 16 }; /* ms */

typedef struct game {
    bool over;
    unsigned frames;
} game;

static void on_over(void *context)
{
    ((game *)context)->over = true; /* no lock: it is the same thread */
}

static void draw(game *play)
{
    play->frames++;
}

int main(int argc, char **argv)
{
    apm_options options = {0};
    game play = {0};
    conversation talk = {0};
    apm_error error;

    if (argc != 3) return 2;
    options.size = sizeof options;
    options.no_workers = true;
    error = apm_startup(&options);
    if (error == APM_ERROR_SUCCESS) {
        talk.over = on_over;
        talk.context = &play;
        error = conversation_begin(&talk, argv[1], argv[2]);
        while (error == APM_ERROR_SUCCESS && !play.over) {
            draw(&play);
            (void)apm_poll(FRAME); /* instead of sleeping until the next frame */
        }
        if (error == APM_ERROR_SUCCESS) error = talk.error;
        (void)apm_cleanup();
    }
    (void)fprintf(stderr, "%s\n", apm_error_name(error));
    return error == APM_ERROR_SUCCESS && play.frames != 0 ? 0 : 1;
}
