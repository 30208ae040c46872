#include "collectors/cloudwatch/expression.h"

#include <string.h>

#include "collectors/cloudwatch/limits.h"

enum token_kind { TOKEN_END, TOKEN_ID, TOKEN_FUNCTION, TOKEN_OTHER, TOKEN_UNFINISHED };

struct token {
    enum token_kind kind;
    const char *at;
    size_t len;
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Texts in quotes are one token, so is a number with its exponent (1e5 is no id). */
static struct token next_token(const char *at)
{
    size_t n = 1;
    if (*at == '\0')
        return (struct token){TOKEN_END, at, 0};
    if (*at == '\'' || *at == '"') {
        const char *end = strchr(at + 1, *at);
        if (!end)
            return (struct token){TOKEN_UNFINISHED, at, strlen(at)};
        return (struct token){TOKEN_OTHER, at, (size_t)(end - at) + 1};
    }
    if (is_digit(*at)) {
        while (is_letter(at[n]) || is_digit(at[n]) || at[n] == '.')
            n++;
        return (struct token){TOKEN_OTHER, at, n};
    }
    if (!is_letter(*at))
        return (struct token){TOKEN_OTHER, at, 1};
    while (is_letter(at[n]) || is_digit(at[n]))
        n++;
    bool is_id = *at >= 'a' && *at <= 'z';
    return (struct token){is_id ? TOKEN_ID : TOKEN_FUNCTION, at, n};
}

static bool is_text(const struct token *t, const char *text)
{
    return strlen(text) == t->len && memcmp(t->at, text, t->len) == 0;
}

bool expression_is_id(const char *text)
{
    struct token t = next_token(text);
    return t.kind == TOKEN_ID && text[t.len] == '\0' && t.len <= CLOUDWATCH_NAME_BYTES;
}

bool expression_uses(const char *text, const char *id)
{
    for (struct token t = next_token(text); t.kind != TOKEN_END; t = next_token(t.at + t.len))
        if (t.kind == TOKEN_ID && is_text(&t, id))
            return true;
    return false;
}

static int check_function(const struct token *t, struct err *err)
{
    static const struct {
        const char *name, *why;
    } refused[] = {
        {"SEARCH", "gives any number of series: name the metrics in `metrics`"},
        {"SELECT", "is a query of its own, which may give several series: name the metrics in "
                   "`metrics`"},
        {"METRICS", "takes all metrics of a request, and other releases share it: name them"},
        {"SERVICE_QUOTA", "is no series of a cohort"},
        {"INSIGHT_RULE_METRIC", "is no series of a cohort"},
        {"ANOMALY_DETECTION_BAND", "gives two series: compare the cohorts instead"},
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        if (is_text(t, refused[i].name))
            return err_set(err, ERR_SPEC, "%s %s", refused[i].name, refused[i].why);
    return 0;
}

int expression_check(const char *text, const struct labels *ids, struct err *err)
{
    size_t used = 0;
    if (strlen(text) > CLOUDWATCH_EXPRESSION_BYTES / 2)
        return err_set(err, ERR_SPEC, "is longer than %d bytes", CLOUDWATCH_EXPRESSION_BYTES / 2);
    for (struct token t = next_token(text); t.kind != TOKEN_END; t = next_token(t.at + t.len)) {
        if (t.kind == TOKEN_UNFINISHED)
            return err_set(err, ERR_SPEC, "has a quote that does not end");
        if (t.kind == TOKEN_FUNCTION && check_function(&t, err) != 0)
            return -1;
        if (t.kind != TOKEN_ID)
            continue;
        used++;
        size_t i = 0;
        while (i < ids->n && !is_text(&t, ids->items[i].name))
            i++;
        if (i == ids->n)
            return err_set(err, ERR_SPEC, "uses `%.*s`, which `metrics` does not hold",
                           (int)(t.len < 60 ? t.len : 60), t.at);
    }
    return used ? 0 : err_set(err, ERR_SPEC, "uses none of `metrics`");
}

void expression_rename(const char *text, const char *(*id_of)(void *user, const char *id),
                       void *user, struct buf *out)
{
    for (struct token t = next_token(text); t.kind != TOKEN_END; t = next_token(t.at + t.len)) {
        char id[CLOUDWATCH_NAME_BYTES + 1];
        const char *other = NULL;
        if (t.kind == TOKEN_ID && t.len < sizeof(id)) {
            memcpy(id, t.at, t.len);
            id[t.len] = '\0';
            other = id_of(user, id);
        }
        buf_add(out, other ? other : t.at, other ? strlen(other) : t.len);
    }
}
