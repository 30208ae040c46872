#include "lib/net/route.h"

#include <stdlib.h>
#include <string.h>

enum segment_kind { SEGMENT_LITERAL, SEGMENT_PARAM, SEGMENT_REST };

struct segment {
    enum segment_kind kind;
    const char *text; /* the literal, or the parameter's name */
    size_t len;
};

struct entry {
    const struct route *route;
    void *context;
    size_t order; /* place in the tables */
    size_t count;
    struct segment segments[HTTP_SEGMENTS_MAX];
};

struct route_index {
    size_t count;
    struct entry entries[]; /* most specific first */
};

static struct segment read_segment(const char *text, size_t len)
{
    struct segment s = {.kind = SEGMENT_LITERAL, .text = text, .len = len};
    if (len == 0 || text[0] != '{')
        return s;
    BUG_ON(len < 3 || text[len - 1] != '}');
    s = (struct segment){.kind = SEGMENT_PARAM, .text = text + 1, .len = len - 2};
    if (s.len > 3 && memcmp(s.text + s.len - 3, "...", 3) == 0) {
        s.kind = SEGMENT_REST;
        s.len -= 3;
    }
    return s;
}

static void read_pattern(struct entry *e, const char *pattern)
{
    const char *at = pattern;
    size_t params = 0;
    BUG_ON(*at != '/');
    while (*at == '/') {
        size_t len = strcspn(at + 1, "/");
        struct segment s = read_segment(at + 1, len);
        BUG_ON(e->count == HTTP_SEGMENTS_MAX);
        BUG_ON(e->count && e->segments[e->count - 1].kind == SEGMENT_REST);
        e->segments[e->count++] = s;
        if (s.kind != SEGMENT_LITERAL)
            params++;
        at += 1 + len;
    }
    BUG_ON(params > HTTP_PARAMS_MAX);
}

/* Negative when a is more specific; 0 when both match the same paths. */
static int compare_shape(const struct entry *a, const struct entry *b)
{
    size_t n = a->count < b->count ? a->count : b->count;
    for (size_t i = 0; i < n; i++) {
        const struct segment *s = &a->segments[i], *t = &b->segments[i];
        int order;
        if (s->kind != t->kind)
            return (int)s->kind - (int)t->kind;
        if (s->kind != SEGMENT_LITERAL)
            continue;
        order = memcmp(s->text, t->text, s->len < t->len ? s->len : t->len);
        if (order)
            return order;
        if (s->len != t->len)
            return s->len < t->len ? -1 : 1;
    }
    return a->count == b->count ? 0 : a->count < b->count ? -1 : 1;
}

static int compare_entries(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    int order = compare_shape(a, b);
    return order ? order : a->order < b->order ? -1 : 1;
}

struct route_index *route_index_new(const struct route_table *tables, size_t n)
{
    struct route_index *index;
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += tables[i].n;
    BUG_ON(total > HTTP_ROUTES_MAX);
    index = mem_alloc(sizeof(*index) + total * sizeof(struct entry));
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < tables[i].n; j++) {
            struct entry *e = &index->entries[index->count];
            e->route = &tables[i].rows[j];
            e->context = tables[i].context;
            e->order = index->count++;
            BUG_ON(!e->route->method || !e->route->handler);
            read_pattern(e, e->route->pattern);
        }
    }
    qsort(index->entries, index->count, sizeof(struct entry), compare_entries);
    for (size_t i = 1; i < index->count; i++)
        for (size_t j = i; j-- > 0 && !compare_shape(&index->entries[j], &index->entries[i]);)
            BUG_ON(!strcmp(index->entries[j].route->method, index->entries[i].route->method));
    return index;
}

void route_index_free(struct route_index *index)
{
    free(index);
}

struct slice {
    const char *at;
    size_t len;
};

/* Cuts the path; the number of segments, 0 when it is no path or has too many. */
static size_t cut_path(const char *path, size_t len, struct slice out[HTTP_SEGMENTS_MAX])
{
    const char *at = path, *end = path + len;
    size_t n = 0;
    while (at < end && *at == '/') {
        const char *stop = memchr(at + 1, '/', (size_t)(end - at - 1));
        if (!stop)
            stop = end;
        if (n == HTTP_SEGMENTS_MAX)
            return 0;
        out[n++] = (struct slice){at + 1, (size_t)(stop - at - 1)};
        at = stop;
    }
    return at == end ? n : 0;
}

static bool matches(const struct entry *e, const struct slice *path, size_t n, const char *end,
                    struct route_match *out)
{
    bool has_rest = e->segments[e->count - 1].kind == SEGMENT_REST;
    if (has_rest ? n < e->count : n != e->count)
        return false;
    out->param_count = 0;
    for (size_t i = 0; i < e->count; i++) {
        const struct segment *s = &e->segments[i];
        struct slice value = path[i];
        if (s->kind == SEGMENT_LITERAL) {
            if (s->len != value.len || memcmp(s->text, value.at, s->len) != 0)
                return false;
            continue;
        }
        if (s->kind == SEGMENT_REST)
            value.len = (size_t)(end - value.at);
        if (value.len == 0)
            return false;
        out->params[out->param_count++] = (struct route_param_slice){
            .name = s->text, .name_len = s->len, .value = value.at, .value_len = value.len};
    }
    return true;
}

enum err_code route_find(const struct route_index *index, const char *method, const char *path,
                         size_t len, struct route_match *out)
{
    struct slice cut[HTTP_SEGMENTS_MAX];
    size_t n = cut_path(path, len, cut);
    enum err_code code = ERR_NOT_FOUND;
    if (!strcmp(method, "HEAD"))
        method = "GET";
    for (size_t i = 0; n && i < index->count; i++) {
        const struct entry *e = &index->entries[i];
        if (!matches(e, cut, n, path + len, out))
            continue;
        code = ERR_METHOD;
        if (strcmp(e->route->method, method) != 0)
            continue;
        out->route = e->route;
        out->context = e->context;
        return ERR_NONE;
    }
    return code;
}

void route_allowed(const struct route_index *index, const char *path, size_t len, struct buf *out)
{
    struct slice cut[HTTP_SEGMENTS_MAX];
    size_t n = cut_path(path, len, cut);
    struct route_match match;
    const char *seen[HTTP_ROUTES_MAX];
    size_t seen_count = 0;
    for (size_t i = 0; n && i < index->count; i++) {
        const struct entry *e = &index->entries[i];
        const char *method = e->route->method;
        size_t j = 0;
        if (!matches(e, cut, n, path + len, &match))
            continue;
        while (j < seen_count && strcmp(seen[j], method) != 0)
            j++;
        if (j < seen_count)
            continue;
        seen[seen_count++] = method;
        buf_addf(out, "%s%s", out->len ? ", " : "", method);
        if (!strcmp(method, "GET"))
            buf_add_str(out, ", HEAD");
    }
}
