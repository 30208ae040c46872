/* eval FILE...: known answers, without a service: one JSON line a case. */
#include <stdio.h>

#include "judge/ctl/rows.h"
#include "judge/eval/eval.h"

static void print_line(void *to, const char *json, size_t len)
{
    fwrite(json, 1, len, to);
    fputc('\n', to);
}

static int eval_one_file(const char *path, struct arena *a)
{
    struct err err = {0};
    const char *bytes;
    size_t len;
    int failed;
    const struct eval_method *method = eval_find(path);
    if (!method) {
        fprintf(stderr, "judgectl: %s: its name begins with no method's name; there are:\n", path);
        for (size_t s = 0; eval_schools[s]; s++)
            for (const struct eval_method *m = eval_schools[s]; m->name; m++)
                fprintf(stderr, "  %s\n", m->name);
        return EXIT_USAGE;
    }
    if (ctl_read_file(path, &bytes, &len, a, &err) != 0)
        return ctl_fail(&err);
    const struct node *file = node_read_json_data(a, bytes, len, EVAL_NODES_MAX, &err);
    failed = file ? eval_file(method, file, print_line, stdout, &err) : -1;
    if (failed < 0) {
        fprintf(stderr, "judgectl: %s: %s\n", path, err.message);
        return EXIT_USAGE;
    }
    return 0; /* a case that could not be computed says so in its line */
}

static int eval(const struct flags *f, const struct option_args *args, struct arena *a)
{
    int status = 0;
    ctl_end_on_signals();
    for (size_t i = 0; i < args->n; i++) {
        int one = eval_one_file(args->values[i], a);
        status = one != 0 ? one : status;
    }
    return status;
}

static const struct option_row rows[] = {COMMON_ROWS};
const struct command eval_command = {
    "eval", "FILE...",       1,   1000, "compute the cases of a file of known answers, a line each",
    rows,   ARRAY_LEN(rows), eval};
