/*
 * Kayenta's JSON: canary configuration, metric set pairs and judge results, as its REST interface
 * and its RemoteJudge send and take them (docs/stats/kayenta.md). No mathematics here.
 *
 * Reading is as strict and as lax as the original: unknown fields are left alone, words that are
 * not known mean the default, but a flag that is no boolean or a number that is a string fails the
 * whole analysis. Everything read lives in the arena; names and texts point into the document.
 */
#ifndef JUDGE_EVAL_KAYENTA_JSON_H
#define JUDGE_EVAL_KAYENTA_JSON_H

#include "lib/base/arena.h"
#include "lib/base/node.h"
#include "lib/base/writer.h"
#include "stats/kayenta/judge.h"
#include "stats/kayenta/pairing.h"

/*
 * The value at a path of keys, as Kayenta looks settings up: through objects by key, through an
 * array by looking in each of its items and gathering what is found (an array, never empty). NULL
 * when there is none. Path of at most NODE_DEPTH_MAX keys.
 */
const struct node *kayenta_get(struct arena *a, const struct node *data, const char *const *path,
                               size_t n);

/* Numbers with "NaN", "Infinity", "-Infinity"; null in a series is a missing value. */
int kayenta_number(const struct node *n, const char *what, double *out,
                   struct err *err) WARN_UNUSED;
int kayenta_values(struct arena *a, const struct node *list, const char *what, const double **out,
                   size_t *n, struct err *err) WARN_UNUSED;

/* `analysisConfigurations` of one metric (NULL: all defaults). */
int kayenta_read_options(struct arena *a, const struct node *analysis, struct aca_options *out,
                         struct err *err) WARN_UNUSED;

/* {name: percent}; NULL is none. */
int kayenta_read_weights(struct arena *a, const struct node *weights,
                         const struct score_weight **out, size_t *n, struct err *err) WARN_UNUSED;

/* [word, ...]; NULL is none. */
int kayenta_read_words(struct arena *a, const struct node *list, const char *what,
                       const char *const **out, size_t *n, struct err *err) WARN_UNUSED;

int kayenta_read_config(struct arena *a, const struct node *config, struct aca_config *out,
                        struct err *err) WARN_UNUSED;

/* {pass, marginal}; null or absent is NAN. */
int kayenta_read_thresholds(const struct node *thresholds, struct score_thresholds *out,
                            struct err *err) WARN_UNUSED;

/* metricSetPairList */
int kayenta_read_pairs(struct arena *a, const struct node *list, const struct metric_pair **out,
                       size_t *n, struct err *err) WARN_UNUSED;

/* A metricSetList: {name, tags, values, startTimeMillis, endTimeMillis, stepMillis}. */
int kayenta_read_sets(struct arena *a, const struct node *list, struct metric_sets *out,
                      struct err *err) WARN_UNUSED;

/* A number, as a member or (key NULL) an item; NaN and infinities in the words above. */
void kayenta_put(struct writer *w, const char *key, double v);
void kayenta_put_summary(struct writer *w, const struct sample_summary *s);
void kayenta_put_tags(struct writer *w, const struct tag *tags, size_t n);

/* The members of a CanaryJudgeResult, into the object that is open. */
void kayenta_put_judgement(struct writer *w, const struct aca_judgement *j);

#endif
