/*
 * The crash matrix of the runner: a process that walks a release over Redis and HAProxy is killed
 * with SIGKILL before and after each message it sends to either; a second process takes over.
 * Whatever the moment: the release ends as it must, HAProxy has the weights of that end, and the
 * relay's log shows that each weight was set once.
 *
 * A clean run through the relay says how many messages there are; then one release a cell. The
 * judge (here: a loop that always says the same of the open segment) speaks to Redis past the
 * relay.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/strategies/bench.h"

#define RELAY "build/doubles/relay"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define STRIDE 9 /* the checkers make a cell ten times as long: a sample of them */
#else
#define STRIDE 1
#endif

struct matrix {
    struct bench b; /* past the relay: no runner in this process */
    char redis_socket[300], haproxy_socket[300], redis_url[340];
    char log[300], pid_file[300];
    pid_t relay;
    bool is_harmful; /* harm is said at 50 % */
};

struct cell {
    long at; /* message; 0: none */
    bool is_after;
};

static bool relay_start(struct matrix *m, const struct cell *c)
{
    char redis_map[700], haproxy_map[700], at[32];
    int out[2];
    char ready[8];
    snprintf(redis_map, sizeof(redis_map), "redis:redis:%s:%s", m->redis_socket,
             m->b.redis_server.socket);
    snprintf(haproxy_map, sizeof(haproxy_map), "haproxy:line:%s:%s", m->haproxy_socket,
             m->b.haproxy.socket);
    snprintf(at, sizeof(at), "%ld", c->at);
    unlink(m->log);
    if (pipe(out))
        return false;
    m->relay = fork();
    if (m->relay == 0) {
        dup2(out[1], 1);
        close(out[0]);
        execl(RELAY, RELAY, "--log", m->log, "--map", redis_map, "--map", haproxy_map, "--at", at,
              "--when", c->is_after ? "after" : "before", "--do", "kill", "--pid-file", m->pid_file,
              (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    bool is_ready = read(out[0], ready, sizeof(ready)) > 0;
    close(out[0]);
    if (!is_ready)
        t_fail(__FILE__, __LINE__, "%s does not start: `make doubles`", RELAY);
    return is_ready;
}

static void relay_stop(struct matrix *m)
{
    kill(m->relay, SIGTERM);
    waitpid(m->relay, NULL, 0);
}

/* ---- in the child: a runner through the relay, and a judge past it ---- */

static void judge_once(struct bench *b, const char *id, bool is_harmful)
{
    size_t n;
    struct segment s = bench_last_segment(b, id, &n);
    if (is_harmful && s.share >= 0.5)
        bench_judge(b, id, VERDICT_ROLLBACK);
    else
        bench_judge(b, id, s.next_share >= 1 ? VERDICT_PROMOTE : VERDICT_ADVANCE);
}

static int walk(const struct matrix *m, const char *id, const char *process)
{
    struct bench judge = {.runner = NULL, .redis_server = m->b.redis_server};
    struct bench runner = judge;
    struct err err = {0};
    struct lease lease;
    char pid[32];
    FILE *f = fopen(m->pid_file, "we");
    snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    if (!f || fputs(pid, f) < 0 || fclose(f))
        return 2;
    arena_init(&judge.arena);
    arena_init(&runner.arena);
    if (!bench_store(&judge, NULL, "judge") || !bench_store(&runner, m->redis_url, process))
        return 3;
    runner.runner = runner_new(&(struct runner_config){.store = runner.store,
                                                       .vocabulary = bench_vocabulary(),
                                                       .workers = 2,
                                                       .call_ms = BENCH_CALL_MS,
                                                       .observe_ms = 60000},
                               &err);
    judge.runner = runner.runner;
    if (!bench_own(&runner, id, &lease))
        return 4;
    for (int64_t began = 0; !runner_is_done(runner.runner, id);) {
        judge_once(&judge, id, m->is_harmful);
        if (bench_expired(&began)) {
            struct buf status;
            buf_init(&status, 4096);
            runner_status_json(runner.runner, id, &status);
            fprintf(stderr, "%s does not end: %s\n", id, status.data);
            return 5;
        }
    }
    return 0;
}

/* One owner's life: 0 ended well, 1 killed, -1 failed. */
static int live(const struct matrix *m, const char *id, const char *process)
{
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        _exit(walk(m, id, process));
    if (waitpid(pid, &status, 0) != pid)
        return -1;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return 1;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* ---- the log ---- */

struct story {
    long messages;
    bool was_struck;
    char struck[420]; /* text of the message that was struck */
    char weights[8][200];
    int n_weights; /* set-weight lines that HAProxy got */
};

static bool read_log(const struct matrix *m, const struct cell *c, struct story *out)
{
    char line[600];
    FILE *f = fopen(m->log, "re");
    *out = (struct story){.messages = 0};
    while (f && fgets(line, sizeof(line), f)) {
        char *rest;
        long n = strtol(line, &rest, 10);
        line[strcspn(line, "\n")] = '\0';
        if (n > 0 && strncmp(rest, " !", 2) == 0) {
            out->was_struck = true;
            if (!c->is_after && strstr(out->struck, " haproxy set weight"))
                out->n_weights--; /* it never reached HAProxy */
            continue;
        }
        if (n > out->messages)
            out->messages = n;
        if (n == c->at)
            snprintf(out->struck, sizeof(out->struck), "%.400s", rest);
        const char *set = strstr(rest, " haproxy set weight");
        if (set && out->n_weights < 8)
            snprintf(out->weights[out->n_weights++], 200, "%.199s", set + 9);
    }
    if (f)
        fclose(f);
    return f != NULL;
}

static bool run_cell(struct matrix *m, const struct cell *c, int number, struct story *story)
{
    static const char *const good[] = {"set weight app/stable 99; set weight app/candidate 1",
                                       "set weight app/stable 50; set weight app/candidate 50",
                                       "set weight app/candidate 100; set weight app/stable 0"};
    static const char undo[] = "set weight app/stable 100; set weight app/candidate 0";
    char id[64], out[256];
    bool is_ok = false;
    snprintf(id, sizeof(id), "%s-%d", m->is_harmful ? "bad" : "good", number);
    haproxy_fixture_ask(&m->b.haproxy, "set weight app/stable 100; set weight app/candidate 0", out,
                        sizeof(out));
    bool is_made = bench_store(&m->b, NULL, "past") &&
                   bench_create(&m->b, id, "steps: [1%, 50%, 100%]", "enforce");
    bench_stop_runner(&m->b); /* no thread of ours lives while the owners are forked */
    if (!is_made || !relay_start(m, c))
        return false;
    int first = live(m, id, "node-a.1");
    int second = first == 1 ? live(m, id, "node-a.2") : first;
    relay_stop(m);
    const struct release_record *rec =
        bench_store(&m->b, NULL, "past") ? bench_record(&m->b, id) : NULL;
    if (!read_log(m, c, story) || first < 0 || second != 0 || !rec) {
        t_fail(__FILE__, __LINE__, "owners ended %d, %d", first, second);
        goto out;
    }
    enum outcome want = m->is_harmful ? OUTCOME_ROLLED_BACK : OUTCOME_PROMOTED;
    if (rec->phase != PHASE_DONE || rec->outcome != want || rec->is_paused)
        t_fail(__FILE__, __LINE__, "phase %s outcome %s paused %d: %s", phase_name(rec->phase),
               outcome_name(rec->outcome), rec->is_paused, rec->paused_why);
    else if (!bench_weights_are(&m->b, m->is_harmful ? 100 : 0, m->is_harmful ? 0 : 100))
        t_fail(__FILE__, __LINE__, "HAProxy's weights are not those of the end");
    else if (story->n_weights != 3)
        t_fail(__FILE__, __LINE__, "%d weights were set, want 3", story->n_weights);
    else
        is_ok = true;
    for (int i = 0; is_ok && i < 3; i++) {
        const char *expected = m->is_harmful && i == 2 ? undo : good[i];
        if (strcmp(story->weights[i], expected) != 0) {
            t_fail(__FILE__, __LINE__, "weight %d: %s", i, story->weights[i]);
            is_ok = false;
        }
    }
out:
    bench_stop_runner(&m->b);
    if (!is_ok)
        fprintf(stderr, "  cell: killed %s message %ld of %s:%s\n",
                c->is_after ? "after" : "before", c->at, id, story->struck);
    return is_ok;
}

static bool matrix_start(struct matrix *m, const char *name, bool is_harmful)
{
    *m = (struct matrix){.is_harmful = is_harmful};
    if (!bench_servers(&m->b, name, true))
        return false;
    snprintf(m->redis_socket, sizeof(m->redis_socket), "%.200s/r", m->b.haproxy.dir);
    snprintf(m->haproxy_socket, sizeof(m->haproxy_socket), "%.200s/h", m->b.haproxy.dir);
    snprintf(m->redis_url, sizeof(m->redis_url), "unix://%s", m->redis_socket);
    snprintf(m->log, sizeof(m->log), "%.200s/relay.log", m->b.haproxy.dir);
    snprintf(m->pid_file, sizeof(m->pid_file), "%.200s/pid", m->b.haproxy.dir);
    m->b.haproxy_socket = m->haproxy_socket;
    return true;
}

static void kill_at_every_message(const char *name, bool is_harmful)
{
    struct matrix m;
    struct story clean, story;
    struct cell none = {.at = 0};
    int cells = 0, struck = 0;
    if (!matrix_start(&m, name, is_harmful) || !run_cell(&m, &none, cells++, &clean))
        return;
    T_CHECK(!clean.was_struck);
    T_CHECK(clean.messages > 30); /* the plan's three acts, each written before and after */
    for (long at = 1; at <= clean.messages; at += STRIDE) {
        for (int is_after = 0; is_after < 2; is_after++) {
            struct cell c = {.at = at, .is_after = is_after};
            if (!run_cell(&m, &c, cells++, &story))
                return;
            struck += story.was_struck;
        }
    }
    printf("%s: %ld messages, %d cells, %d kills\n", name, clean.messages, cells - 1, struck);
    /* Timers (a read of the orders, a ping) may shift the count by a few. */
    T_CHECK(struck >= cells - 1 - 8);
    bench_close(&m.b);
}

static void a_good_release_survives_any_kill(void)
{
    kill_at_every_message("kill-good", false);
}

static void a_rollback_survives_any_kill(void)
{
    kill_at_every_message("kill-bad", true);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"a_good_release_survives_any_kill", a_good_release_survives_any_kill},
        {"a_rollback_survives_any_kill", a_rollback_survives_any_kill},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
