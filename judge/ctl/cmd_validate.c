/* validate SPEC...: reads specs without a service and lists every complaint; with --check the
 * service then asks their sources. */
#include <stdio.h>
#include <string.h>

#include "collectors/cloudwatch/cost.h"
#include "judge/ctl/rows.h"
#include "judge/vocabulary/vocabulary.h"
#include "lib/base/clock.h"
#include "lib/model/spec.h"

/* What a spec's sources cost while it is judged, where it is known. */
static void print_cost(const struct spec *spec)
{
    const struct cloudwatch_cost cost = cloudwatch_cost_of(spec);
    char block[WALL_TEXT_BYTES];
    if (cost.metrics)
        printf("  CloudWatch: %zu metrics asked for each %s, about $%.4f an hour\n", cost.metrics,
               duration_format(spec->policy.block_us, block), cost.an_hour);
}

static int validate_one(const struct flags *f, const char *path, struct arena *a)
{
    const struct spec_options options = {.vocabulary = vocabulary_all(),
                                         .allow_inline_targets = true};
    struct complaints complaints = {0};
    struct err err = {0};
    struct spec spec;
    const char *bytes;
    size_t len;
    if (ctl_read_file(path, &bytes, &len, a, &err) != 0)
        return ctl_fail(&err);
    const struct node *document = node_read(a, bytes, len, &err);
    if (!document) {
        fprintf(stderr, "%s: %s\n", path, err.message);
        return EXIT_USAGE;
    }
    if (spec_read(&spec, document, &options, &complaints, a, &err) != 0) {
        for (size_t i = 0; i < complaints.n; i++)
            fprintf(stderr, "%s: %s: %s %s\n", path, complaints.items[i].where,
                    complaints.items[i].field, complaints.items[i].message);
        if (complaints.n == 0)
            fprintf(stderr, "%s: %s\n", path, err.message);
        return EXIT_USAGE;
    }
    if (f->check && strcmp(f->output, "text") != 0)
        return ctl_check_spec(f, path, bytes, len, a);
    if (ctl_print_document(f, spec.canonical, spec.canonical_len, a))
        return 0;
    printf("%s: ok, release %s of %s, %zu steps, %zu metrics\n", path, spec.name, spec.service,
           spec.n_steps, spec.n_metrics);
    print_cost(&spec);
    return f->check ? ctl_check_spec(f, path, bytes, len, a) : 0;
}

static int validate(const struct flags *f, const struct option_args *args, struct arena *a)
{
    int status = 0;
    for (size_t i = 0; i < args->n; i++) {
        int got = validate_one(f, args->values[i], a);
        /* a spec that cannot be is worse than one whose data is missing */
        if (got != 0 && status != EXIT_USAGE)
            status = f->check ? got : EXIT_USAGE;
    }
    return status;
}

static const struct option_row rows[] = {
    COMMON_ROWS, ROW_BOOL("check", check,
                          "let the service ask the metrics' sources: the series each cohort "
                          "resolves to, and the last hour's points")};
const struct command validate_command = {
    "validate", "SPEC...",       1,       100, "check spec files; without a service unless --check",
    rows,       ARRAY_LEN(rows), validate};
