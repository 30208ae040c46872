#include "lib/base/options.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/node.h"
#include "tests/t.h"

struct config {
    const char *listen;
    const char *output;
    const char *token;
    bool quiet;
    bool color;
    int64_t threads;
    int64_t wait;
    int64_t limit;
};

#define AT(member) offsetof(struct config, member)

static const struct option_row rows[] = {
    {.name = "listen",
     .letter = 'l',
     .env = "T_LISTEN",
     .type = OPTION_STRING,
     .offset = AT(listen),
     .dflt = "127.0.0.1:8700",
     .value_name = "ADDRESS",
     .help = "Where to listen."},
    {.name = "output",
     .letter = 'o',
     .env = "T_OUTPUT",
     .type = OPTION_CHOICE,
     .offset = AT(output),
     .choices = "text|json|yaml",
     .help = "Form of the result."},
    {.name = "token",
     .type = OPTION_STRING,
     .offset = AT(token),
     .file_only_secret = true,
     .env = "T_TOKEN",
     .help = "A secret."},
    {.name = "quiet",
     .letter = 'q',
     .env = "T_QUIET",
     .type = OPTION_BOOL,
     .offset = AT(quiet),
     .help = "Say less."},
    {.name = "color",
     .letter = 'c',
     .type = OPTION_BOOL,
     .offset = AT(color),
     .dflt = "true",
     .help = "Use colours."},
    {.name = "threads",
     .letter = 't',
     .env = "T_THREADS",
     .type = OPTION_INT,
     .offset = AT(threads),
     .dflt = "2",
     .min = 1,
     .max = 64,
     .help = "Number of threads."},
    {.name = "wait",
     .env = "T_WAIT",
     .type = OPTION_DURATION,
     .offset = AT(wait),
     .dflt = "30s",
     .min = US_PER_SECOND,
     .max = 3600 * US_PER_SECOND,
     .help = "How long to wait."},
    {.name = "a-limit-with-a-long-name",
     .type = OPTION_BYTES,
     .offset = AT(limit),
     .dflt = "64MB",
     .help = "Ceiling."},
};
static const struct options options = {rows, ARRAY_LEN(rows)};

static struct arena arena;

/* Up to eight arguments after the program's name. */
static int read_args(struct config *c, const char *file, const char *const *argv,
                     struct option_args *args, struct err *err)
{
    char *all[10] = {arena_strdup(&arena, "judged")};
    struct node *n = NULL;
    int argc = 1;
    for (; argv && *argv; argv++)
        all[argc++] = arena_strdup(&arena, *argv);
    if (file) {
        n = node_read(&arena, file, strlen(file), err);
        if (!n)
            return -1;
    }
    return options_read(&options, c, n, argc, all, args, &arena, err);
}

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void clear_environment(void)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].env)
            unsetenv(rows[i].env);
    }
}

static void defaults(void)
{
    struct config c;
    struct err err = {0};
    memset(&c, 0xee, sizeof(c));
    T_OK(read_args(&c, NULL, NULL, NULL, &err), err);
    T_EQ_STR(c.listen, "127.0.0.1:8700");
    T_CHECK(!c.output && !c.token && !c.quiet && c.color);
    T_EQ_INT(c.threads, 2);
    T_EQ_INT(c.wait, 30 * US_PER_SECOND);
    T_EQ_INT(c.limit, 64 << 20);
    T_OK(read_args(&c, "# nothing\n", NULL, NULL, &err), err);
    T_EQ_INT(c.threads, 2);
}

static void order_of_sources(void)
{
    static const char file[] = "threads: 3\nlisten: 10.0.0.1:1\nquiet: true\noutput: yaml\n";
    struct config c;
    struct err err = {0};
    T_OK(read_args(&c, file, NULL, NULL, &err), err);
    T_EQ_INT(c.threads, 3);
    T_EQ_STR(c.output, "yaml");
    setenv("T_THREADS", "4", 1);
    setenv("T_LISTEN", "", 1); /* empty: as if not there */
    T_OK(read_args(&c, file, NULL, NULL, &err), err);
    T_EQ_INT(c.threads, 4);
    T_EQ_STR(c.listen, "10.0.0.1:1");
    T_OK(read_args(&c, file, ARGS("--threads=5", "--quiet=false"), NULL, &err), err);
    T_EQ_INT(c.threads, 5);
    T_CHECK(!c.quiet);
    T_EQ_STR(c.output, "yaml");
    clear_environment();
}

static void forms_of_flags(void)
{
    struct config c;
    struct err err = {0};
    struct option_args args;
    T_OK(read_args(&c, NULL,
                   ARGS("--listen", "a", "one", "--output=json", "-qt", "7", "-", "--wait=1m30s"),
                   &args, &err),
         err);
    T_EQ_STR(c.listen, "a");
    T_EQ_STR(c.output, "json");
    T_CHECK(c.quiet);
    T_EQ_INT(c.threads, 7);
    T_EQ_INT(c.wait, 90 * US_PER_SECOND);
    T_EQ_INT(args.n, 2);
    T_EQ_STR(args.values[0], "one");
    T_EQ_STR(args.values[1], "-");
    T_OK(read_args(&c, NULL, ARGS("-oyaml", "--", "--listen", "-q"), &args, &err), err);
    T_EQ_STR(c.output, "yaml");
    T_EQ_INT(args.n, 2);
    T_EQ_STR(args.values[0], "--listen");
    T_CHECK(!c.quiet);
    T_OK(read_args(&c, NULL, ARGS("--listen=", "-t1", "-t2"), &args, &err), err);
    T_EQ_STR(c.listen, "");
    T_EQ_INT(c.threads, 2); /* the last one holds */
}

static void sizes(void)
{
    static const struct {
        const char *text;
        int64_t v; /* -1: refused */
    } cases[] = {
        {"0", 0},
        {"1", 1},
        {"512B", 512},
        {"512KB", 512 << 10},
        {"64MiB", 64 << 20},
        {"1.5GB", 3LL << 29},
        {"2TB", 2LL << 40},
        {"1.0001KB", -1},
        {"-1", -1},
        {"KB", -1},
        {"1kb", -1},
        {"1 MB", -1},
        {"", -1},
        {"9e99TB", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct config c;
        struct err err = {0};
        char flag[64];
        int rc;
        snprintf(flag, sizeof(flag), "--a-limit-with-a-long-name=%s", cases[i].text);
        rc = read_args(&c, NULL, ARGS(flag), NULL, &err);
        if (rc != (cases[i].v < 0 ? -1 : 0) || (rc == 0 && c.limit != cases[i].v))
            t_fail(__FILE__, __LINE__, "%s: %d %lld", cases[i].text, rc, (long long)c.limit);
    }
}

static void complaints(void)
{
    static const struct {
        int line;
        const char *file, *flag, *env, *value;
        enum err_code code;
        const char *message;
    } cases[] = {
        {__LINE__, NULL, "--threads=0", NULL, NULL, ERR_USAGE,
         "--threads: \"0\" is not taken, want a whole number, from 1 to 64"},
        {__LINE__, NULL, "-tmany", NULL, NULL, ERR_USAGE,
         "-t: \"many\" is not taken, want a whole number, from 1 to 64"},
        {__LINE__, NULL, NULL, "T_THREADS", "65", ERR_USAGE,
         "environment T_THREADS: \"65\" is not taken, want a whole number, from 1 to 64"},
        {__LINE__, "listen: x\nthreads: 1.5\n", NULL, NULL, NULL, ERR_INPUT,
         "line 2: threads: \"1.5\" is not taken, want a whole number, from 1 to 64"},
        {__LINE__, NULL, "--wait=5", NULL, NULL, ERR_USAGE,
         "--wait: \"5\" is not taken, want a duration such as 500ms, 30s or 1h30m, from 1s to 1h"},
        {__LINE__, "output: xml", NULL, NULL, NULL, ERR_INPUT,
         "line 1: output: \"xml\" is not taken, want one of text|json|yaml"},
        {__LINE__, NULL, "--output=tex", NULL, NULL, ERR_USAGE,
         "--output: \"tex\" is not taken, want one of text|json|yaml"},
        {__LINE__, NULL, "--output=", NULL, NULL, ERR_USAGE,
         "--output: \"\" is not taken, want one of text|json|yaml"},
        {__LINE__, "quiet: maybe", NULL, NULL, NULL, ERR_INPUT,
         "line 1: quiet: \"maybe\" is not taken, want true or false"},
        {__LINE__, "lisen: x", NULL, NULL, NULL, ERR_INPUT,
         "line 1: there is no option lisen; did you mean listen?"},
        {__LINE__, "completely-other: x", NULL, NULL, NULL, ERR_INPUT,
         "line 1: there is no option completely-other"},
        {__LINE__, "{\"lisen\": 1}", NULL, NULL, NULL, ERR_INPUT,
         "/lisen: there is no option lisen; did you mean listen?"},
        {__LINE__, NULL, "--thread=3", NULL, NULL, ERR_USAGE,
         "there is no option --thread; did you mean --threads?"},
        {__LINE__, NULL, "-x", NULL, NULL, ERR_USAGE, "there is no option -x"},
        {__LINE__, NULL, "--listen", NULL, NULL, ERR_USAGE, "--listen wants a value"},
        {__LINE__, NULL, "-l", NULL, NULL, ERR_USAGE, "-l wants a value"},
        {__LINE__, NULL, "stray", NULL, NULL, ERR_USAGE, "unexpected argument \"stray\""},
        {__LINE__, NULL, "--token=x", NULL, NULL, ERR_USAGE,
         "--token is a secret: it is read from the file only"},
        {__LINE__, "listen:\n", NULL, NULL, NULL, ERR_INPUT,
         "line 1: listen: no value, want one value"},
        {__LINE__, "listen: [a, b]\n", NULL, NULL, NULL, ERR_INPUT,
         "line 1: listen: several values, want one value"},
        {__LINE__, "- listen\n", NULL, NULL, NULL, ERR_INPUT,
         "the file is of type array, want `name: value` lines"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct config c;
        struct err err = {0};
        if (cases[i].env)
            setenv(cases[i].env, cases[i].value, 1);
        if (read_args(&c, cases[i].file, ARGS(cases[i].flag), NULL, &err) == 0)
            t_fail(__FILE__, cases[i].line, "was taken");
        else if (err.code != cases[i].code || strcmp(err.message, cases[i].message) != 0)
            t_fail(__FILE__, cases[i].line, "code %d, \"%s\"", (int)err.code, err.message);
        clear_environment();
    }
}

static void secrets_stay_in_the_file(void)
{
    struct config c;
    struct err err = {0};
    struct buf out;
    setenv("T_TOKEN", "from-the-environment", 1);
    T_OK(read_args(&c, "token: hush-hush", NULL, NULL, &err), err);
    clear_environment();
    T_EQ_STR(c.token, "hush-hush");
    buf_init(&out, 10000);
    options_print(&options, &c, &out);
    options_help(&options, &out);
    T_CHECK(!strstr(out.data, "hush-hush"));
    T_HAS_STR(out.data, "# token: set, not shown\n");
    buf_release(&out);
}

static void help(void)
{
    struct buf out;
    buf_init(&out, 10000);
    options_help(&options, &out);
    T_EQ_STR(
        out.data,
        "  -l, --listen ADDRESS          Where to listen. (default: 127.0.0.1:8700) [T_LISTEN]\n"
        "  -o, --output text|json|yaml   Form of the result. [T_OUTPUT]\n"
        "      token: ... (file only)    A secret.\n"
        "  -q, --quiet                   Say less. [T_QUIET]\n"
        "  -c, --color                   Use colours. (default: true)\n"
        "  -t, --threads N               Number of threads. (default: 2) [T_THREADS]\n"
        "      --wait DURATION           How long to wait. (default: 30s) [T_WAIT]\n"
        "      --a-limit-with-a-long-name SIZE\n"
        "                                Ceiling. (default: 64MB)\n");
    buf_release(&out);
}

/* What is printed, read as a file, gives the same values and the same print. */
static void print_comes_back(void)
{
    struct config c, back;
    struct err err = {0};
    struct buf out, again;
    T_OK(read_args(&c, NULL,
                   ARGS("--listen=true", "-ojson", "-q", "-t64", "--wait=90s",
                        "--a-limit-with-a-long-name=1536KB", "--color=no"),
                   NULL, &err),
         err);
    buf_init(&out, 10000);
    buf_init(&again, 10000);
    options_print(&options, &c, &out);
    T_EQ_STR(out.data, "listen: \"true\"\n"
                       "output: json\n"
                       "# token: not set\n"
                       "quiet: true\n"
                       "color: false\n"
                       "threads: 64\n"
                       "wait: 1m30s\n"
                       "a-limit-with-a-long-name: 1536KB\n");
    T_OK(read_args(&back, out.data, NULL, NULL, &err), err);
    options_print(&options, &back, &again);
    T_EQ_STR(again.data, out.data);
    buf_release(&out);
    buf_release(&again);
}

/* Given again, a list's value is appended; flags do not replace what stood before. */
static void lists_grow(void)
{
    struct lists {
        const char *plain, *with_default;
    } target;
    static const struct option_row list_rows[] = {
        {.name = "item", .type = OPTION_LIST, .offset = offsetof(struct lists, plain)},
        {.name = "with",
         .type = OPTION_LIST,
         .offset = offsetof(struct lists, with_default),
         .dflt = ""},
    };
    const struct options lists = {list_rows, ARRAY_LEN(list_rows)};
    char *argv[] = {(char[]){"x"},      (char[]){"--with"},
                    (char[]){"a=1"},    (char[]){"--with=b=2,c=3"},
                    (char[]){"--with"}, (char[]){"d"}};
    struct err err = {0};
    T_OK(options_read(&lists, &target, NULL, 1, argv, NULL, &arena, &err), err);
    T_CHECK(target.plain == NULL);
    T_EQ_STR(target.with_default, "");
    T_OK(options_read(&lists, &target, NULL, 6, argv, NULL, &arena, &err), err);
    T_CHECK(target.plain == NULL);
    T_EQ_STR(target.with_default, "a=1,b=2,c=3,d");
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"defaults", defaults},
        {"order of sources", order_of_sources},
        {"forms of flags", forms_of_flags},
        {"sizes", sizes},
        {"complaints", complaints},
        {"secrets stay in the file", secrets_stay_in_the_file},
        {"help", help},
        {"print comes back", print_comes_back},
        {"lists grow", lists_grow},
    };
    int rc;
    arena_init(&arena);
    clear_environment();
    rc = t_main(argc, argv, tests, ARRAY_LEN(tests));
    arena_release(&arena);
    return rc;
}
