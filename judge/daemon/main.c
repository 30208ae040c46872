/*
 * judged: the release judge service. Reads its settings, starts everything, waits for a signal.
 *
 * SIGTERM, SIGINT: stop. SIGHUP: read the settings again; what can change live does, a file with a
 * fault changes nothing. Exit status: 0 stopped as asked, 2 wrong settings, 5 could not start.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "judge/daemon/process.h"
#include "judge/daemon/service.h"
#include "judge/vocabulary/version.h"
#include "lib/base/descriptors.h"
#include "lib/base/log.h"

static int say(const struct buf *text, FILE *to)
{
    fwrite(text->data, 1, text->len, to);
    return fflush(to) == 0 ? 0 : 1;
}

static int show(const struct config *c)
{
    struct buf out;
    buf_init(&out, (size_t)1 << 20);
    if (c->show_help)
        config_help(&out);
    else if (c->show_version)
        buf_add_str(&out, "judged " JUDGE_VERSION "\n");
    else
        config_print(c, &out);
    const int rc = say(&out, stdout);
    buf_release(&out);
    return rc;
}

static void reload(struct service *s, int argc, char **argv)
{
    struct arena a;
    struct config fresh;
    struct err err = {0};
    struct buf ignored;
    arena_init(&a);
    if (config_read(&fresh, argc, argv, &a, &err) != 0) {
        log_warn("judged", "reload: nothing was changed: %s", err.message);
        arena_release(&a);
        return;
    }
    buf_init(&ignored, 4096);
    config_reload(&s->config, &fresh, &ignored);
    if (ignored.len)
        log_warn("judged", "reloaded; needs a restart to change: %s", ignored.data);
    else
        log_info("judged", "reloaded");
    buf_release(&ignored);
    arena_release(&a);
}

int main(int argc, char **argv)
{
    struct arena a;
    struct config config;
    struct err err = {0};
    enum log_level level;
    sigset_t signals;
    int got = 0, rc = 5;
    descriptors_hold_standard();
    arena_init(&a);
    if (config_read(&config, argc, argv, &a, &err) != 0) {
        fprintf(stderr, "judged: %s\n", err.message);
        return 2;
    }
    if (config.show_help || config.show_version || config.check_only) {
        rc = show(&config);
        arena_release(&a);
        return rc;
    }
    if (log_level_parse(config.log_level, &level) == 0)
        log_set_level(level);
    /* Blocked before any thread starts: all inherit it and only sigwait below sees them. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);

    struct service *s = service_start(&config, &err);
    if (!s) {
        fprintf(stderr, "judged: %s\n", err.message);
        arena_release(&a);
        return rc;
    }
    log_info("judged", "version " JUDGE_VERSION ", listening on %s, state in %s", config.listen,
             config.state_dir);
    process_notify("READY=1");
    while (sigwait(&signals, &got) == 0 && got == SIGHUP)
        reload(s, argc, argv);
    log_info("judged", "stopping (%s)", strsignal(got));
    process_notify("STOPPING=1");
    service_stop(s);
    arena_release(&a);
    return 0;
}
