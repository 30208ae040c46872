/*
 * Group sequential designs (stats/sequential/), in the words of rpact, ldbounds, Spotify's
 * confidence and mvtnorm.
 */
#include <math.h>
#include <string.h>

#include "judge/eval/schools.h"
#include "lib/base/num.h"
#include "stats/sequential/coarse_grid.h"
#include "stats/sequential/futility.h"
#include "stats/sequential/decimal_search.h"

#define RPACT_INFINITE  7.5    /* rpact shows bounds from here on as infinite */
#define RPACT_LOWEST    (-6.0) /* and its futility bounds end here */
#define RPACT_ROUNDING  1e-8   /* the step its last cumulated alpha is cut down to */
#define RPACT_SHOWS     5e-6   /* nearer than this its grid cannot be told from the exact bound */
#define LDBOUNDS_FINITE 7.9995
#define SEARCH_SHOWS    2e-4 /* as RPACT_SHOWS, for the walk of ldbounds and Spotify */

/* Looks from `input.info`, or `input.K` equally spaced ones, without bounds. */
static int take_looks(const struct eval_case *c, struct look **looks, size_t *n, struct err *err)
{
    const double *info = NULL;
    double count = 0;
    *looks = NULL;
    *n = 0;
    if (node_get(c->input, "info")) {
        if (eval_numbers(c, c->input, "info", &info, n, err) != 0)
            return -1;
    } else {
        if (eval_number(c->input, "K", &count, err) != 0)
            return -1;
        if (!(count >= 1 && count <= LOOKS_MAX) || count != floor(count))
            return err_set(err, ERR_INPUT, "`K` must be a whole number from 1 to %d", LOOKS_MAX);
        *n = (size_t)count;
    }
    *looks = arena_array(c->arena, *n ? *n : 1, sizeof(**looks));
    for (size_t i = 0; i < *n; i++)
        (*looks)[i] = (struct look){info ? info[i] : (double)(i + 1) / count, -INFINITY, INFINITY};
    return looks_check(*looks, *n, err);
}

static int take_sides(const struct eval_case *c, enum test_sides *sides, struct err *err)
{
    double v;
    *sides = ONE_SIDE;
    if (eval_number_or(c->params, "sides", 1, &v, err) != 0)
        return -1;
    if (v != 1 && v != 2)
        return err_set(err, ERR_INPUT, "`sides` must be 1 or 2");
    *sides = v == 1 ? ONE_SIDE : BOTH_SIDES;
    return 0;
}

static int take_level(const struct eval_case *c, const char *key, double *level, struct err *err)
{
    if (eval_number(c->params, key, level, err) != 0)
        return -1;
    if (!(*level > 0 && *level < 1))
        return err_set(err, ERR_INPUT, "`%s` must be between 0 and 1", key);
    return 0;
}

static void put_upper(struct writer *got, const char *key, const struct look *looks, size_t n,
                      double infinite_from)
{
    writer_kv_array(got, key);
    for (size_t i = 0; i < n; i++)
        eval_put(got, looks[i].upper >= infinite_from ? INFINITY : looks[i].upper);
    writer_end(got);
}

/* ---- rpact ---- */

/* What comes with the user's own spending: cumulated at each look, as level fractions. */
static int take_user_spending(const struct eval_case *c, const char *key, double level,
                              const struct look *looks, size_t n, struct spending *s,
                              struct err *err)
{
    const double *user;
    double *t = arena_array(c->arena, n, sizeof(*t)), *fraction;
    size_t given;
    if (eval_numbers(c, c->params, key, &user, &given, err) != 0)
        return -1;
    if (given != n)
        return err_set(err, ERR_INPUT, "`%s` needs a value for each look", key);
    fraction = arena_array(c->arena, n, sizeof(*fraction));
    for (size_t i = 0; i < n; i++) {
        t[i] = looks[i].t;
        fraction[i] = user[i] / level;
    }
    *s = (struct spending){.shape = SPEND_TABLE, .t = t, .fraction = fraction, .points = n};
    return 0;
}

/* `word` is asOF, asP, asKD2, asHSD-4, asUser, noEarlyEfficacy; bs... likewise. */
static int take_rpact_spending(const struct eval_case *c, const char *word, double level,
                               const struct look *looks, size_t n, struct spending *s,
                               struct err *err)
{
    bool beta = strncmp(word, "bs", 2) == 0;
    const char *shape = strlen(word) > 2 ? word + 2 : "", *number = "";
    *s = (struct spending){.shape = SPEND_OBRIEN_FLEMING};
    if (strcmp(word, "noEarlyEfficacy") == 0) {
        double *t = arena_array(c->arena, n, sizeof(*t));
        double *fraction = arena_array(c->arena, n, sizeof(*fraction));
        for (size_t i = 0; i < n; i++)
            t[i] = looks[i].t;
        fraction[n - 1] = 1;
        *s = (struct spending){.shape = SPEND_TABLE, .t = t, .fraction = fraction, .points = n};
        return 0;
    }
    if (!beta && strncmp(word, "as", 2) != 0)
        return err_set(err, ERR_INPUT, "no spending function \"%.40s\"", word);
    if (strcmp(shape, "OF") == 0)
        return 0;
    if (strcmp(shape, "P") == 0) {
        s->shape = SPEND_POCOCK;
        return 0;
    }
    if (strcmp(shape, "User") == 0)
        return take_user_spending(c, beta ? "userBetaSpending" : "userAlphaSpending", level, looks,
                                  n, s, err);
    if (strncmp(shape, "KD", 2) == 0) {
        s->shape = SPEND_POWER;
        number = shape + 2;
    } else if (strncmp(shape, "HSD", 3) == 0) {
        s->shape = SPEND_HWANG;
        number = shape + 3;
    } else {
        return err_set(err, ERR_INPUT, "no spending function \"%.40s\"", word);
    }
    if (*number == '\0')
        return eval_number(c->params, beta ? "gammaB" : "gammaA", &s->parameter, err);
    if (num_parse_double(number, strlen(number), &s->parameter) != 0)
        return err_set(err, ERR_INPUT, "no spending function \"%.40s\"", word);
    return 0;
}

/* The middle of what rpact can show: it cuts its last cumulated alpha down to a multiple of 1e-8,
 * and its own rounding decides on which side of alpha that multiple lies. */
static double last_spent(double alpha)
{
    return alpha - RPACT_ROUNDING / 2;
}

static int run_rpact_spending(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct look *looks, *coarse;
    size_t n;
    enum test_sides sides;
    double alpha, *spent;
    const char *word;
    struct spending s;
    if (take_looks(c, &looks, &n, err) != 0 || take_sides(c, &sides, err) != 0 ||
        take_level(c, "alpha", &alpha, err) != 0 ||
        eval_text(c->params, "spending", &word, err) != 0 ||
        take_rpact_spending(c, word, alpha, looks, n, &s, err) != 0)
        return -1;
    coarse = arena_array(c->arena, n, sizeof(*coarse));
    spent = arena_array(c->arena, n, sizeof(*spent));
    memcpy(coarse, looks, n * sizeof(*looks));
    if (boundary_by_spending(looks, n, 1, alpha, sides, &s, err) != 0 ||
        coarse_boundary(coarse, n, alpha, sides, &s, spent, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (fabs(looks[i].upper - coarse[i].upper) > RPACT_SHOWS)
            looks[i].upper = coarse[i].upper;
    if (looks[n - 1].t >= 1)
        spent[n - 1] = last_spent(alpha);
    writer_object(got);
    put_upper(got, "z", looks, n, RPACT_INFINITE);
    eval_put_array(got, "alpha_spent", spent, n);
    writer_kv_array(got, "stage_level");
    for (size_t i = 0; i < n; i++)
        eval_put(got, 0.5 * erfc(looks[i].upper * M_SQRT1_2));
    writer_end(got);
    writer_end(got);
    return 0;
}

/* rpact's word for a family of bounds: OF, P, WT, HP, or a spending function. */
static int set_rpact_bounds(const struct eval_case *c, const char *type, struct look *looks,
                            size_t n, double alpha, enum test_sides sides, struct err *err)
{
    struct spending s;
    double v;
    if (strcmp(type, "OF") == 0)
        return boundary_wang_tsiatis(looks, n, alpha, sides, 0, err);
    if (strcmp(type, "P") == 0)
        return boundary_wang_tsiatis(looks, n, alpha, sides, 0.5, err);
    if (strcmp(type, "WT") == 0)
        return eval_number(c->params, "delta", &v, err) != 0
                   ? -1
                   : boundary_wang_tsiatis(looks, n, alpha, sides, v, err);
    if (strcmp(type, "HP") == 0)
        return eval_number_or(c->params, "constantBoundsHP", 3, &v, err) != 0
                   ? -1
                   : boundary_haybittle_peto(looks, n, alpha, sides, v, err);
    if (take_rpact_spending(c, type, alpha, looks, n, &s, err) != 0)
        return -1;
    return boundary_by_spending(looks, n, 1, alpha, sides, &s, err);
}

static int run_rpact_classical(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct look *looks;
    size_t n;
    enum test_sides sides;
    double alpha;
    const char *type;
    if (take_looks(c, &looks, &n, err) != 0 || take_sides(c, &sides, err) != 0 ||
        take_level(c, "alpha", &alpha, err) != 0 || eval_text(c->params, "type", &type, err) != 0 ||
        set_rpact_bounds(c, type, looks, n, alpha, sides, err) != 0)
        return -1;
    writer_object(got);
    put_upper(got, "z", looks, n, RPACT_INFINITE);
    writer_end(got);
    return 0;
}

struct rpact_design {
    struct look *looks;
    size_t n;
    enum test_sides sides;
    double alpha, beta, drift, fixed;
};

/* Expected size, in units of the test with a single look. */
static void put_asn(struct writer *got, const char *key, const struct rpact_design *d, double drift)
{
    double t_max = d->looks[d->n - 1].t, shift = d->drift * d->drift;
    eval_put_kv(got, key, expected_information(d->looks, d->n, drift) / t_max * shift / d->fixed);
}

static void put_power(struct writer *got, const struct rpact_design *d)
{
    struct look_exit exits[LOOKS_MAX];
    double sum = 0;
    exit_probabilities(d->looks, d->n, d->drift, exits);
    writer_kv_array(got, "power");
    for (size_t i = 0; i < d->n; i++)
        eval_put(got, sum += exits[i].upper);
    writer_end(got);
    writer_kv_array(got, "reject");
    for (size_t i = 0; i < d->n; i++)
        eval_put(got, exits[i].upper);
    writer_end(got);
}

static int take_rpact_futility(const struct eval_case *c, struct rpact_design *d, const char *word,
                               const char *beta_word, struct err *err)
{
    struct futility f = {.alpha = d->alpha, .beta = d->beta};
    if (d->sides != ONE_SIDE)
        return err_set(err, ERR_INPUT, "beta spending is for one-sided designs");
    if (take_rpact_spending(c, beta_word, d->beta, d->looks, d->n, &f.beta_spending, err) != 0 ||
        eval_bool(c->params, "binding", &f.binding, err) != 0)
        return -1;
    if (strncmp(word, "as", 2) != 0 && strcmp(word, "noEarlyEfficacy") != 0) {
        if (f.binding)
            return err_set(err, ERR_INPUT, "binding futility needs an alpha spending function");
        return set_rpact_bounds(c, word, d->looks, d->n, d->alpha, ONE_SIDE, err) != 0
                   ? -1
                   : boundary_add_futility(d->looks, d->n, &f.beta_spending, d->beta, &d->drift,
                                           err);
    }
    if (take_rpact_spending(c, word, d->alpha, d->looks, d->n, &f.alpha_spending, err) != 0)
        return -1;
    return boundary_with_futility(d->looks, d->n, &f, &d->drift, err);
}

static int run_rpact_power(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct rpact_design d = {0};
    const struct node *beta_word = node_get(c->params, "beta_spending");
    bool futility =
        beta_word && beta_word->type == NODE_STRING && strcmp(beta_word->text, "none") != 0;
    const char *word;
    if (take_looks(c, &d.looks, &d.n, err) != 0 || take_sides(c, &d.sides, err) != 0 ||
        take_level(c, "alpha", &d.alpha, err) != 0 || take_level(c, "beta", &d.beta, err) != 0 ||
        eval_text(c->params, "spending", &word, err) != 0)
        return -1;
    if (futility ? take_rpact_futility(c, &d, word, beta_word->text, err) != 0
                 : set_rpact_bounds(c, word, d.looks, d.n, d.alpha, d.sides, err) != 0 ||
                       design_drift(d.looks, d.n, 1 - d.beta, &d.drift, err) != 0)
        return -1;
    d.drift *= sqrt(d.looks[d.n - 1].t);
    d.fixed = fixed_shift(d.alpha / d.sides, d.beta);
    writer_object(got);
    if (futility) {
        put_upper(got, "z", d.looks, d.n, RPACT_INFINITE);
        writer_kv_array(got, "futility");
        for (size_t i = 0; i + 1 < d.n; i++)
            eval_put(got, fmax(d.looks[i].lower, RPACT_LOWEST));
        writer_end(got);
    }
    eval_put_kv(got, "shift", d.drift * d.drift);
    eval_put_kv(got, "inflation", d.drift * d.drift / d.fixed);
    put_asn(got, "asn_h1", &d, d.drift);
    put_asn(got, "asn_h01", &d, d.drift / 2);
    put_asn(got, "asn_h0", &d, 0);
    put_power(got, &d);
    writer_end(got);
    return 0;
}

/* ---- ldbounds, Spotify ---- */

/* Exact bounds, or the tool's own where its search stops elsewhere. */
static int search_bounds(const struct eval_case *c, struct look *looks, size_t n, double alpha,
                         enum test_sides sides, const struct spending *s,
                         const struct decimal_search *how, double *spent, struct err *err)
{
    struct look *walked = arena_array(c->arena, n, sizeof(*walked));
    memcpy(walked, looks, n * sizeof(*looks));
    if (boundary_by_spending(looks, n, 1, alpha, sides, s, err) != 0 ||
        decimal_boundary(walked, n, alpha, sides, s, how, spent, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (!(fabs(looks[i].upper - walked[i].upper) <= SEARCH_SHOWS))
            looks[i].upper = walked[i].upper;
    return 0;
}

static int run_ldbounds(const struct eval_case *c, struct writer *got, struct err *err)
{
    static const enum spending_shape by_iuse[] = {SPEND_OBRIEN_FLEMING, SPEND_POCOCK, SPEND_POWER,
                                                  SPEND_HWANG};
    struct look *looks;
    size_t n;
    enum test_sides sides;
    double alpha, iuse, *spent;
    struct spending s = {0};
    const size_t uses = ARRAY_LEN(by_iuse);
    if (take_looks(c, &looks, &n, err) != 0 || take_sides(c, &sides, err) != 0 ||
        take_level(c, "alpha", &alpha, err) != 0 ||
        eval_number(c->params, "iuse", &iuse, err) != 0 ||
        eval_number_or(c->params, "phi", 1, &s.parameter, err) != 0)
        return -1;
    if (!(iuse >= 1 && iuse <= (double)uses) || iuse != floor(iuse))
        return err_set(err, ERR_INPUT, "`iuse` must be 1, 2, 3 or 4");
    s.shape = by_iuse[(int)iuse - 1];
    spent = arena_array(c->arena, n, sizeof(*spent));
    if (search_bounds(c, looks, n, alpha, sides, &s, &ldbounds_search, spent, err) != 0)
        return -1;
    writer_object(got);
    put_upper(got, "z", looks, n, LDBOUNDS_FINITE);
    eval_put_array(got, "exit", spent, n);
    writer_end(got);
    return 0;
}

static int run_spotify(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct look *looks;
    size_t n;
    enum test_sides sides;
    double alpha, *spent;
    struct spending s = {.shape = SPEND_POWER};
    struct decimal_search how = spotify_search;
    if (take_looks(c, &looks, &n, err) != 0 || take_sides(c, &sides, err) != 0 ||
        take_level(c, "alpha", &alpha, err) != 0 ||
        eval_number_or(c->params, "rho", 2, &s.parameter, err) != 0 ||
        eval_number_or(c->params, "ztrun", spotify_search.truncate, &how.truncate, err) != 0)
        return -1;
    spent = arena_array(c->arena, n, sizeof(*spent));
    /* Two-sided is half the level on the upper side, the other side not looked at. */
    if (search_bounds(c, looks, n, alpha / sides, ONE_SIDE, &s, &how, spent, err) != 0)
        return -1;
    writer_object(got);
    put_upper(got, "z", looks, n, INFINITY);
    writer_end(got);
    return 0;
}

/* ---- mvtnorm ---- */

static int take_bounds(const struct eval_case *c, struct look *looks, size_t n, struct err *err)
{
    const double *lower, *upper;
    size_t n_lower, n_upper;
    if (eval_numbers(c, c->input, "lower", &lower, &n_lower, err) != 0 ||
        eval_numbers(c, c->input, "upper", &upper, &n_upper, err) != 0)
        return -1;
    if (n_lower != n || n_upper != n)
        return err_set(err, ERR_INPUT, "`info`, `lower` and `upper` must be of one length");
    for (size_t i = 0; i < n; i++) {
        looks[i].lower = lower[i];
        looks[i].upper = upper[i];
    }
    return looks_check(looks, n, err);
}

static int run_exit_probabilities(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct look *looks;
    struct look_exit *exits;
    size_t n;
    double drift;
    if (take_looks(c, &looks, &n, err) != 0 || take_bounds(c, looks, n, err) != 0 ||
        eval_number(c->params, "drift", &drift, err) != 0)
        return -1;
    if (!isfinite(drift))
        return err_set(err, ERR_INPUT, "`drift` must be finite");
    exits = arena_array(c->arena, n, sizeof(*exits));
    exit_probabilities(looks, n, drift, exits);
    writer_object(got);
    writer_kv_array(got, "p_cross_upper");
    for (size_t i = 0; i < n; i++)
        eval_put(got, exits[i].upper);
    writer_end(got);
    writer_kv_array(got, "p_cross_lower");
    for (size_t i = 0; i < n; i++)
        eval_put(got, exits[i].lower);
    writer_end(got);
    writer_end(got);
    return 0;
}

const struct eval_method eval_sequential[] = {
    {"rpact_alpha_spending", run_rpact_spending},
    {"rpact_classical_bounds", run_rpact_classical},
    {"rpact_power_futility", run_rpact_power},
    {"ldbounds_alpha_spending", run_ldbounds},
    {"spotify_alpha_spending", run_spotify},
    {"mvtnorm_exit_probabilities", run_exit_probabilities},
    {NULL, NULL},
};
