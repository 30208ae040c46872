/*
 * Closed testing by weights: every way to share alpha out over the hypotheses that are still open,
 * including graphs that hand alpha on (docs/stats/multiple-testing.md).
 *
 * Closure principle (Marcus, Peritz & Gabriel 1976): hypothesis i is rejected at level alpha when
 * every intersection that contains it is; then the family-wise error is <= alpha. Each intersection
 * J is tested by Bonferroni with weights w(J), any dependence.
 */
#ifndef STATS_CLOSED_TEST_H
#define STATS_CLOSED_TEST_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

#define CLOSED_TEST_MAX 12 /* hypotheses: 4,095 intersections */

/*
 * A graph (Bretz, Maurer, Brannath & Posch, Stat. Med. 2009): initial weights, and which share of
 * its alpha a rejected hypothesis hands to which: pass[i][j] >= 0, rows adding to 1 at most,
 * pass[i][i] = 0.
 */
struct alpha_graph {
    size_t n; /* 1 .. CLOSED_TEST_MAX */
    double weight[CLOSED_TEST_MAX];
    double pass[CLOSED_TEST_MAX][CLOSED_TEST_MAX];
};

int alpha_graph_ok(const struct alpha_graph *graph, struct err *err) WARN_UNUSED;

/* Equal weights, each handing on to all others alike: Holm. */
void alpha_graph_holm(struct alpha_graph *graph, size_t n);
/* All of alpha on the first, handed on to the next: the fixed sequence. */
void alpha_graph_sequence(struct alpha_graph *graph, size_t n);

/* Weights of the hypotheses in `members` (bit i), once the others are removed from the graph. */
void alpha_graph_weights(const struct alpha_graph *graph, unsigned members,
                         double weight[CLOSED_TEST_MAX]);

/*
 * adjusted[i]: the least level at which i is rejected, in [0, 1]. p in [0, 1] (anytime p-values are
 * fine), or NAN for a hypothesis that is not tested yet: counted as 1.
 */
void closed_test_by_graph(const struct alpha_graph *graph, const double *p, double *adjusted);

/*
 * The same by the weighted means of e-values: adjusted[i] is the least mean of an intersection with
 * i, weights w(J); i is rejected when it is >= 1/alpha. e is e_values_ok(). With a graph of equal
 * weights that hands on alike it is e_closed_means().
 */
void closed_test_by_e_values(const struct alpha_graph *graph, const double *e, double *adjusted);

#endif
