#include "judge/ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FILE_MAX       ((size_t)16 << 20)
#define LINE_MAX_BYTES 512

int ctl_interrupted(void)
{
    ctl_progress_end();
    fprintf(stderr, "judgectl: interrupted\n");
    return EXIT_INTERRUPTED;
}

int ctl_fail(const struct err *err)
{
    ctl_progress_end();
    if (interrupted)
        return ctl_interrupted();
    fprintf(stderr, "judgectl: %s\n", err->message);
    if (err->code == ERR_AUTH)
        fprintf(stderr, "judgectl: give a token with --token-file FILE or JUDGE_TOKEN\n");
    if (err->code == ERR_NETWORK)
        fprintf(stderr, "judgectl: is judged running there? say where with --url or JUDGE_URL\n");
    return err_info(err->code)->exit_code;
}

const char *ctl_text(const struct node *n, const char *key)
{
    const char *text = node_get_string(n, key);
    return text ? text : "";
}

int ctl_read_into(const char *path, struct buf *out, struct err *err)
{
    char chunk[65536];
    ssize_t got = 0;
    int rc = 0;
    const bool is_stdin = strcmp(path, "-") == 0;
    const int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, ERR_USAGE, "cannot open %s", path);
    while (buf_ok(out) && (got = read(fd, chunk, sizeof(chunk))) > 0)
        buf_add(out, chunk, (size_t)got);
    if (got < 0)
        rc = err_set_errno(err, ERR_USAGE, "cannot read %s", path);
    else if (!buf_ok(out))
        rc = err_set(err, ERR_USAGE, "%s is over %zu bytes", path, out->max);
    if (!is_stdin)
        close(fd);
    return rc;
}

int ctl_read_file(const char *path, const char **bytes, size_t *len, struct arena *a,
                  struct err *err)
{
    struct buf text;
    buf_init(&text, FILE_MAX);
    const int rc = ctl_read_into(path, &text, err);
    if (rc == 0) {
        *bytes = arena_copy(a, text.data, text.len);
        *len = text.len;
    }
    buf_release(&text);
    return rc;
}

bool ctl_print_document(const struct flags *f, const char *json, size_t len, struct arena *a)
{
    static bool has_yaml; /* documents of YAML stand apart */
    struct err err = {0};
    if (strcmp(f->output, "json") == 0) {
        fwrite(json, 1, len, stdout);
        fputc('\n', stdout);
        return true;
    }
    if (strcmp(f->output, "yaml") == 0) {
        const struct node *n = node_read_json(a, json, len, &err);
        struct buf out;
        buf_init(&out, FILE_MAX);
        if (has_yaml)
            buf_add_str(&out, "---\n");
        has_yaml = true;
        if (n)
            node_to_yaml(n, &out);
        fwrite(out.data, 1, out.len, stdout);
        buf_release(&out);
        return true;
    }
    return false;
}

static char shown[LINE_MAX_BYTES];
static bool is_open; /* a line on the terminal that will be rewritten */

void ctl_progress(const char *line)
{
    struct winsize size = {0};
    if (!isatty(STDERR_FILENO)) {
        if (strcmp(shown, line) != 0)
            fprintf(stderr, "%s\n", line);
        snprintf(shown, sizeof(shown), "%s", line);
        return;
    }
    const int width =
        ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : 79;
    int len = (int)strnlen(line, (size_t)width);
    while (len > 0 && ((unsigned char)line[len] & 0xc0) == 0x80) /* not within a character */
        len--;
    fprintf(stderr, "\r\033[K%.*s", len, line);
    fflush(stderr);
    is_open = true;
}

void ctl_progress_end(void)
{
    if (is_open)
        fputc('\n', stderr);
    is_open = false;
}

static bool has_colours(void)
{
    const char *no = getenv("NO_COLOR");
    return (!no || !*no) && isatty(STDOUT_FILENO);
}

const char *ctl_colour(const char *state)
{
    static const struct {
        const char *state, *code;
    } colours[] = {
        {"promote", "\033[32m"},     {"advance", "\033[32m"},      {"harmless", "\033[32m"},
        {"promoted", "\033[32m"},    {"rollback", "\033[31m"},     {"harmful", "\033[31m"},
        {"rolled_back", "\033[31m"}, {"hold", "\033[33m"},         {"no_data", "\033[33m"},
        {"invalid", "\033[33m"},     {"inconclusive", "\033[33m"},
    };
    if (has_colours())
        for (size_t i = 0; i < ARRAY_LEN(colours); i++)
            if (strcmp(colours[i].state, state) == 0)
                return colours[i].code;
    return "";
}

const char *ctl_colour_off(void)
{
    return has_colours() ? "\033[0m" : "";
}
