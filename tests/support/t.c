#include "tests/t.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool current_failed;
static bool current_skipped;
static const char *current_name = "";
static char tmpdir[256];
static pid_t tmpdir_owner;

void t_fail(const char *file, int line, const char *fmt, ...)
{
    va_list args;
    current_failed = true;
    fprintf(stderr, "%s:%d: %s: ", file, line, current_name);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

void t_skip(const char *fmt, ...)
{
    va_list args;
    current_skipped = true;
    printf("skipped %s: ", current_name);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf("\n");
}

bool t_failed(void)
{
    return current_failed;
}

/* Removes a tree that this binary made; depth is bounded by what tests create. */
static void remove_tree(const char *path, int depth)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    if (dir && depth < 8) {
        while ((entry = readdir(dir))) {
            char child[1024];
            struct stat st;
            if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
                continue;
            snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
            if (lstat(child, &st) == 0 && S_ISDIR(st.st_mode))
                remove_tree(child, depth + 1);
            else
                unlink(child);
        }
    }
    if (dir)
        closedir(dir);
    rmdir(path);
}

static void remove_tmpdir(void)
{
    if (tmpdir[0] && getpid() == tmpdir_owner)
        remove_tree(tmpdir, 0);
}

const char *t_tmpdir(void)
{
    if (!tmpdir[0]) {
        snprintf(tmpdir, sizeof(tmpdir), "/tmp/judge-test-XXXXXX");
        if (!mkdtemp(tmpdir)) {
            perror("mkdtemp");
            exit(2);
        }
        tmpdir_owner = getpid();
        atexit(remove_tmpdir);
    }
    return tmpdir;
}

int t_main(int argc, char **argv, const struct t_test *tests, size_t n)
{
    int passed = 0, failed = 0, skipped = 0;
    for (size_t i = 0; i < n; i++) {
        if (argc > 1 && !strstr(tests[i].name, argv[1]))
            continue;
        current_name = tests[i].name;
        current_failed = current_skipped = false;
        tests[i].run();
        if (current_failed) {
            fprintf(stderr, "FAILED %s\n", current_name);
            failed++;
        } else if (current_skipped) {
            skipped++;
        } else {
            passed++;
        }
    }
    printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return failed ? 1 : 0;
}
