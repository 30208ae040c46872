/*
 * The table of commands: finds the one asked for, reads its flags, runs it.
 */
#include <stdio.h>
#include <string.h>

#include "judge/ctl/ctl.h"
#include "judge/vocabulary/version.h"

/* clang-format off */
const struct command *const ctl_commands[] = {
    &run_command,
    &apply_command,
    &diff_command,
    &validate_command,
    &get_command,
    &list_command,
    &watch_command,
    &gate_command,
    &promote_command,
    &rollback_command,
    &pause_command,
    &resume_command,
    &abort_command,
    &traffic_command,
    &report_command,
    &platforms_command,
    &doctor_command,
    &token_command,
    &audit_command,
    &plan_command,
    &simulate_command,
    &backtest_command,
    &eval_command,
    NULL,
};
/* clang-format on */

static void print_commands(FILE *to)
{
    fprintf(to, "usage: judgectl COMMAND [options] ...\n\nAsks and orders a release judge.\n\n");
    for (const struct command *const *c = ctl_commands; *c; c++)
        fprintf(to, "  %-10s %-16s %s\n", (*c)->name, (*c)->arguments, (*c)->help);
    fprintf(
        to,
        "\n`judgectl COMMAND --help` lists a command's options.\n"
        "Exit status: 0 promote, 1 rollback for harm, 2 usage, 3 inconclusive or deadline,\n"
        "4 no data, stale or unhealthy, 5 unreachable or refused, 6 the platform did not follow,\n"
        "124 timed out, 130 interrupted.\n");
}

static void print_help(const struct command *c)
{
    const struct options options = {c->rows, c->n_rows};
    struct buf out;
    buf_init(&out, 65536);
    buf_addf(&out, "usage: judgectl %s %s [options]\n\n%s\n\n", c->name, c->arguments, c->help);
    options_help(&options, &out);
    fwrite(out.data, 1, out.len, stdout);
    buf_release(&out);
}

static const struct command *find(const char *name)
{
    for (const struct command *const *c = ctl_commands; *c; c++)
        if (strcmp((*c)->name, name) == 0)
            return *c;
    return NULL;
}

static int run(const struct command *c, int argc, char **argv, struct arena *a)
{
    const struct options options = {c->rows, c->n_rows};
    struct flags flags = {.url = "",
                          .token = "",
                          .token_file = "",
                          .state = "",
                          .output = "text",
                          .why = "",
                          .purpose = "",
                          .share = "",
                          .format = "",
                          .service = "",
                          .environment = "",
                          .key = "",
                          .revision = "",
                          .name = "",
                          .scopes = "",
                          .services = "",
                          .expires = ""};
    struct option_args args = {0};
    struct err err = {0};
    if (options_read(&options, &flags, NULL, argc, argv, &args, a, &err) != 0) {
        fprintf(stderr, "judgectl %s: %s\n", c->name, err.message);
        return EXIT_USAGE;
    }
    if (flags.help) {
        print_help(c);
        return 0;
    }
    if (args.n < c->min_args || args.n > c->max_args) {
        fprintf(stderr, "judgectl: want `judgectl %s %s`\n", c->name, c->arguments);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < args.n; i++) {
        if (!*args.values[i]) { /* "$RELEASE" of a script that has none */
            fprintf(stderr, "judgectl %s: argument %zu is empty; want `judgectl %s %s`\n", c->name,
                    i + 1, c->name, c->arguments);
            return EXIT_USAGE;
        }
    }
    return c->run(&flags, &args, a);
}

int ctl_main(int argc, char **argv)
{
    struct arena a;
    if (argc < 2) {
        print_commands(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_commands(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        printf("judgectl " JUDGE_VERSION "\n");
        return 0;
    }
    const struct command *c = find(argv[1]);
    if (!c) {
        fprintf(stderr, "judgectl: no command `%.40s`; `judgectl --help` lists them%s\n", argv[1],
                argv[1][0] == '-' ? ", options follow the command" : "");
        return EXIT_USAGE;
    }
    arena_init(&a);
    const int status = run(c, argc - 1, argv + 1, &a);
    arena_release(&a);
    return status;
}
