/* backtest SPEC --data FILE: what each method would have said of a history. No service. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "judge/backtest/backtest.h"
#include "judge/ctl/tools.h"
#include "lib/base/num.h"

#define METHODS_MAX 16

struct backtest {
    struct spec spec;
    struct history history;
    struct replay replay;
    struct decided decided[METHODS_MAX];
    size_t n;
    struct arena *arena;
};

/* 0, or the exit status with every complaint printed. */
static int read_history(struct backtest *b, const char *path)
{
    struct history_complaints complaints;
    struct err err = {0};
    struct buf data;
    int status = 0;
    buf_init(&data, HISTORY_BYTES_MAX);
    if (ctl_read_into(path, &data, &err) != 0) {
        status = ctl_fail(&err);
    } else if (history_read(&b->history, &b->spec, data.data, data.len, &complaints, &err) != 0) {
        for (size_t i = 0; i < complaints.n; i++)
            fprintf(stderr, "%s:%llu: %s\n", path, (unsigned long long)complaints.items[i].line,
                    complaints.items[i].message);
        fprintf(stderr, "judgectl: %s: %s\n", path, err.message);
        status = EXIT_USAGE;
    }
    buf_release(&data);
    return status;
}

static const char *word_of(const struct decided *d)
{
    return d->word == VERDICT_CONTINUE ? "undecided" : verdict_name(d->word);
}

static void write_json(const struct backtest *b, struct buf *out)
{
    double block_s = (double)b->spec.policy.block_us / 1e6;
    struct writer w;
    writer_init(&w, out);
    writer_object(&w);
    writer_kv_string(&w, "release", b->spec.name);
    writer_kv_int(&w, "rows", (int64_t)b->history.rows);
    writer_kv_int(&w, "unused", (int64_t)b->history.unused);
    writer_kv_number(&w, "block_s", block_s);
    writer_kv_number(&w, "from_s", (double)b->history.first * block_s);
    writer_kv_number(&w, "to_s", (double)(b->history.last + 1) * block_s);
    writer_kv_number(&w, "candidate_requests", replay_met(&b->replay, b->history.last));
    writer_kv_array(&w, "steps");
    for (size_t i = 0; i < b->replay.n_segments; i++) {
        const struct segment *s = &b->replay.segments[i];
        writer_object(&w);
        writer_kv_number(&w, "from_s",
                         (double)s->opened.us / 1e6 - (double)b->history.first * block_s);
        writer_kv_number(&w, "share", s->share);
        writer_kv_number(&w, "asks_for", s->next_share);
        writer_end(&w);
    }
    writer_end(&w);
    writer_kv_array(&w, "methods");
    for (size_t i = 0; i < b->n; i++) {
        const struct decided *d = &b->decided[i];
        writer_object(&w);
        writer_kv_string(&w, "method", backtest_methods[i].name);
        writer_kv_string(&w, "decision", word_of(d));
        writer_kv_number(&w, "after_s", (double)d->us / 1e6);
        writer_kv_number(&w, "candidate_requests", d->met);
        writer_kv_int(&w, "looks", (int64_t)d->looks);
        writer_kv_string(&w, "why", d->why);
        writer_kv_string(&w, "guarantee", backtest_methods[i].guarantee);
        writer_kv_array(&w, "advanced");
        for (size_t k = 0; k < d->n_advanced; k++) {
            writer_object(&w);
            writer_kv_int(&w, "step", (int64_t)d->advanced[k].segment + 1);
            writer_kv_number(&w, "after_s", (double)d->advanced[k].us / 1e6);
            writer_end(&w);
        }
        writer_end(&w);
        writer_end(&w);
    }
    writer_end(&w);
    writer_end(&w);
}

static void print_text(const struct backtest *b)
{
    char n[32], d[WALL_TEXT_BYTES], share[2][NUM_TEXT_BYTES];
    double seconds =
        (double)(b->history.last + 1 - b->history.first) * (double)b->spec.policy.block_us / 1e6;
    struct buf out;
    buf_init(&out, TOOL_TEXT_MAX);
    buf_addf(&out, "%s: %s of history, %s requests of the candidate\n", b->spec.name,
             tool_time(seconds, d), tool_count(replay_met(&b->replay, b->history.last), n));
    if (b->history.unused)
        buf_addf(&out, "%s lines are of no metric of the spec\n",
                 tool_count((double)b->history.unused, n));
    buf_addf(&out, "\n%-17s %-10s %9s %12s %7s\n", "method", "decides", "after", "had met it",
             "looks");
    for (size_t i = 0; i < b->n; i++) {
        const struct decided *one = &b->decided[i];
        buf_addf(&out, "%-17s %-10s %9s %12s %7zu\n", backtest_methods[i].name, word_of(one),
                 tool_time((double)one->us / 1e6, d), tool_count(one->met, n), one->looks);
        for (size_t k = 0; k < one->n_advanced; k++) {
            const struct segment *s = &b->replay.segments[one->advanced[k].segment];
            buf_addf(&out, "  would leave %s for %s after %s\n",
                     num_words_percent(s->share, share[0]),
                     num_words_percent(s->next_share, share[1]),
                     tool_time((double)one->advanced[k].us / 1e6, d));
        }
    }
    buf_addf(&out, "\nhad met it: requests the candidate had answered by then\n");
    for (size_t i = 0; i < b->n; i++)
        buf_addf(&out, "\n%s: %s\n  %s\n", backtest_methods[i].name, backtest_methods[i].guarantee,
                 b->decided[i].why);
    fwrite(out.data, 1, out.len, stdout);
    buf_release(&out);
}

static int read_share(const char *option, const char *text, double *out, struct err *err)
{
    *out = NAN;
    if (!text[0])
        return 0;
    if (num_parse_fraction(text, strlen(text), out, NULL) == 0 && *out > 0 && *out <= 1)
        return 0;
    return err_set(err, ERR_USAGE, "--%s: \"%.40s\" is not a share such as 25%%", option, text);
}

static void run_methods(struct backtest *b)
{
    for (size_t i = 0; backtest_methods[i].name; i++) {
        BUG_ON(i == METHODS_MAX);
        b->decided[i].word = VERDICT_CONTINUE;
        backtest_methods[i].run(&b->replay, &b->decided[i]);
        b->n++;
    }
}

static int backtest(const struct flags *f, const struct option_args *args, struct arena *a)
{
    struct backtest *b = arena_alloc(a, sizeof(*b));
    struct err err = {0};
    double share = 0, next = NAN;
    ctl_end_on_signals();
    int rc = tool_read_spec(args->values[0], &b->spec, a);
    if (rc != 0)
        return rc;
    b->arena = a;
    if (!f->data[0])
        err_set(&err, ERR_USAGE, "backtest needs --data FILE");
    else if (read_share("share", f->share, &share, &err) == 0)
        (void)read_share("next", f->next_share, &next, &err);
    if (err.code != ERR_NONE)
        return ctl_fail(&err);
    rc = read_history(b, f->data);
    if (rc != 0)
        return rc;
    replay_init(&b->replay, &b->spec, &b->history, share, isnan(next) ? 1 : next, a);
    run_methods(b);
    struct buf json;
    buf_init(&json, TOOL_TEXT_MAX);
    write_json(b, &json);
    if (!ctl_print_document(f, json.data, json.len, a))
        print_text(b);
    buf_release(&json);
    history_release(&b->history);
    return 0;
}

static const struct option_row rows[] = {
    COMMON_ROWS,
    ROW_STRING(
        "data", data, "FILE",
        "history: CSV (time, cohort, metric, value or events and exposure, count, share), or "
        "NDJSON samples; - is standard input"),
    ROW_STRING("share", share, "SHARE",
               "the candidate's intended share, where the history does not say (default: unknown)"),
    ROW_STRING("next", next_share, "SHARE",
               "the share that is asked for, where the history does not say (default: 100%)"),
};
const struct command backtest_command = {
    "backtest",      "SPEC",  1, 1, "what each method would have said of a history, and when", rows,
    ARRAY_LEN(rows), backtest};
