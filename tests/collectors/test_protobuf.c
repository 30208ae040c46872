#include "collectors/wire/protobuf.h"

#include "tests/t.h"

/* The examples of the encoding's own page (protobuf.dev, "Encoding"), and one of each wire. */
static void reads_every_wire(void)
{
    static const unsigned char bytes[] = {
        0x08, 0x96, 0x01,                                     /* 1: 150 */
        0x12, 0x07, 't',  'e',  's',  't',  'i',  'n',  'g',  /* 2: "testing" */
        0x1a, 0x03, 0x08, 0x96, 0x01,                         /* 3: {1: 150} */
        0x32, 0x06, 0x03, 0x8e, 0x02, 0x9e, 0xa7, 0x05,       /* 6: packed 3, 270, 86942 */
        0x39, 0,    0,    0,    0,    0,    0,    0xf8, 0x3f, /* 7: 1.5 */
        0x45, 0x01, 0,    0,    0x80,                         /* 8: fixed32 */
        0x48, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, /* 9: -2 */
    };
    struct protobuf m = protobuf_of(bytes, sizeof(bytes));
    struct protobuf_field f;
    T_CHECK(protobuf_next(&m, &f) && f.number == 1 && f.wire == PROTOBUF_VARINT);
    T_EQ_INT(f.value, 150);
    T_CHECK(protobuf_next(&m, &f) && f.number == 2 && f.wire == PROTOBUF_BYTES);
    T_CHECK(f.len == 7 && memcmp(f.at, "testing", 7) == 0);
    T_CHECK(protobuf_next(&m, &f) && f.number == 3);
    struct protobuf inside = protobuf_inside(&f);
    T_CHECK(protobuf_next(&inside, &f) && f.number == 1 && f.value == 150);
    T_CHECK(!protobuf_next(&inside, &f) && !inside.is_bad);
    T_CHECK(protobuf_next(&m, &f) && f.number == 6);
    struct protobuf packed = protobuf_inside(&f);
    uint64_t v;
    T_CHECK(protobuf_varint(&packed, &v) && v == 3);
    T_CHECK(protobuf_varint(&packed, &v) && v == 270);
    T_CHECK(protobuf_varint(&packed, &v) && v == 86942);
    T_CHECK(!protobuf_varint(&packed, &v) && !packed.is_bad);
    T_CHECK(protobuf_next(&m, &f) && f.number == 7 && f.wire == PROTOBUF_FIXED64);
    T_CHECK(protobuf_double(f.value) == 1.5);
    T_CHECK(protobuf_next(&m, &f) && f.number == 8 && f.wire == PROTOBUF_FIXED32);
    T_EQ_INT(f.value, 0x80000001u);
    T_CHECK(protobuf_next(&m, &f) && (int64_t)f.value == -2);
    T_CHECK(!protobuf_next(&m, &f) && !m.is_bad);
    T_EQ_INT(protobuf_zigzag(0), 0);
    T_EQ_INT(protobuf_zigzag(1), -1);
    T_EQ_INT(protobuf_zigzag(4294967294), 2147483647);
    T_CHECK(protobuf_zigzag(UINT64_MAX) == INT64_MIN);
}

static void refuses(void)
{
    static const struct {
        int line;
        const char *why;
        unsigned char bytes[12];
        size_t len;
    } cases[] = {
        {__LINE__, "field number 0", {0x00, 0x01}, 2},
        {__LINE__, "group", {0x0b, 0x0c}, 2},
        {__LINE__, "wire 7", {0x0f}, 1},
        {__LINE__, "tag alone", {0x08}, 1},
        {__LINE__, "cut varint", {0x08, 0x96}, 2},
        {__LINE__, "length past the end", {0x12, 0x02, 'a'}, 3},
        {__LINE__,
         "huge length",
         {0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
         11},
        {__LINE__, "cut fixed64", {0x09, 0, 0, 0, 0, 0, 0, 0}, 8},
        {__LINE__, "cut fixed32", {0x0d, 0, 0, 0}, 4},
        {__LINE__,
         "11 byte varint",
         {0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1},
         12},
        {__LINE__,
         "more than 64 bits",
         {0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2},
         11},
        {__LINE__, "tag of more than 32 bits", {0x80, 0x80, 0x80, 0x80, 0x10, 0}, 6},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct protobuf m = protobuf_of(cases[i].bytes, cases[i].len);
        struct protobuf_field f;
        if (protobuf_next(&m, &f) || !m.is_bad || protobuf_next(&m, &f) || !m.is_bad)
            t_fail(__FILE__, cases[i].line, "%s was read", cases[i].why);
    }
    struct protobuf none = protobuf_of(NULL, 0);
    struct protobuf_field f;
    T_CHECK(!protobuf_next(&none, &f) && !none.is_bad);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"reads every wire", reads_every_wire},
        {"refuses what is cut, too long or out of use", refuses},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
