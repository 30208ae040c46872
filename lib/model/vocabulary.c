#include "lib/model/vocabulary.h"

#include <string.h>

const struct word *word_find(const struct word *const *words, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(words[i]->name, name) == 0)
            return words[i];
    return NULL;
}
