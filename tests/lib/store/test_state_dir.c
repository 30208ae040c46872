/*
 * The state directory: one judged, one name, counted starts.
 */
#include "lib/store/state_dir.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/t.h"

static char path[300];

static void in(const char *name)
{
    snprintf(path, sizeof(path), "%s/%s", t_tmpdir(), name);
}

static void keeps_its_name_and_counts(void)
{
    struct err err;
    char node[64];
    in("plain");
    struct state_dir *d = state_dir_open(path, &err);
    T_CHECK(d);
    T_EQ_INT(strlen(state_dir_node(d)), 32);
    snprintf(node, sizeof(node), "%s", state_dir_node(d));
    state_dir_close(d);
    for (int i = 2; i < 5; i++) {
        char want[80];
        d = state_dir_open(path, &err);
        T_CHECK(d);
        T_EQ_STR(state_dir_node(d), node);
        snprintf(want, sizeof(want), "%s.%d", node, i);
        T_EQ_STR(state_dir_process(d), want);
        state_dir_close(d);
    }
    struct stat st;
    T_CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0700);
}

static void one_at_a_time(void)
{
    struct err err;
    char pid[16];
    in("locked");
    struct state_dir *d = state_dir_open(path, &err);
    T_CHECK(d);
    T_CHECK(!state_dir_open(path, &err));
    T_EQ_INT(err.code, ERR_CONFLICT);
    snprintf(pid, sizeof(pid), "pid %d", (int)getpid());
    T_HAS_STR(err.message, pid);
    state_dir_close(d);
    /* A process that dies gives it back, however it dies. */
    pid_t child = fork();
    if (child == 0) {
        struct err ignored;
        struct state_dir *held = state_dir_open(path, &ignored);
        kill(getpid(), held ? SIGKILL : SIGTERM);
    }
    int status = 0;
    T_CHECK(waitpid(child, &status, 0) == child && WTERMSIG(status) == SIGKILL);
    d = state_dir_open(path, &err);
    T_CHECK(d);
    T_HAS_STR(state_dir_process(d), ".3");
    state_dir_close(d);
}

static void put(const char *name, const char *text)
{
    char file[400];
    snprintf(file, sizeof(file), "%s/%s", path, name);
    FILE *f = fopen(file, "w");
    if (f) {
        fputs(text, f);
        fclose(f);
    }
}

static void refuses(void)
{
    struct err err;
    in("open");
    T_CHECK(mkdir(path, 0700) == 0 && chmod(path, 0777) == 0);
    T_CHECK(!state_dir_open(path, &err));
    T_EQ_INT(err.code, ERR_FORBIDDEN);
    in("no/such/parent");
    T_CHECK(!state_dir_open(path, &err));
    T_EQ_INT(err.code, ERR_SYSTEM);
    in("spoilt");
    T_CHECK(mkdir(path, 0700) == 0);
    put("node", "a b\n");
    T_CHECK(!state_dir_open(path, &err));
    T_EQ_INT(err.code, ERR_CORRUPT);
    put("node", "0123456789abcdef0123456789abcdef\n");
    put("starts", "many\n");
    T_CHECK(!state_dir_open(path, &err));
    T_EQ_INT(err.code, ERR_CORRUPT);
    put("starts", "41\n");
    struct state_dir *d = state_dir_open(path, &err);
    T_CHECK(d);
    T_EQ_STR(state_dir_process(d), "0123456789abcdef0123456789abcdef.42");
    state_dir_close(d);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"keeps its name and counts", keeps_its_name_and_counts},
        {"one at a time", one_at_a_time},
        {"refuses", refuses},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
