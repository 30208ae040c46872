/*
 * DIR/intents: what we are about to do to the world, on our own disk, so that a rollback can be
 * finished while Redis is away.
 *
 * One line a record: checksum of the rest, release, JSON. Each is written with one O_DSYNC write. A
 * line whose checksum does not fit (a write torn by a crash) is skipped; a torn end is cut when the
 * file is opened. Past INTENTS_BYTES_MAX the newest records of each release are copied to a new
 * file, which takes the old one's place by rename.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/map.h"
#include "lib/store/store_priv.h"

#define INTENTS_PER_RELEASE 32
#define SUM_DIGITS          16

struct intents {
    pthread_mutex_t lock;
    int dir, fd;
    size_t size;
};

static int read_all(int dir, struct buf *out, struct err *err)
{
    int fd = openat(dir, "intents", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_set_errno(err, ERR_SYSTEM, "opening intents");
    for (;;) {
        char *to = buf_reserve(out, 65536);
        ssize_t n = to ? read(fd, to, 65536) : -1;
        if (n < 0 && to && errno == EINTR)
            continue;
        if (n <= 0) {
            int rc = n == 0 ? 0
                     : to   ? err_set_errno(err, ERR_SYSTEM, "reading intents")
                            : err_set(err, ERR_CORRUPT, "intents: the file is over its limit");
            close(fd);
            return rc;
        }
        buf_commit(out, (size_t)n);
    }
}

/* A good line: [at, end) without its newline. */
struct line {
    const char *id, *record;
    size_t id_len, record_len;
};

static bool read_line(const char *at, size_t len, struct line *out)
{
    uint64_t sum = 0;
    if (len < SUM_DIGITS + 4 || at[SUM_DIGITS] != ' ')
        return false;
    for (size_t i = 0; i < SUM_DIGITS; i++) {
        const char *digits = "0123456789abcdef", *d = at[i] ? strchr(digits, at[i]) : NULL;
        if (!d)
            return false;
        sum = sum * 16 + (uint64_t)(d - digits);
    }
    const char *rest = at + SUM_DIGITS + 1, *end = at + len;
    const char *space = memchr(rest, ' ', (size_t)(end - rest));
    if (!space || map_hash(rest, (size_t)(end - rest)) != sum)
        return false;
    *out = (struct line){.id = rest,
                         .id_len = (size_t)(space - rest),
                         .record = space + 1,
                         .record_len = (size_t)(end - space - 1)};
    return true;
}

/* The next line of the file; false at its end. *is_good says whether it can be read. */
static bool next_line(const struct buf *b, size_t *at, size_t *begin, struct line *line,
                      bool *is_good)
{
    if (*at >= b->len)
        return false;
    const char *from = b->data + *at, *newline = memchr(from, '\n', b->len - *at);
    if (!newline)
        return false;
    *begin = *at;
    *is_good = read_line(from, (size_t)(newline - from), line);
    *at += (size_t)(newline - from) + 1;
    return true;
}

static int write_whole(int fd, const char *bytes, size_t len, struct err *err)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, bytes + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set_errno(err, ERR_SYSTEM, "writing intents");
        done += (size_t)n;
    }
    return 0;
}

/* Writes the newest records into a new file and puts it in place. */
static int compact(struct intents *f, struct err *err)
{
    struct buf old, kept;
    buf_init(&old, 2 * INTENTS_BYTES_MAX);
    buf_init(&kept, INTENTS_BYTES_KEPT + INTENT_LINE_MAX);
    struct map counts;
    map_init(&counts);
    int fd = -1, rc = read_all(f->dir, &old, err);
    size_t n_lines = 0, cap = 0, total = 0, keep_from = 0;
    size_t *begins = NULL, *ends = NULL;
    struct line line;
    bool is_good, *keep = NULL;
    for (size_t at = 0, begin; rc == 0 && next_line(&old, &at, &begin, &line, &is_good);) {
        if (!is_good)
            continue;
        if (n_lines == cap) {
            cap = cap ? cap * 2 : 256;
            begins = mem_grow(begins, cap, sizeof(*begins));
            ends = mem_grow(ends, cap, sizeof(*ends));
        }
        begins[n_lines] = begin;
        ends[n_lines++] = at;
    }
    if (rc != 0)
        goto out;
    /* From the newest back: so many of each release, so many bytes in all. */
    keep = mem_alloc_array(n_lines + 1, sizeof(*keep));
    for (size_t i = n_lines; i-- > 0;) {
        size_t len = ends[i] - begins[i];
        if (total + len > INTENTS_BYTES_KEPT)
            break;
        keep_from = i;
        if (!read_line(old.data + begins[i], len - 1, &line))
            continue;
        uintptr_t seen = (uintptr_t)map_get(&counts, line.id, line.id_len);
        if (seen >= INTENTS_PER_RELEASE)
            continue;
        map_put(&counts, line.id, line.id_len, (void *)(seen + 1));
        keep[i] = true;
        total += len;
    }
    for (size_t i = keep_from; i < n_lines; i++)
        if (keep[i])
            buf_add(&kept, old.data + begins[i], ends[i] - begins[i]);
    BUG_ON(!buf_ok(&kept));
    fd = openat(f->dir, "intents.new",
                O_WRONLY | O_CREAT | O_TRUNC | O_DSYNC | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        rc = err_set_errno(err, ERR_SYSTEM, "creating intents.new");
    if (rc == 0)
        rc = write_whole(fd, kept.data, kept.len, err);
    if (rc == 0 && renameat(f->dir, "intents.new", f->dir, "intents") != 0)
        rc = err_set_errno(err, ERR_SYSTEM, "renaming intents.new");
    if (rc == 0 && fsync(f->dir) != 0)
        rc = err_set_errno(err, ERR_SYSTEM, "syncing the state directory");
    if (rc == 0) {
        if (f->fd >= 0)
            close(f->fd);
        f->fd = fd;
        f->size = kept.len;
        fd = -1;
    }
out:
    if (fd >= 0)
        close(fd);
    map_release(&counts, NULL);
    free(begins);
    free(ends);
    free(keep);
    buf_release(&old);
    buf_release(&kept);
    return rc;
}

/* Cuts a torn end, so that the next record begins a line. */
static int cut_torn_end(struct intents *f, struct err *err)
{
    struct buf all;
    buf_init(&all, 2 * INTENTS_BYTES_MAX);
    int rc = read_all(f->dir, &all, err);
    size_t len = all.len;
    while (len > 0 && all.data[len - 1] != '\n')
        len--;
    if (rc == 0 && len < all.len && ftruncate(f->fd, (off_t)len) != 0)
        rc = err_set_errno(err, ERR_SYSTEM, "cutting intents");
    f->size = len;
    buf_release(&all);
    return rc;
}

struct intents *intents_open(const char *state_dir, struct err *err)
{
    struct intents *f = mem_alloc(sizeof(*f));
    f->fd = -1;
    BUG_ON(pthread_mutex_init(&f->lock, NULL) != 0);
    f->dir = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->dir < 0) {
        err_set_errno(err, ERR_SYSTEM, "opening the state directory %s", state_dir);
        goto fail;
    }
    f->fd = openat(f->dir, "intents", O_WRONLY | O_CREAT | O_APPEND | O_DSYNC | O_CLOEXEC, 0600);
    if (f->fd < 0) {
        err_set_errno(err, ERR_SYSTEM, "opening %s/intents", state_dir);
        goto fail;
    }
    if (cut_torn_end(f, err) != 0)
        goto fail;
    if (fsync(f->dir) != 0) {
        err_set_errno(err, ERR_SYSTEM, "syncing %s", state_dir);
        goto fail;
    }
    return f;
fail:
    intents_close(f);
    return NULL;
}

void intents_close(struct intents *f)
{
    if (!f)
        return;
    if (f->fd >= 0)
        close(f->fd);
    if (f->dir >= 0)
        close(f->dir);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

int intents_append(struct intents *f, const char *id, const char *record, struct err *err)
{
    if (strchr(record, '\n') || strchr(id, ' ') || strlen(record) > INTENT_RECORD_MAX)
        return err_set(err, ERR_INPUT, "an intent must be one line of at most %d bytes",
                       INTENT_RECORD_MAX);
    struct buf rest, line;
    buf_init(&rest, INTENT_LINE_MAX);
    buf_init(&line, INTENT_LINE_MAX);
    buf_addf(&rest, "%s %s", id, record);
    buf_addf(&line, "%016" PRIx64 " ", map_hash(rest.data, rest.len));
    buf_add(&line, rest.data, rest.len);
    buf_add_char(&line, '\n');
    BUG_ON(!buf_ok(&line));
    pthread_mutex_lock(&f->lock);
    int rc = write_whole(f->fd, line.data, line.len, err);
    if (rc == 0)
        f->size += line.len;
    else if (ftruncate(f->fd, (off_t)f->size) != 0)
        log_warn("store", "intents: a torn record could not be cut");
    struct err later;
    if (rc == 0 && f->size > INTENTS_BYTES_MAX && compact(f, &later) != 0)
        log_err("store", &later); /* the record is safe; the next append tries again */
    pthread_mutex_unlock(&f->lock);
    buf_release(&rest);
    buf_release(&line);
    return rc;
}

int intents_read(struct intents *f, const char *id, const char ***records, size_t *n,
                 struct arena *a, struct err *err)
{
    struct buf all;
    buf_init(&all, 2 * INTENTS_BYTES_MAX);
    pthread_mutex_lock(&f->lock);
    int rc = read_all(f->dir, &all, err);
    pthread_mutex_unlock(&f->lock);
    *n = 0;
    *records = arena_array(a, INTENTS_PER_RELEASE, sizeof(**records));
    struct line line;
    bool is_good;
    for (size_t at = 0, begin; rc == 0 && next_line(&all, &at, &begin, &line, &is_good);) {
        if (!is_good || line.id_len != strlen(id) || memcmp(line.id, id, line.id_len) != 0)
            continue;
        if (*n == INTENTS_PER_RELEASE) {
            memmove(*records, *records + 1, (INTENTS_PER_RELEASE - 1) * sizeof(**records));
            (*n)--;
        }
        (*records)[(*n)++] = arena_copy(a, line.record, line.record_len);
    }
    buf_release(&all);
    return rc;
}
