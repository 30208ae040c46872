// rooms: aws net crypto base
/*
 * The shared files of the AWS tools, as config and as credentials. What was read is found again
 * under its own names; the words of each credential_process are split, too.
 */
#include "lib/aws/process.h"
#include "lib/aws/profiles.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_up(const struct profiles *p)
{
    for (const struct profile *s = p->first; s; s = s->next) {
        if (profiles_find(p, s->kind, s->name) != s)
            abort();
        for (const struct profile_setting *t = s->settings; t; t = t->next)
            if (!profile_get(s, t->parent, t->name))
                abort();
    }
}

static void split(const struct profiles *p)
{
    for (const struct profile *s = p->first; s; s = s->next) {
        const char *command = profile_get(s, NULL, "credential_process");
        struct arena a;
        char **words;
        if (!command)
            continue;
        arena_init(&a);
        words = process_split(&a, command, NULL);
        if (words && !words[0])
            abort();
        arena_release(&a);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int file = PROFILE_CONFIG; file <= PROFILE_CREDENTIALS; file++) {
        struct profiles p;
        profiles_init(&p);
        if (profiles_add(&p, (enum profile_file)file, (const char *)data, size, NULL) == 0) {
            look_up(&p);
            split(&p);
        }
        profiles_release(&p);
    }
    return 0;
}
