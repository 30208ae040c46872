#include "stats/multiple/closed_test.h"

#include <math.h>

#include "stats/multiple/adjust.h"
#include "stats/multiple/e_values.h"

int alpha_graph_ok(const struct alpha_graph *g, struct err *err)
{
    if (g->n < 1 || g->n > CLOSED_TEST_MAX)
        return err_set(err, ERR_LIMIT, "%zu hypotheses: want 1 to %d", g->n, CLOSED_TEST_MAX);
    if (weights_ok(g->weight, g->n, err) != 0)
        return -1;
    for (size_t i = 0; i < g->n; i++) {
        if (weights_ok(g->pass[i], g->n, err) != 0)
            return err_context(err, "what hypothesis %zu hands on", i + 1);
        if (g->pass[i][i] != 0)
            return err_set(err, ERR_INPUT, "hypothesis %zu hands alpha to itself", i + 1);
    }
    return 0;
}

void alpha_graph_holm(struct alpha_graph *g, size_t n)
{
    BUG_ON(n < 1 || n > CLOSED_TEST_MAX);
    *g = (struct alpha_graph){.n = n};
    for (size_t i = 0; i < n; i++) {
        g->weight[i] = 1 / (double)n;
        for (size_t j = 0; j < n; j++)
            g->pass[i][j] = i == j ? 0 : 1 / ((double)n - 1);
    }
}

void alpha_graph_sequence(struct alpha_graph *g, size_t n)
{
    BUG_ON(n < 1 || n > CLOSED_TEST_MAX);
    *g = (struct alpha_graph){.n = n, .weight = {1}};
    for (size_t i = 0; i + 1 < n; i++)
        g->pass[i][i + 1] = 1;
}

/* Takes hypothesis h out: its weight goes along its edges, paths through it become edges. */
static void remove_one(struct alpha_graph *g, unsigned open, size_t h)
{
    struct alpha_graph old = *g;
    for (size_t i = 0; i < g->n; i++) {
        double loop = old.pass[i][h] * old.pass[h][i];
        if (i == h || !(open >> i & 1))
            continue;
        g->weight[i] = old.weight[i] + old.weight[h] * old.pass[h][i];
        for (size_t j = 0; j < g->n; j++) {
            double through = old.pass[i][j] + old.pass[i][h] * old.pass[h][j];
            g->pass[i][j] = i == j || j == h || loop >= 1 ? 0 : through / (1 - loop);
        }
    }
    g->weight[h] = 0;
}

void alpha_graph_weights(const struct alpha_graph *graph, unsigned members,
                         double weight[CLOSED_TEST_MAX])
{
    struct alpha_graph g = *graph;
    unsigned open = (1u << g.n) - 1;
    BUG_ON(alpha_graph_ok(graph, NULL) != 0);
    for (size_t h = 0; h < g.n; h++)
        if (!(members >> h & 1)) {
            open &= ~(1u << h);
            remove_one(&g, open, h);
        }
    for (size_t i = 0; i < CLOSED_TEST_MAX; i++)
        weight[i] = i < g.n ? g.weight[i] : 0;
}

void closed_test_by_graph(const struct alpha_graph *graph, const double *p, double *adjusted)
{
    double weight[CLOSED_TEST_MAX];
    BUG_ON(alpha_graph_ok(graph, NULL) != 0 || p_values_ok(p, graph->n, NULL) != 0);
    for (size_t i = 0; i < graph->n; i++)
        adjusted[i] = 0;
    for (unsigned set = 1; set < 1u << graph->n; set++) {
        double level = 1;
        alpha_graph_weights(graph, set, weight);
        for (size_t i = 0; i < graph->n; i++)
            if (set >> i & 1 && weight[i] > 0 && !isnan(p[i]))
                level = fmin(level, p[i] / weight[i]);
        for (size_t i = 0; i < graph->n; i++)
            if (set >> i & 1)
                adjusted[i] = fmax(adjusted[i], level);
    }
}

void closed_test_by_e_values(const struct alpha_graph *graph, const double *e, double *adjusted)
{
    double weight[CLOSED_TEST_MAX];
    BUG_ON(alpha_graph_ok(graph, NULL) != 0 || e_values_ok(e, graph->n, NULL) != 0);
    for (size_t i = 0; i < graph->n; i++)
        adjusted[i] = INFINITY;
    for (unsigned set = 1; set < 1u << graph->n; set++) {
        double mean = 0;
        alpha_graph_weights(graph, set, weight);
        for (size_t i = 0; i < graph->n; i++)
            if (set >> i & 1 && weight[i] > 0)
                mean += weight[i] * e[i];
        for (size_t i = 0; i < graph->n; i++)
            if (set >> i & 1)
                adjusted[i] = fmin(adjusted[i], mean);
    }
}
