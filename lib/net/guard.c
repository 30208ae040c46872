/*
 * Addresses are compared as 16 bytes, IPv4 as ::ffff:a.b.c.d; the spellings that carry an IPv4
 * address inside an IPv6 one (mapped, compatible, NAT64, 6to4) are first reduced to it.
 */
#include "lib/net/guard.h"

#include "lib/base/num.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum guard_kind { KIND_LOOPBACK, KIND_PRIVATE, KIND_METADATA, KIND_NEVER };

struct range {
    const char *network; /* IPv6 text; IPv4 mapped */
    unsigned prefix;
    enum guard_kind kind;
    const char *name;
};

/* The first match decides. */
static const struct range ranges[] = {
    {"::ffff:169.254.169.254", 128, KIND_METADATA, "a cloud metadata"},
    {"::ffff:169.254.170.2", 128, KIND_METADATA, "a cloud metadata"},
    {"::ffff:169.254.170.23", 128, KIND_METADATA, "a cloud metadata"},
    {"::ffff:100.100.100.200", 128, KIND_METADATA, "a cloud metadata"},
    {"::ffff:192.0.0.192", 128, KIND_METADATA, "a cloud metadata"},
    {"::ffff:168.63.129.16", 128, KIND_METADATA, "a cloud metadata"},
    {"fd00:ec2::254", 128, KIND_METADATA, "a cloud metadata"},
    {"fd00:ec2::23", 128, KIND_METADATA, "a cloud metadata"},
    {"fd20:ce::254", 128, KIND_METADATA, "a cloud metadata"},
    {"::ffff:127.0.0.0", 104, KIND_LOOPBACK, "a loopback"},
    {"::1", 128, KIND_LOOPBACK, "a loopback"},
    {"::ffff:10.0.0.0", 104, KIND_PRIVATE, "a private"},
    {"::ffff:172.16.0.0", 108, KIND_PRIVATE, "a private"},
    {"::ffff:192.168.0.0", 112, KIND_PRIVATE, "a private"},
    {"::ffff:100.64.0.0", 106, KIND_PRIVATE, "a shared"},
    {"fc00::", 7, KIND_PRIVATE, "a unique local"},
    {"::ffff:0.0.0.0", 104, KIND_NEVER, "an unspecified"},
    {"::ffff:169.254.0.0", 112, KIND_NEVER, "a link-local"},
    {"::ffff:192.0.0.0", 120, KIND_NEVER, "a reserved"},
    {"::ffff:192.0.2.0", 120, KIND_NEVER, "a documentation"},
    {"::ffff:198.18.0.0", 111, KIND_NEVER, "a benchmarking"},
    {"::ffff:198.51.100.0", 120, KIND_NEVER, "a documentation"},
    {"::ffff:203.0.113.0", 120, KIND_NEVER, "a documentation"},
    {"::ffff:224.0.0.0", 100, KIND_NEVER, "a multicast"},
    {"::ffff:240.0.0.0", 100, KIND_NEVER, "a reserved"},
    {"::", 128, KIND_NEVER, "an unspecified"},
    {"::ffff:0:0:0", 96, KIND_NEVER, "a translated"},
    {"64:ff9b:1::", 48, KIND_NEVER, "a locally translated"}, /* NAT64: the IPv4 stands anywhere */
    {"fe80::", 10, KIND_NEVER, "a link-local"},
    {"fec0::", 10, KIND_NEVER, "a site-local"},
    {"ff00::", 8, KIND_NEVER, "a multicast"},
    {"100::", 64, KIND_NEVER, "a discard"},
    {"2001:db8::", 32, KIND_NEVER, "a documentation"},
    {"2001::", 32, KIND_NEVER, "a Teredo"},
};

static bool in_network(const unsigned char *address, const unsigned char *network, unsigned prefix)
{
    unsigned whole = prefix / 8, rest = prefix % 8;
    if (memcmp(address, network, whole) != 0)
        return false;
    return rest == 0 || (address[whole] ^ network[whole]) >> (8 - rest) == 0;
}

static void map_ipv4(const unsigned char *four, unsigned char out[16])
{
    memset(out, 0, 10);
    out[10] = out[11] = 0xff;
    memmove(out + 12, four, 4);
}

/* The IPv4 address inside, if there is one, takes the place of the address. */
static void reduce(unsigned char a[16])
{
    static const unsigned char zero[12], nat64[12] = {0, 0x64, 0xff, 0x9b};
    unsigned char four[4];
    bool is_loopback_or_none =
        !memcmp(a, zero, 12) && a[12] == 0 && a[13] == 0 && a[14] == 0 && a[15] <= 1;
    if (a[0] == 0x20 && a[1] == 0x02)
        memcpy(four, a + 2, 4);
    else if (!memcmp(a, nat64, 12) || (!memcmp(a, zero, 12) && !is_loopback_or_none))
        memcpy(four, a + 12, 4);
    else
        return;
    map_ipv4(four, a);
}

void guard_init(struct guard *g)
{
    *g = (struct guard){0};
}

static int read_network(struct guard_network *n, const char *text, struct err *err)
{
    char address[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    unsigned char four[4];
    uint64_t prefix;
    unsigned bits;
    if (len >= sizeof(address))
        return err_set(err, ERR_INPUT, "\"%.60s\" is no network", text);
    memcpy(address, text, len);
    address[len] = '\0';
    if (inet_pton(AF_INET, address, four) == 1) {
        bits = 32;
        map_ipv4(four, n->address);
    } else if (inet_pton(AF_INET6, address, n->address) == 1) {
        bits = 128;
    } else {
        return err_set(err, ERR_INPUT,
                       "\"%.60s\" is no network: want one like 10.0.0.0/8 or fd00::/8", text);
    }
    prefix = bits;
    if (slash && (num_parse_u64(slash + 1, strlen(slash + 1), &prefix) < 0 || prefix > bits))
        return err_set(err, ERR_INPUT, "\"%.60s\": the prefix must be 0 to %u", text, bits);
    n->prefix = (unsigned)prefix + 128 - bits;
    return 0;
}

int guard_allow(struct guard *g, const char *list, struct err *err)
{
    while (*(list += strspn(list, ", "))) {
        size_t len = strcspn(list, ", ");
        char one[64];
        if (g->network_count == GUARD_NETWORKS_MAX)
            return err_set(err, ERR_INPUT, "more than %d allowed networks", GUARD_NETWORKS_MAX);
        snprintf(one, sizeof(one), "%.*s", len < sizeof(one) ? (int)len : (int)sizeof(one) - 1,
                 list);
        if (read_network(&g->networks[g->network_count], one, err) < 0)
            return -1;
        g->network_count++;
        list += len;
    }
    return 0;
}

static const struct range *find_range(const unsigned char a[16])
{
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
        unsigned char network[16];
        BUG_ON(inet_pton(AF_INET6, ranges[i].network, network) != 1);
        if (in_network(a, network, ranges[i].prefix))
            return &ranges[i];
    }
    return NULL;
}

static bool is_allowed(const struct guard *g, const unsigned char a[16], const struct range *range)
{
    for (size_t i = 0; i < g->network_count; i++) {
        const struct guard_network *n = &g->networks[i];
        /* "everything" does not mean the metadata service: its network must be meant */
        if (range && range->kind == KIND_METADATA && n->prefix < 120)
            continue;
        if (in_network(a, n->address, n->prefix))
            return true;
    }
    if (!range)
        return true;
    return (range->kind == KIND_LOOPBACK && g->allow_loopback) ||
           (range->kind == KIND_PRIVATE && g->allow_private);
}

int guard_check(const struct guard *g, const struct sockaddr *to, struct err *err)
{
    unsigned char a[16];
    char text[INET6_ADDRSTRLEN] = "?";
    const struct range *range;
    if (to->sa_family == AF_UNIX)
        return g->allow_unix ? 0 : err_set(err, ERR_FORBIDDEN, "unix sockets are not allowed here");
    if (to->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)to;
        map_ipv4((const unsigned char *)&in->sin_addr, a);
        inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
    } else if (to->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const void *)to;
        memcpy(a, &in->sin6_addr, 16);
        inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof(text));
        reduce(a);
    } else {
        return err_set(err, ERR_FORBIDDEN, "addresses of family %d are not allowed", to->sa_family);
    }
    range = find_range(a);
    if (is_allowed(g, a, range))
        return 0;
    return err_set(err, ERR_FORBIDDEN,
                   "%s is %s address, which the operator has not allowed for outgoing calls", text,
                   range->name);
}
