#include "lib/net/guard.h"

#include "tests/t.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

static int check(const struct guard *g, const char *address, struct err *err)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, address, &in.sin_addr) == 1)
        return guard_check(g, (struct sockaddr *)&in, err);
    if (inet_pton(AF_INET6, address, &in6.sin6_addr) != 1)
        t_fail(__FILE__, __LINE__, "%s is no address", address);
    return guard_check(g, (struct sockaddr *)&in6, err);
}

/* what opens it: '-' nothing but its own network, 'l' loopback, 'p' private, '+' always open */
static const struct {
    int line;
    const char *address;
    char opens;
} cases[] = {
    {__LINE__, "8.8.8.8", '+'},
    {__LINE__, "2606:4700::1111", '+'},
    {__LINE__, "172.32.0.1", '+'},
    {__LINE__, "100.128.0.1", '+'},
    {__LINE__, "127.0.0.1", 'l'},
    {__LINE__, "127.255.255.254", 'l'},
    {__LINE__, "::1", 'l'},
    {__LINE__, "::ffff:127.0.0.1", 'l'},
    {__LINE__, "::127.0.0.1", 'l'},
    {__LINE__, "64:ff9b::7f00:1", 'l'},
    {__LINE__, "2002:7f00:1::", 'l'},
    {__LINE__, "10.1.2.3", 'p'},
    {__LINE__, "172.16.0.1", 'p'},
    {__LINE__, "172.31.255.255", 'p'},
    {__LINE__, "192.168.1.1", 'p'},
    {__LINE__, "100.64.0.1", 'p'},
    {__LINE__, "::ffff:10.0.0.1", 'p'},
    {__LINE__, "64:ff9b::a00:1", 'p'},
    {__LINE__, "2002:c0a8:101::5", 'p'},
    {__LINE__, "fd12:3456::1", 'p'},
    {__LINE__, "169.254.169.254", '-'},
    {__LINE__, "169.254.170.2", '-'},
    {__LINE__, "::ffff:169.254.169.254", '-'},
    {__LINE__, "64:ff9b::a9fe:a9fe", '-'},
    {__LINE__, "fd00:ec2::254", '-'},
    {__LINE__, "100.100.100.200", '-'},
    {__LINE__, "169.254.1.1", '-'},
    {__LINE__, "fe80::1", '-'},
    {__LINE__, "0.0.0.0", '-'},
    {__LINE__, "::", '-'},
    {__LINE__, "224.0.0.1", '-'},
    {__LINE__, "255.255.255.255", '-'},
    {__LINE__, "ff02::1", '-'},
    {__LINE__, "64:ff9b:1::a00:1", '-'},
    {__LINE__, "::ffff:0:7f00:1", '-'},
    {__LINE__, "192.0.2.1", '-'},
    {__LINE__, "198.18.0.1", '-'},
};

static void judges_addresses_by_the_table(void)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        struct guard g;
        char one[80];
        char opens = cases[i].opens;
        guard_init(&g);
        if ((check(&g, cases[i].address, &err) == 0) != (opens == '+'))
            t_fail(__FILE__, cases[i].line, "closed guard");
        if (opens != '+' && err.code != ERR_FORBIDDEN)
            t_fail(__FILE__, cases[i].line, "code %d", err.code);
        g.allow_loopback = true;
        if ((check(&g, cases[i].address, &err) == 0) != (opens == '+' || opens == 'l'))
            t_fail(__FILE__, cases[i].line, "loopback allowed");
        guard_init(&g);
        g.allow_private = true;
        if ((check(&g, cases[i].address, &err) == 0) != (opens == '+' || opens == 'p'))
            t_fail(__FILE__, cases[i].line, "private allowed");
        /* named exactly it is always open, whatever it is; inner spellings by their inner address
         */
        guard_init(&g);
        if (strncmp(cases[i].address, "64:", 3) && strncmp(cases[i].address, "2002:", 5) &&
            strcmp(cases[i].address, "::127.0.0.1") != 0) {
            snprintf(one, sizeof(one), "%s", cases[i].address);
            if (guard_allow(&g, one, &err) < 0 || check(&g, cases[i].address, &err) < 0)
                t_fail(__FILE__, cases[i].line, "named: %s", err.message);
        }
    }
}

static void reads_networks(void)
{
    static const char *const bad[] = {"10.0.0.0/33", "10.0.0",      "fd00::/129", "x",
                                      "10.0.0.0/",   "10.0.0.0/-1", "1.2.3.4/8/8"};
    struct err err = {0};
    struct guard g;
    guard_init(&g);
    T_OK(guard_allow(&g, "10.1.0.0/16, 169.254.169.254 ::1,fd00::/8", &err), err);
    T_EQ_INT(g.network_count, 4);
    T_OK(check(&g, "10.1.255.1", &err), err);
    T_CHECK(check(&g, "10.2.0.1", &err) < 0);
    T_OK(check(&g, "::ffff:10.1.0.1", &err), err);
    T_OK(check(&g, "169.254.169.254", &err), err);
    T_OK(check(&g, "::1", &err), err);
    T_CHECK(check(&g, "fd00:ec2::254", &err) < 0); /* fd00::/8 does not mean the metadata service */
    guard_init(&g);
    T_OK(guard_allow(&g, "0.0.0.0/0", &err), err);
    T_OK(check(&g, "127.0.0.1", &err), err);
    T_CHECK(check(&g, "169.254.169.254", &err) < 0);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        guard_init(&g);
        T_CHECK(guard_allow(&g, bad[i], &err) < 0);
        T_EQ_INT(err.code, ERR_INPUT);
    }
    guard_init(&g);
    for (int i = 0; i < GUARD_NETWORKS_MAX; i++)
        T_OK(guard_allow(&g, "10.0.0.0/8", &err), err);
    T_CHECK(guard_allow(&g, "10.0.0.0/8", &err) < 0);
}

static void knows_other_families(void)
{
    struct err err = {0};
    struct guard g;
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct sockaddr other = {.sa_family = AF_PACKET};
    guard_init(&g);
    T_CHECK(guard_check(&g, (struct sockaddr *)&un, &err) < 0);
    T_CHECK(guard_check(&g, &other, &err) < 0);
    g.allow_unix = true;
    T_OK(guard_check(&g, (struct sockaddr *)&un, &err), err);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"judges_addresses_by_the_table", judges_addresses_by_the_table},
        {"reads_networks", reads_networks},
        {"knows_other_families", knows_other_families},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
