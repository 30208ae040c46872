#include "collectors/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/clock.h"

#define TEXT_BYTES_MAX 256

static bool is_loopback(const struct sockaddr_storage *a)
{
    if (a->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)a;
        return ntohl(in->sin_addr.s_addr) >> 24 == 127;
    }
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)a;
    return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

static int parse_unix(const char *path, struct listen_address *out, struct err *err)
{
    struct sockaddr_un *at = (struct sockaddr_un *)(void *)&out->at;
    if (path[0] == '/' && path[1] == '/')
        path += 2; /* unix:///run/x.sock */
    if (path[0] != '/')
        return err_set(err, ERR_USAGE, "unix:%s: want a whole path, as in unix:/run/judge/x.sock",
                       path);
    if (strlen(path) >= sizeof(at->sun_path))
        return err_set(err, ERR_USAGE, "unix:%s: the path of a unix socket has at most %zu bytes",
                       path, sizeof(at->sun_path) - 1);
    at->sun_family = AF_UNIX;
    memcpy(at->sun_path, path, strlen(path) + 1);
    out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
    return 0;
}

static int parse_ip(const char *text, struct listen_address *out, struct err *err)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    bool is_six = text[0] == '[';
    if (!colon || (is_six && (colon == text || colon[-1] != ']')))
        return err_set(err, ERR_USAGE, "%s is not address:port", text);
    size_t host_len = (size_t)(colon - text) - (is_six ? 2 : 0);
    if (host_len >= sizeof(host))
        return err_set(err, ERR_USAGE, "%s is not address:port", text);
    memcpy(host, text + is_six, host_len);
    host[host_len] = '\0';
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
        return err_set(err, ERR_USAGE, "%s is not address:port with numbers", text);
    memcpy(&out->at, found->ai_addr, found->ai_addrlen);
    out->len = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

int listen_parse(const char *text, size_t len, bool allow_remote, struct listen_address *out,
                 struct err *err)
{
    char copy[TEXT_BYTES_MAX];
    if (len >= sizeof(copy))
        return err_set(err, ERR_USAGE, "an address has at most %zu bytes", sizeof(copy) - 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    *out = (struct listen_address){.len = 0};
    if (strncmp(copy, "unix:", 5) == 0)
        return parse_unix(copy + 5, out, err);
    if (parse_ip(copy, out, err) != 0)
        return -1;
    if (!allow_remote && !is_loopback(&out->at))
        return err_set(err, ERR_USAGE,
                       "%s is not a loopback address: senders are not authenticated, so listening "
                       "to others must be allowed expressly",
                       copy);
    return 0;
}

const char *listen_path(const struct listen_address *a)
{
    BUG_ON(!listen_is_unix(a));
    return ((const struct sockaddr_un *)(const void *)&a->at)->sun_path;
}

/* Nobody receives on the socket that stands there: it was left. */
static bool is_left(const struct listen_address *a)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool refused = fd >= 0 && connect(fd, (const struct sockaddr *)&a->at, a->len) != 0 &&
                   errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return refused;
}

int listen_bind_unix(int fd, struct listen_address *a, mode_t mode, struct err *err)
{
    const char *path = listen_path(a);
    struct stat st;
    if (lstat(path, &st) == 0) {
        if (!S_ISSOCK(st.st_mode))
            return err_set(err, ERR_CONFLICT, "%s is no socket: it is left alone", path);
        if (!is_left(a))
            return err_set(err, ERR_CONFLICT, "somebody receives on %s already", path);
        unlink(path);
    }
    /* the file is made with the socket's own mode less the umask, so it is never too open */
    if (fchmod(fd, mode) != 0 || bind(fd, (const struct sockaddr *)&a->at, a->len) != 0)
        return err_set_errno(err, ERR_SYSTEM, "cannot listen on %s", path);
    if (chmod(path, mode) != 0 || lstat(path, &st) != 0) {
        err_set_errno(err, ERR_SYSTEM, "cannot set the mode of %s", path);
        unlink(path);
        return -1;
    }
    a->device = st.st_dev;
    a->inode = st.st_ino;
    return 0;
}

void listen_unlink(const struct listen_address *a)
{
    struct stat st;
    if (lstat(listen_path(a), &st) == 0 && st.st_dev == a->device && st.st_ino == a->inode)
        unlink(listen_path(a));
}

int listen_port(int fd, struct listen_address *a)
{
    socklen_t len = sizeof(a->at);
    BUG_ON(getsockname(fd, (struct sockaddr *)&a->at, &len) != 0);
    if (a->at.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)(const void *)&a->at)->sin_port);
    return ntohs(((const struct sockaddr_in6 *)(const void *)&a->at)->sin6_port);
}
