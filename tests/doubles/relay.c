/*
 * A byte relay in front of Redis and of platforms that numbers the messages and can strike at one.
 *
 *   relay --log FILE --map NAME:KIND:LISTEN:UPSTREAM [--map ...]
 *         [--at N --when before|after --do kill|hold|cut [--pid-file FILE] [--hold-ms MS]]
 *         [--ignore TEXT ...] [--only TEXT ...] [--since TEXT]
 *
 * KIND is `redis` (requests are RESP arrays or inline lines) or `line` (one request a line,
 * HAProxy's runtime socket). LISTEN and UPSTREAM are unix paths, or host:port on 127.0.0.1. A
 * message is a request of a client; replies pass through. Messages are numbered from 1 over all
 * maps in the order of their arrival; those that hold an --ignore text, or none of the --only texts
 * (if there are any), pass without a number and are logged as `-`; so does everything up to and
 * with the first one that holds the --since text.
 *
 * The log has a line a message, written before it is forwarded:
 *   N NAME TEXT          TEXT: the request's words, each cut at 64 bytes (then `..`), binary
 *                        escaped, all of it cut at 400 bytes: a script's source does not hide its
 *                        keys
 * and after the strike the words ` [before: dropped]` or ` [after: forwarded]` in a line of their
 * own: N ! before kill      the message was not forwarded; the process of --pid-file got SIGKILL N
 * ! after kill       it was forwarded and answered, the answer was dropped, then SIGKILL `cut`
 * closes the connection in place of the kill; `hold` stops everything for --hold-ms (the message is
 * forwarded afterwards). There is one strike; later messages pass. Ends on SIGTERM.
 *
 * With `ready` on stdout it accepts connections.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MAPS_MAX   8
#define LINKS_MAX  256
#define WORDS_MAX  32
#define BUFFER_MAX (64 << 20)
#define WORD_MAX   64  /* of a Redis request, in the log and before --only and --ignore */
#define QUIET_MS   40  /* the upstream has said what it had to say */
#define ANSWER_MS  500 /* and if it says nothing */

struct map {
    char name[32];
    bool is_redis;
    char listen[160], upstream[160];
    int fd;
};

struct link {
    int client, server;
    const struct map *map;
    char *bytes; /* from the client, not yet forwarded */
    size_t len, cap;
};

static struct map maps[MAPS_MAX];
static int n_maps;
static struct link links[LINKS_MAX];
static int n_links;
static const char *ignore[WORDS_MAX], *only[WORDS_MAX];
static int n_ignore, n_only;
static const char *pid_file, *what = "kill", *since;
static long at = -1, hold_ms = 1000, count;
static bool is_after;
static int log_fd = -1;
static volatile sig_atomic_t is_ended;

static void die(const char *why)
{
    fprintf(stderr, "relay: %s: %s\n", why, strerror(errno));
    exit(2);
}

static void end(int sig)
{
    (void)sig;
    is_ended = 1;
}

static void sleep_ms(long ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* ---- sockets ---- */

static int open_socket(const char *where, bool is_listener)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bool is_unix = where[0] == '/';
    const char *colon = strrchr(where, ':');
    const struct sockaddr *to = is_unix ? (struct sockaddr *)&un : (struct sockaddr *)&in;
    socklen_t len = is_unix ? sizeof(un) : sizeof(in);
    int fd = socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (fd < 0)
        return -1;
    snprintf(un.sun_path, sizeof(un.sun_path), "%.107s", where);
    in.sin_port = htons((unsigned short)(colon ? strtol(colon + 1, NULL, 10) : 0));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (is_listener && is_unix)
        unlink(where);
    if (is_listener ? bind(fd, to, len) || listen(fd, 128) : connect(fd, to, len)) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static void close_link(int i)
{
    close(links[i].client);
    close(links[i].server);
    free(links[i].bytes);
    links[i] = links[--n_links];
}

/* ---- requests ---- */

static const char *line_end(const char *from, const char *to)
{
    return from < to ? memchr(from, '\n', (size_t)(to - from)) : NULL;
}

/* Length of the first whole request in the bytes, 0 when it is not all there. */
static size_t request_length(const struct link *l)
{
    const char *p = l->bytes, *to = l->bytes + l->len, *e = line_end(p, to);
    if (!e)
        return 0;
    if (!l->map->is_redis || *p != '*')
        return (size_t)(e + 1 - p);
    long words = strtol(p + 1, NULL, 10);
    p = e + 1;
    for (long i = 0; i < words; i++) {
        e = line_end(p, to);
        if (!e || *p != '$')
            return 0;
        long n = strtol(p + 1, NULL, 10);
        p = e + 1 + n + 2;
        if (n < 0 || p > to)
            return 0;
    }
    return (size_t)(p - l->bytes);
}

static size_t add_word(char *out, size_t used, size_t size, const char *word, size_t len)
{
    for (size_t i = 0; i < len && used + 8 < size; i++) {
        unsigned char c = (unsigned char)word[i];
        if (c == '\n')
            out[used++] = ' ';
        else if (isprint(c))
            out[used++] = (char)c;
        else if (c != '\r')
            used += (size_t)snprintf(out + used, size - used, "\\x%02x", c);
    }
    return used;
}

/* The words of a whole request on one line. */
static void request_text(const struct link *l, size_t len, char *out, size_t size)
{
    size_t used = 0;
    if (!l->map->is_redis || l->bytes[0] != '*') {
        used = add_word(out, 0, size, l->bytes, len);
    } else { /* counts and lengths are not shown */
        const char *p = line_end(l->bytes, l->bytes + len) + 1, *to = l->bytes + len;
        while (p < to && used + 8 < size) {
            size_t n = (size_t)strtol(p + 1, NULL, 10);
            p = line_end(p, to) + 1;
            used = add_word(out, used, size, p, n < WORD_MAX ? n : WORD_MAX);
            used += (size_t)snprintf(out + used, size - used, n > WORD_MAX ? ".. " : " ");
            p += n + 2;
        }
    }
    while (used > 0 && out[used - 1] == ' ')
        used--;
    out[used] = '\0';
}

static bool is_counted(const char *text)
{
    if (since) {
        if (strstr(text, since))
            since = NULL;
        return false;
    }
    bool is_in = n_only == 0;
    for (int i = 0; i < n_only; i++)
        is_in |= strstr(text, only[i]) != NULL;
    for (int i = 0; i < n_ignore; i++)
        is_in &= strstr(text, ignore[i]) == NULL;
    return is_in;
}

/* ---- the strike ---- */

static void kill_process(void)
{
    FILE *f = pid_file ? fopen(pid_file, "re") : NULL;
    long pid = 0;
    char text[32] = "";
    if (f && fgets(text, sizeof(text), f))
        pid = strtol(text, NULL, 10);
    if (f)
        fclose(f);
    if (pid <= 1 || kill((pid_t)pid, SIGKILL))
        die("no process to kill");
}

static void drain(int fd)
{
    char bytes[4096];
    for (long left = ANSWER_MS;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, (int)left) <= 0 || recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) <= 0)
            return;
        left = QUIET_MS;
    }
}

static void log_line(long n, const char *name, const char *text)
{
    if (n < 0)
        dprintf(log_fd, "- %s %s\n", name, text);
    else
        dprintf(log_fd, "%ld %s %s\n", n, name, text);
}

/* False: the link is to be closed. */
static bool strike(struct link *l, size_t len)
{
    char text[64];
    at = -1;
    if (strcmp(what, "hold") == 0) {
        sleep_ms(hold_ms);
        log_line(count, "!", "hold");
        return send_all(l->server, l->bytes, len);
    }
    if (is_after && send_all(l->server, l->bytes, len))
        drain(l->server);
    if (strcmp(what, "kill") == 0)
        kill_process();
    snprintf(text, sizeof(text), "%s %s", is_after ? "after" : "before", what);
    log_line(count, "!", text);
    return false;
}

static bool forward_requests(struct link *l)
{
    size_t len;
    char text[400];
    while (l->len > 0 && (len = request_length(l)) > 0) {
        request_text(l, len, text, sizeof(text));
        bool counts = is_counted(text);
        if (counts)
            count++;
        log_line(counts ? count : -1, l->map->name, text);
        bool is_struck = counts && count == at;
        if (is_struck ? !strike(l, len) : !send_all(l->server, l->bytes, len))
            return false;
        memmove(l->bytes, l->bytes + len, l->len - len);
        l->len -= len;
    }
    return true;
}

static bool read_client(struct link *l)
{
    if (l->cap - l->len < 65536) {
        l->cap = l->cap ? l->cap * 2 : 131072;
        l->bytes = l->cap > BUFFER_MAX ? NULL : realloc(l->bytes, l->cap);
        if (!l->bytes)
            die("a request is too long");
    }
    ssize_t n = recv(l->client, l->bytes + l->len, l->cap - l->len, 0);
    if (n < 0 && errno == EINTR)
        return true;
    if (n <= 0)
        return false;
    l->len += (size_t)n;
    return forward_requests(l);
}

static bool read_server(const struct link *l)
{
    char bytes[65536];
    ssize_t n = recv(l->server, bytes, sizeof(bytes), 0);
    if (n < 0 && errno == EINTR)
        return true;
    return n > 0 && send_all(l->client, bytes, (size_t)n);
}

static void accept_on(const struct map *m)
{
    int client = accept4(m->fd, NULL, NULL, SOCK_CLOEXEC);
    int server = client < 0 ? -1 : open_socket(m->upstream, false);
    if (server < 0 || n_links == LINKS_MAX) {
        if (client >= 0)
            close(client); /* the upstream is down: so are we */
        if (server >= 0)
            close(server);
        return;
    }
    links[n_links++] = (struct link){.client = client, .server = server, .map = m};
}

static void relay(void)
{
    struct pollfd p[MAPS_MAX + 2 * LINKS_MAX];
    while (!is_ended) {
        int was = n_links;
        for (int i = 0; i < n_maps; i++)
            p[i] = (struct pollfd){.fd = maps[i].fd, .events = POLLIN};
        for (int i = 0; i < was; i++) {
            p[n_maps + 2 * i] = (struct pollfd){.fd = links[i].client, .events = POLLIN};
            p[n_maps + 2 * i + 1] = (struct pollfd){.fd = links[i].server, .events = POLLIN};
        }
        if (poll(p, (nfds_t)(n_maps + 2 * was), -1) < 0)
            continue;
        for (int i = was - 1; i >= 0; i--) { /* backwards: closing moves the last one here */
            bool is_open = true;
            if (p[n_maps + 2 * i + 1].revents)
                is_open = read_server(&links[i]);
            if (is_open && p[n_maps + 2 * i].revents)
                is_open = read_client(&links[i]);
            if (!is_open)
                close_link(i);
        }
        for (int i = 0; i < n_maps; i++)
            if (p[i].revents)
                accept_on(&maps[i]);
    }
}

/* ---- command line ---- */

static void add_map(char *text)
{
    struct map *m = &maps[n_maps++];
    char *kind = strchr(text, ':'), *to = kind ? strchr(kind + 1, ':') : NULL;
    char *up =
        to ? (to[1] == '/' ? strchr(to + 1, ':') : strchr(strchr(to + 1, ':') + 1, ':')) : NULL;
    if (!up || n_maps > MAPS_MAX)
        die("--map NAME:KIND:LISTEN:UPSTREAM");
    *kind++ = *to++ = *up++ = '\0';
    snprintf(m->name, sizeof(m->name), "%.31s", text);
    m->is_redis = strcmp(kind, "redis") == 0;
    snprintf(m->listen, sizeof(m->listen), "%.159s", to);
    snprintf(m->upstream, sizeof(m->upstream), "%.159s", up);
    m->fd = open_socket(m->listen, true);
    if (m->fd < 0)
        die(m->listen);
}

static void option(const char *name, char *value)
{
    if (strcmp(name, "--log") == 0)
        log_fd = open(value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    else if (strcmp(name, "--map") == 0 && n_maps < MAPS_MAX)
        add_map(value);
    else if (strcmp(name, "--at") == 0)
        at = strtol(value, NULL, 10);
    else if (strcmp(name, "--when") == 0)
        is_after = strcmp(value, "after") == 0;
    else if (strcmp(name, "--do") == 0)
        what = value;
    else if (strcmp(name, "--pid-file") == 0)
        pid_file = value;
    else if (strcmp(name, "--hold-ms") == 0)
        hold_ms = strtol(value, NULL, 10);
    else if (strcmp(name, "--ignore") == 0 && n_ignore < WORDS_MAX)
        ignore[n_ignore++] = value;
    else if (strcmp(name, "--only") == 0 && n_only < WORDS_MAX)
        only[n_only++] = value;
    else if (strcmp(name, "--since") == 0)
        since = value;
    else {
        fprintf(stderr, "relay: unknown option %s\n", name);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    struct sigaction ends = {.sa_handler = end};
    sigaction(SIGTERM, &ends, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    for (int i = 1; i + 1 < argc; i += 2)
        option(argv[i], argv[i + 1]);
    if (n_maps == 0 || log_fd < 0)
        die("--log and --map are needed");
    puts("ready");
    fflush(stdout);
    relay();
    return 0;
}
