#include "lib/crypto/webhook_sign.h"

#include "tests/t.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define BODY   "{\"test\": 2432232314}"
#define ID     "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define SIGNED "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define WRONG  "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
#define AT     1614265330

static const struct {
    int line;
    const char *id, *timestamp, *signatures;
    int64_t now;
    bool valid;
} cases[] = {
    {__LINE__, ID, "1614265330", SIGNED, AT, true},
    {__LINE__, NULL, "1614265330", SIGNED, AT, false},
    {__LINE__, ID, NULL, SIGNED, AT, false},
    {__LINE__, ID, "1614265330", NULL, AT, false},
    {__LINE__, "", "1614265330", SIGNED, AT, false},
    {__LINE__, ID ".x", "1614265330", SIGNED, AT, false},
    {__LINE__, ID, "hello", SIGNED, AT, false},
    {__LINE__, ID, "1614265330x", SIGNED, AT, false},
    {__LINE__, ID, "99999999999999999999", SIGNED, AT, false},
    {__LINE__, ID, "-9223372036854775808", SIGNED, AT, false},
    {__LINE__, ID, "1614265330", "v1,", AT, false},
    {__LINE__, ID, "1614265330", "v1,g0hM9", AT, false},
    {__LINE__, ID, "1614265330", WRONG, AT, false},
    {__LINE__, ID, "1614265330", WRONG " " SIGNED, AT, true},
    {__LINE__, ID, "1614265330", "v2,abc  v1a,xyz " SIGNED, AT, true},
    {__LINE__, ID, "1614265330", "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", AT, false},
    {__LINE__, ID, "1614265331", SIGNED, AT, false},
    {__LINE__, ID, "1614265330", SIGNED, AT + 300, true},
    {__LINE__, ID, "1614265330", SIGNED, AT + 301, false},
    {__LINE__, ID, "1614265330", SIGNED, AT - 300, true},
    {__LINE__, ID, "1614265330", SIGNED, AT - 301, false},
};

static void verifies_by_the_table(void)
{
    struct secret secret;
    secret_init(&secret);
    secret_set(&secret, SECRET, strlen(SECRET));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        int got = webhook_verify(&secret, cases[i].id, cases[i].timestamp, cases[i].signatures,
                                 BODY, strlen(BODY), cases[i].now, &err);
        if ((got == 0) != cases[i].valid)
            t_fail(__FILE__, cases[i].line, "%s", got ? err.message : "taken");
        else if (got < 0 && err.code != ERR_AUTH)
            t_fail(__FILE__, cases[i].line, "code %d", err.code);
    }
    secret_release(&secret);
}

static void signs_what_it_verifies(void)
{
    struct err err = {0};
    struct secret secret;
    char out[WEBHOOK_SIGNATURE_BYTES];
    secret_init(&secret);
    secret_set(&secret, SECRET, strlen(SECRET));
    T_OK(webhook_sign(&secret, ID, AT, BODY, strlen(BODY), out, &err), err);
    T_EQ_STR(out, SIGNED);
    secret_set(&secret, SECRET + 6, strlen(SECRET) - 6); /* without the prefix */
    T_OK(webhook_sign(&secret, ID, AT, BODY, strlen(BODY), out, &err), err);
    T_EQ_STR(out, SIGNED);
    T_CHECK(webhook_sign(&secret, "a.b", AT, BODY, strlen(BODY), out, &err) < 0);
    T_CHECK(webhook_sign(&secret, "", AT, BODY, strlen(BODY), out, &err) < 0);
    secret_set(&secret, "whsec_not base64", 16);
    T_CHECK(webhook_sign(&secret, ID, AT, BODY, strlen(BODY), out, &err) < 0);
    T_EQ_INT(err.code, ERR_INPUT);
    T_CHECK(!strstr(err.message, "not base64"));
    secret_set(&secret, "whsec_", 6);
    T_CHECK(webhook_sign(&secret, ID, AT, BODY, strlen(BODY), out, &err) < 0);
    secret_release(&secret);
}

/* --- The published vectors, where they are at hand --- */

static json_t *load_golden(const char *name)
{
    const char *dir = getenv("JUDGE_GOLDEN");
    char path[1024];
    if (!dir) {
        t_skip("JUDGE_GOLDEN is not set: no folder of published vectors");
        return NULL;
    }
    snprintf(path, sizeof(path), "%s/webhooks/%s", dir, name);
    json_t *root = json_load_file(path, 0, NULL);
    if (!root)
        t_fail(__FILE__, __LINE__, "%s cannot be read", path);
    return root;
}

static const char *text_of(json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void signs_the_published_vectors(void)
{
    json_t *root = load_golden("standard_webhooks_sign.json"), *v;
    size_t i;
    if (!root)
        return;
    T_CHECK(json_array_size(json_object_get(root, "vectors")) >= 5);
    json_array_foreach(json_object_get(root, "vectors"), i, v)
    {
        struct err err = {0};
        struct secret secret;
        char out[WEBHOOK_SIGNATURE_BYTES];
        const char *payload = text_of(v, "payload");
        secret_init(&secret);
        secret_set(&secret, text_of(v, "secret"), strlen(text_of(v, "secret")));
        T_OK(webhook_sign(&secret, text_of(v, "msg_id"),
                          json_integer_value(json_object_get(v, "timestamp")), payload,
                          strlen(payload), out, &err),
             err);
        T_EQ_STR(out, text_of(v, "expected"));
        secret_release(&secret);
    }
    json_decref(root);
}

static void verifies_the_published_cases(void)
{
    json_t *root = load_golden("standard_webhooks_verify.json"), *c;
    size_t i;
    if (!root)
        return;
    T_CHECK(json_array_size(json_object_get(root, "cases")) >= 13);
    json_array_foreach(json_object_get(root, "cases"), i, c)
    {
        struct err err = {0};
        struct secret secret;
        json_t *headers = json_object_get(c, "headers");
        const char *payload = text_of(c, "payload");
        int got;
        secret_init(&secret);
        secret_set(&secret, text_of(c, "secret"), strlen(text_of(c, "secret")));
        got = webhook_verify(&secret, text_of(headers, "webhook-id"),
                             text_of(headers, "webhook-timestamp"),
                             text_of(headers, "webhook-signature"), payload, strlen(payload),
                             json_integer_value(json_object_get(c, "now")), &err);
        if ((got == 0) != json_is_true(json_object_get(c, "valid")))
            t_fail(__FILE__, __LINE__, "%s: %s", text_of(c, "name"), got ? err.message : "taken");
        secret_release(&secret);
    }
    json_decref(root);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"verifies_by_the_table", verifies_by_the_table},
        {"signs_what_it_verifies", signs_what_it_verifies},
        {"signs_the_published_vectors", signs_the_published_vectors},
        {"verifies_the_published_cases", verifies_the_published_cases},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
