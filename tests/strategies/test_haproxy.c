#include "strategies/platforms/haproxy.h"

#include <stdio.h>

#include "tests/support/haproxy_fixture.h"
#include "tests/t.h"

static const struct platform *const ha = &haproxy_platform;

static struct platform_call soon(int64_t ms)
{
    return (struct platform_call){
        .deadline = mono_add_ms(mono_now(), ms), .release = "r1", .act = "r1-act-1"};
}

static void weights_are_the_nearest(void)
{
    static const struct {
        int line;
        double share;
        int stable, candidate;
    } rows[] = {
        {__LINE__, 0, 100, 0},     {__LINE__, 0.01, 99, 1},   {__LINE__, 0.05, 95, 5},
        {__LINE__, 0.25, 75, 25},  {__LINE__, 0.5, 50, 50},   {__LINE__, 0.99, 1, 99},
        {__LINE__, 1, 0, 100},     {__LINE__, 0.125, 7, 1},   {__LINE__, 0.005, 199, 1},
        {__LINE__, 1.0 / 3, 2, 1}, {__LINE__, 0.995, 1, 199}, {__LINE__, 0.0001, 256, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct haproxy_weights w = haproxy_weights_for(rows[i].share);
        if (w.stable != rows[i].stable || w.candidate != rows[i].candidate)
            t_fail(__FILE__, rows[i].line, "%d and %d", w.stable, w.candidate);
    }
    /* Against every pair there is: none comes nearer. */
    for (int k = 1; k < 400; k += 7) {
        double share = k / 400.0, best = 1;
        for (int s = 0; s <= 256; s++)
            for (int c = s == 0; c <= 256; c++)
                best = fmin(best, fabs((double)c / (s + c) - share));
        struct haproxy_weights w = haproxy_weights_for(share);
        T_NEAR(fabs((double)w.candidate / (w.stable + w.candidate) - share), best, 0, 1e-12);
    }
}

static void impossible_shares_are_refused(void)
{
    struct haproxy_config c = {"/x", "app", "stable", "candidate"};
    struct err err = {0};
    double share;
    T_OK(ha->nearest(&c, 0.004, &share, &err), err);
    T_NEAR(share, 0.004, 0, 1e-9);
    T_EQ_INT(ha->nearest(&c, 0.001, &share, &err), -1);
    T_EQ_INT(err.code, ERR_SPEC);
    T_HAS_STR(err.message, "256");
}

static void answers_are_read_defensively(void)
{
    static const char head[] = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state "
                               "srv_admin_state srv_uweight srv_iweight\n";
    static const struct {
        int line;
        const char *text;
        enum err_code code;
        const char *has;
    } rows[] = {
        {__LINE__, "", ERR_PLATFORM, "app"},
        {__LINE__, "Can't find backend.\n\n", ERR_PLATFORM, "Can't find backend"},
        {__LINE__, "Permission denied\n", ERR_PLATFORM, "Permission denied"},
        {__LINE__, "2\n# be_name\n", ERR_PLATFORM, "app"},
        {__LINE__, "1\n", ERR_PROTOCOL, "cut"},
        {__LINE__, "1\nnonsense\n", ERR_PROTOCOL, "header"},
        {__LINE__, "1\n# be_name srv_name srv_op_state srv_uweight\n", ERR_PROTOCOL,
         "srv_admin_state"},
        {__LINE__, "3 app 1 stable", ERR_PLATFORM, "app"},
        {__LINE__, "H3 app 1 stable a 2 0 95 100\n", ERR_PLATFORM, "no server candidate"},
        {__LINE__, "H3 app 1 stable a 2 0 95 100\n3 app 2 candidate a 2 0\n", ERR_PROTOCOL, "cut"},
        {__LINE__, "H3 app 1 stable a 2 0 95 100\n3 app 2 candidate a x 0 5 1\n", ERR_PROTOCOL,
         "numbers"},
        {__LINE__, "H3 app 1 stable a 2 0 95 100\n3 app 2 candidate a 2 0 -1 1\n", ERR_PROTOCOL,
         "numbers"},
        {__LINE__, "H3 app 1 stable a 2 0 95 100\n3 app 2 candidate a 2 0 99999 1\n", ERR_PROTOCOL,
         "numbers"},
        {__LINE__, "H3 app 1 stable a 2 0 0 100\n3 app 2 candidate a 2 0 0 1\n", ERR_PLATFORM,
         "weight 0"},
        {__LINE__, "H3 other 1 stable a 2 0 95 1\n3 other 2 candidate a 2 0 5 1\n", ERR_PLATFORM,
         "no server"},
    };
    struct haproxy_config c = {"/x", "app", "stable", "candidate"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[1024];
        struct platform_state state;
        struct err err = {0};
        bool has_head = rows[i].text[0] == 'H';
        snprintf(text, sizeof(text), "%s%s", has_head ? head : "", rows[i].text + has_head);
        int rc = haproxy_read_state(&c, text, strlen(text), &state, NULL, &err);
        if (rc != -1 || err.code != rows[i].code || !strstr(err.message, rows[i].has))
            t_fail(__FILE__, rows[i].line, "rc %d code %d: %s", rc, (int)err.code, err.message);
    }
}

static void states_are_told_apart(void)
{
    static const struct {
        int line, op, admin;
        enum vitality want;
        bool is_draining;
    } rows[] = {
        {__LINE__, 2, 0, VITALITY_HEALTHY, false},
        {__LINE__, 1, 0, VITALITY_HEALTHY, false},
        {__LINE__, 0, 0, VITALITY_UNHEALTHY, false},
        {__LINE__, 3, 0, VITALITY_UNHEALTHY, false},
        {__LINE__, 2, 0x01, VITALITY_UNHEALTHY, false},
        {__LINE__, 0, 0x20, VITALITY_UNHEALTHY, false},
        {__LINE__, 2, 0x08, VITALITY_UNHEALTHY, true},
    };
    struct haproxy_config c = {"/x", "app", "stable", "candidate"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[512], other[64];
        struct platform_state state;
        struct err err = {0};
        /* columns in another order than today's, one unknown */
        snprintf(text, sizeof(text),
                 "1\n# srv_name be_name srv_uweight news srv_admin_state srv_op_state\n"
                 "stable app 75 ? 0 2\ncandidate app 25 ? %d %d\nthird app 9 ? 0 2\n\n",
                 rows[i].admin, rows[i].op);
        T_OK(haproxy_read_state(&c, text, strlen(text), &state, other, &err), err);
        T_NEAR(state.share, 0.25, 0, 1e-12);
        T_EQ_STR(other, "third");
        if (state.candidate != rows[i].want || state.stable != VITALITY_HEALTHY ||
            state.is_draining != rows[i].is_draining)
            t_fail(__FILE__, rows[i].line, "%s", state.weights);
    }
}

/* Against the real thing, over the unix and over the TCP socket. */
static void moves_a_real_haproxy(void)
{
    struct haproxy_fixture f;
    char tcp[64];
    if (!haproxy_fixture_start(&f, "move", 0, NULL))
        return;
    snprintf(tcp, sizeof(tcp), "127.0.0.1:%d", f.port);
    struct haproxy_config c = {f.socket, "app", "stable", "candidate"};
    const double shares[] = {0.01, 0.05, 0.25, 0.5, 1, 0};
    for (size_t i = 0; i < ARRAY_LEN(shares) * 2; i++) {
        double share = shares[i % ARRAY_LEN(shares)];
        struct platform_state state;
        struct platform_call call = soon(5000);
        struct err err = {0};
        c.socket = i < ARRAY_LEN(shares) ? f.socket : tcp;
        T_OK(ha->check(&c, &call, &err), err);
        T_OK(ha->set_share(&c, &call, share, &err), err);
        T_OK(ha->observe(&c, &call, &state, &err), err);
        T_NEAR(state.share, share, 0, ha->tolerance);
        T_EQ_INT(haproxy_fixture_weight(&f, "candidate"), lround(100 * share));
        T_EQ_INT(haproxy_fixture_weight(&f, "stable"), lround(100 * (1 - share)));
        T_EQ_INT(state.candidate, VITALITY_HEALTHY);
        T_EQ_INT(state.stable, VITALITY_HEALTHY);
    }
    struct platform_state state;
    struct platform_call call = soon(5000);
    struct err err = {0};
    char out[256];
    T_CHECK(haproxy_fixture_down(&f, HAPROXY_CANDIDATE));
    T_OK(ha->observe(&c, &call, &state, &err), err);
    T_EQ_INT(state.candidate, VITALITY_UNHEALTHY);
    T_EQ_STR(state.weights, "stable 100 UP, candidate 0 DOWN");
    T_CHECK(haproxy_fixture_ask(&f, "set server app/stable state maint", out, sizeof(out)) >= 0);
    T_OK(ha->observe(&c, &call, &state, &err), err);
    T_EQ_INT(state.stable, VITALITY_UNHEALTHY);
    haproxy_fixture_stop(&f);
}

static void failures_are_said(void)
{
    struct haproxy_fixture f;
    struct platform_state state;
    struct err err = {0};
    if (!haproxy_fixture_start(&f, "fail", 0, "    server third 127.0.0.1:9 weight 50 no-check"))
        return;
    struct haproxy_config c = {f.socket, "app", "stable", "candidate"};
    struct platform_call call = soon(5000);
    T_EQ_INT(ha->check(&c, &call, &err), -1); /* a third server takes a part of the traffic */
    T_HAS_STR(err.message, "third");
    c.candidate = "nobody";
    T_EQ_INT(ha->set_share(&c, &call, 0.05, &err), -1);
    T_EQ_INT(err.code, ERR_PLATFORM);
    T_HAS_STR(err.message, "No such server");
    c.backend = "nothing";
    T_EQ_INT(ha->observe(&c, &call, &state, &err), -1);
    T_HAS_STR(err.message, "nothing");
    haproxy_fixture_freeze(&f, true);
    struct mono before = mono_now();
    call = soon(200);
    T_EQ_INT(ha->observe(&c, &call, &state, &err), -1);
    T_EQ_INT(err.code, ERR_TIMEOUT);
    T_CHECK(mono_until_ms(before, mono_now()) < 2000);
    haproxy_fixture_stop(&f);
    call = soon(1000);
    T_EQ_INT(ha->observe(&c, &call, &state, &err), -1);
    T_EQ_INT(err.code, ERR_NETWORK);
    c.socket = "nonsense";
    T_EQ_INT(ha->observe(&c, &call, &state, &err), -1);
    T_EQ_INT(err.code, ERR_SPEC);
}

/* HAProxy refuses weights under a static algorithm; the words reach the person. */
static void static_balance_is_refused(void)
{
    struct haproxy_fixture f;
    struct err err = {0};
    if (!haproxy_fixture_start(&f, "static", 0, "    balance static-rr"))
        return;
    struct haproxy_config c = {f.socket, "app", "stable", "candidate"};
    struct platform_call call = soon(5000);
    T_EQ_INT(ha->set_share(&c, &call, 0.05, &err), -1);
    T_EQ_INT(err.code, ERR_PLATFORM);
    T_HAS_STR(err.message, "static");
    haproxy_fixture_stop(&f);
}

static void explains_itself(void)
{
    struct haproxy_config c = {"/x", "app", "stable", "candidate"};
    struct buf b;
    buf_init(&b, 512);
    ha->explain(&c, 0.05, &b);
    T_EQ_STR(b.data, "set weight app/stable 95; set weight app/candidate 5");
    buf_clear(&b);
    ha->explain(&c, 1, &b); /* what must not be missing goes first */
    T_EQ_STR(b.data, "set weight app/candidate 100; set weight app/stable 0");
    buf_release(&b);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"weights_are_the_nearest", weights_are_the_nearest},
        {"impossible_shares_are_refused", impossible_shares_are_refused},
        {"answers_are_read_defensively", answers_are_read_defensively},
        {"states_are_told_apart", states_are_told_apart},
        {"moves_a_real_haproxy", moves_a_real_haproxy},
        {"failures_are_said", failures_are_said},
        {"static_balance_is_refused", static_balance_is_refused},
        {"explains_itself", explains_itself},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
