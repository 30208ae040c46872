/* The version both programs tell. */
#ifndef JUDGE_VOCABULARY_VERSION_H
#define JUDGE_VOCABULARY_VERSION_H

#define JUDGE_VERSION "0.1.0"

#endif
