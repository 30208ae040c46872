#include "lib/crypto/secret.h"

#include "lib/base/buf.h"
#include "lib/crypto/ct.h"
#include "lib/crypto/random.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void secret_wipe(void *bytes, size_t len)
{
    OPENSSL_cleanse(bytes, len);
}

void secret_init(struct secret *s)
{
    *s = (struct secret){0};
}

void secret_release(struct secret *s)
{
    if (s->hidden) {
        secret_wipe(s->hidden, s->len);
        free(s->hidden);
    }
    *s = (struct secret){0};
}

void secret_set(struct secret *s, const void *bytes, size_t len)
{
    unsigned char *copy;
    BUG_ON(len > SECRET_MAX);
    copy = mem_alloc(len + 1);
    if (len)
        memcpy(copy, bytes, len);
    secret_release(s);
    s->hidden = copy;
    s->len = len;
}

bool secret_is_set(const struct secret *s)
{
    return s->len > 0;
}

const char *secret_bytes(const struct secret *s)
{
    return s->hidden ? (const char *)s->hidden : "";
}

bool secret_equals(const struct secret *s, const void *bytes, size_t len)
{
    return ct_equal(s->hidden, s->len, bytes, len);
}

static int check_owner(int fd, const char *path, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_set_errno(err, ERR_SYSTEM, "%s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_INPUT, "%s is not a regular file", path);
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return err_set(err, ERR_FORBIDDEN, "%s belongs to user %u: a secret's file must be ours",
                       path, (unsigned)st.st_uid);
    if (st.st_mode & 077)
        return err_set(err, ERR_FORBIDDEN,
                       "%s may be read by others (mode %04o): a secret's file needs mode 0600",
                       path, (unsigned)(st.st_mode & 07777));
    return 0;
}

/* Reads at most cap bytes; the number read, or -1. */
static ssize_t read_some(int fd, unsigned char *out, size_t cap)
{
    size_t n = 0;
    while (n < cap) {
        ssize_t got = read(fd, out + n, cap - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        n += (size_t)got;
    }
    return (ssize_t)n;
}

int secret_load_file(struct secret *s, const char *path, struct err *err)
{
    unsigned char raw[SECRET_MAX + 2];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int status = -1;
    ssize_t len;
    if (fd < 0)
        return err_set_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM, "opening %s", path);
    if (check_owner(fd, path, err) < 0)
        goto out;
    len = read_some(fd, raw, sizeof(raw));
    if (len < 0) {
        err_set_errno(err, ERR_SYSTEM, "reading %s", path);
        goto out;
    }
    if (len && raw[len - 1] == '\n')
        len--;
    if (len && raw[len - 1] == '\r')
        len--;
    if (len == 0 || len > SECRET_MAX) {
        err_set(err, ERR_INPUT, "%s holds %s: want 1 to %d bytes", path,
                len ? "too much" : "nothing", SECRET_MAX);
        goto out;
    }
    secret_set(s, raw, (size_t)len);
    status = 0;
out:
    secret_wipe(raw, sizeof(raw));
    close(fd);
    return status;
}

int secret_load_env(struct secret *s, const char *name, struct err *err)
{
    const char *value = getenv(name);
    size_t len = value ? strlen(value) : 0;
    if (!len)
        return err_set(err, ERR_NOT_FOUND, "the environment variable %s is not set", name);
    if (len > SECRET_MAX)
        return err_set(err, ERR_INPUT, "the environment variable %s is longer than %d bytes", name,
                       SECRET_MAX);
    secret_set(s, value, len);
    return 0;
}

static int write_all(int fd, const unsigned char *bytes, size_t len)
{
    while (len) {
        ssize_t put = write(fd, bytes, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        bytes += put;
        len -= (size_t)put;
    }
    return 0;
}

int secret_save_file(const struct secret *s, const char *path, struct err *err)
{
    static const unsigned char newline[] = "\n";
    char id[RANDOM_ID_BYTES];
    struct buf temporary;
    int fd = -1, status = -1;
    buf_init(&temporary, 4096);
    buf_addf(&temporary, "%s.%s", path, random_id(id));
    if (!buf_ok(&temporary)) {
        err_set(err, ERR_INPUT, "the path of the secret's file is longer than 4096 bytes");
        goto out;
    }
    fd = open(temporary.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        err_set_errno(err, ERR_SYSTEM, "creating %s", temporary.data);
        goto out;
    }
    if (write_all(fd, s->hidden, s->len) < 0 || write_all(fd, newline, 1) < 0 || fsync(fd) < 0 ||
        rename(temporary.data, path) < 0) {
        err_set_errno(err, ERR_SYSTEM, "writing %s", path);
        unlink(temporary.data);
        goto out;
    }
    status = 0;
out:
    if (fd >= 0)
        close(fd);
    buf_release(&temporary);
    return status;
}
