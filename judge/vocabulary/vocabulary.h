/*
 * The vocabulary of this build: every source, pattern, platform and method a spec may name.
 * One line in vocabulary.c is what a new word costs.
 */
#ifndef JUDGE_VOCABULARY_VOCABULARY_H
#define JUDGE_VOCABULARY_VOCABULARY_H

#include "lib/model/vocabulary.h"

/* Constant, never freed; any thread. */
const struct vocabulary *vocabulary_all(void);

#endif
