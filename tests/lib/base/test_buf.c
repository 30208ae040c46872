#include "lib/base/buf.h"

#include <math.h>
#include <stdlib.h>

#include "tests/t.h"

static void starts_empty(void)
{
    struct buf b;
    size_t len = 1;
    char *data;
    buf_init(&b, 100);
    T_CHECK(b.data && b.data[0] == '\0' && b.len == 0 && buf_ok(&b));
    buf_clear(&b);
    buf_consume(&b, 0);
    buf_add(&b, NULL, 0);
    data = buf_detach(&b, &len);
    T_CHECK(data && data[0] == '\0' && len == 0);
    free(data);
    buf_release(&b);
    T_CHECK(b.data && b.len == 0);
}

static void appends(void)
{
    struct buf b;
    buf_init(&b, 1000);
    buf_add_str(&b, "one ");
    buf_add(&b, "two", 3);
    buf_add_char(&b, ' ');
    buf_addf(&b, "%d %s", 3, "four");
    T_EQ_STR(b.data, "one two 3 four");
    T_EQ_INT(b.len, strlen(b.data));
    buf_consume(&b, 4);
    T_EQ_STR(b.data, "two 3 four");
    buf_consume(&b, b.len);
    T_EQ_STR(b.data, "");
    buf_release(&b);
}

/* The ceiling is exact: max bytes fit, one more does not, and nothing of the dropped piece stays.
 */
static void ceiling(void)
{
    for (size_t max = 0; max < 300; max++) {
        struct buf b;
        buf_init(&b, max);
        for (size_t i = 0; i < max; i++)
            buf_add_char(&b, 'x');
        T_CHECK(buf_ok(&b));
        T_EQ_INT(b.len, max);
        buf_add_char(&b, 'y');
        T_CHECK(!buf_ok(&b));
        T_EQ_INT(b.len, max);
        T_EQ_INT(strlen(b.data), max);
        buf_clear(&b);
        T_CHECK(buf_ok(&b));
        buf_addf(&b, "%*s", (int)max + 1, "z");
        T_CHECK(!buf_ok(&b));
        T_EQ_INT(b.len, 0);
        T_EQ_STR(b.data, "");
        buf_release(&b);
    }
}

static void overflow_is_sticky(void)
{
    struct buf b;
    buf_init(&b, 4);
    buf_add_str(&b, "12345");
    buf_add_str(&b, "1");
    buf_addf(&b, "%d", 1);
    T_CHECK(!buf_ok(&b) && b.len == 0);
    T_CHECK(buf_reserve(&b, 1) == NULL);
    buf_release(&b);
    T_CHECK(buf_ok(&b));
}

static void formatted_text_of_any_length(void)
{
    for (int n = 0; n < 400; n++) {
        struct buf b;
        buf_init(&b, 1000);
        buf_add_str(&b, "<");
        buf_addf(&b, "%0*d", n, 7);
        buf_add_str(&b, ">");
        T_EQ_INT(b.len, (n > 1 ? n : 1) + 2);
        T_CHECK(b.data[b.len - 1] == '>' && b.data[b.len - 2] == '7' && b.data[b.len] == '\0');
        buf_release(&b);
    }
}

static void reserve_and_commit(void)
{
    struct buf b;
    char *to;
    buf_init(&b, 10);
    to = buf_reserve(&b, 10);
    T_CHECK(to != NULL);
    memcpy(to, "abc", 3);
    buf_commit(&b, 3);
    T_EQ_STR(b.data, "abc");
    T_CHECK(buf_reserve(&b, 8) == NULL && !buf_ok(&b));
    buf_release(&b);
}

static void detach(void)
{
    struct buf b;
    size_t len;
    char *data;
    buf_init(&b, 10);
    buf_add_str(&b, "abc");
    data = buf_detach(&b, &len);
    T_EQ_STR(data, "abc");
    T_EQ_INT(len, 3);
    T_EQ_INT(b.len, 0);
    buf_add_str(&b, "de");
    T_EQ_STR(b.data, "de");
    T_EQ_STR(data, "abc");
    free(data);
    buf_release(&b);
}

static void binary_round_trip(void)
{
    static const unsigned long long numbers[] = {
        0, 1, 127, 128, 16383, 16384, 0xffffffff, 1ULL << 56, 1ULL << 62, 1ULL << 63, ~0ULL};
    struct buf b;
    struct bytes s;
    size_t len;
    const void *text;
    buf_init(&b, 10000);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        buf_add_varint(&b, numbers[i]);
        buf_add_le64(&b, numbers[i]);
        buf_add_double(&b, (double)numbers[i] * -1.1);
        buf_add_u8(&b, (unsigned)(numbers[i] & 0xff));
        buf_add_lstring(&b, "text", i % 5);
    }
    buf_add_double(&b, INFINITY);
    s = bytes_of(b.data, b.len);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        T_CHECK(bytes_varint(&s) == numbers[i]);
        T_CHECK(bytes_le64(&s) == numbers[i]);
        T_CHECK(bytes_double(&s) == (double)numbers[i] * -1.1);
        T_EQ_INT(bytes_u8(&s), numbers[i] & 0xff);
        text = bytes_lstring(&s, &len);
        T_EQ_INT(len, i % 5);
        T_EQ_INT(memcmp(text, "text", len), 0);
    }
    T_CHECK(bytes_double(&s) == INFINITY);
    T_CHECK(!s.bad && s.left == 0);
    buf_release(&b);
}

/* The byte order is what is stored: it must never change. */
static void binary_form(void)
{
    static const unsigned char want[] = {8, 7, 6,    5,    4,    3,    2, 1,   0,   0,   0, 0,
                                         0, 0, 0xf0, 0x3f, 0xac, 0x02, 3, 'a', 'b', 'c', 9};
    struct buf b;
    buf_init(&b, 100);
    buf_add_le64(&b, 0x0102030405060708ULL);
    buf_add_double(&b, 1.0);
    buf_add_varint(&b, 300);
    buf_add_lstring(&b, "abc", 3);
    buf_add_u8(&b, 9);
    T_EQ_INT(b.len, sizeof(want));
    T_EQ_INT(memcmp(b.data, want, sizeof(want)), 0);
    buf_release(&b);
}

/* Every cut of a valid text: reads end `bad`, give zeros, and never step outside. */
static void cut_bytes_are_bad(void)
{
    struct buf b;
    buf_init(&b, 100);
    buf_add_le64(&b, 5);
    buf_add_varint(&b, 300);
    buf_add_lstring(&b, "hello", 5);
    for (size_t cut = 0; cut < b.len; cut++) {
        char *copy = malloc(cut + !cut); /* exact, so that asan sees a read past it */
        struct bytes s;
        size_t len;
        memcpy(copy, b.data, cut);
        s = bytes_of(copy, cut);
        bytes_le64(&s);
        bytes_varint(&s);
        bytes_lstring(&s, &len);
        T_CHECK(s.bad);
        T_EQ_INT(len, 0);
        T_CHECK(bytes_u8(&s) == 0 && bytes_le64(&s) == 0 && bytes_varint(&s) == 0);
        T_CHECK(bytes_lstring(&s, NULL) != NULL);
        free(copy);
    }
    buf_release(&b);
}

static void bad_varints(void)
{
    static const unsigned char too_long[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                             0x80, 0x80, 0x80, 0x80, 0x01};
    static const unsigned char too_large[] = {0xff, 0xff, 0xff, 0xff, 0xff,
                                              0xff, 0xff, 0xff, 0xff, 0x02};
    static const unsigned char long_string[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                0xff, 0xff, 0xff, 0x01, 'x'};
    struct bytes s = bytes_of(too_long, sizeof(too_long));
    size_t len = 1;
    T_CHECK(bytes_varint(&s) == 0 && s.bad);
    s = bytes_of(too_large, sizeof(too_large));
    T_CHECK(bytes_varint(&s) == 0 && s.bad);
    s = bytes_of(long_string, sizeof(long_string));
    T_CHECK(bytes_lstring(&s, &len) != NULL);
    T_CHECK(len == 0 && s.bad);
    s = bytes_of(NULL, 0);
    T_CHECK(bytes_u8(&s) == 0 && s.bad);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"starts empty", starts_empty},
        {"appends", appends},
        {"ceiling", ceiling},
        {"overflow is sticky", overflow_is_sticky},
        {"formatted text of any length", formatted_text_of_any_length},
        {"reserve and commit", reserve_and_commit},
        {"detach", detach},
        {"binary round trip", binary_round_trip},
        {"binary form", binary_form},
        {"cut bytes are bad", cut_bytes_are_bad},
        {"bad varints", bad_varints},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
