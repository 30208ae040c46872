#include "lib/sketch/counts.h"

#include "tests/t.h"

static void merges_and_travels(void)
{
    struct counts a = {3, 100}, b = {4, 50}, r;
    struct buf out;
    struct bytes in;
    struct err err = {0};
    counts_merge(&a, &b);
    T_NEAR(a.events, 7, 0, 0);
    T_NEAR(a.exposure, 150, 0, 0);
    buf_init(&out, 100);
    counts_encode(&a, &out);
    in = bytes_of(out.data, out.len);
    T_OK(counts_decode(&r, &in, &err), err);
    T_NEAR(r.events, 7, 0, 0);
    T_NEAR(r.exposure, 150, 0, 0);
    in = bytes_of(out.data, out.len - 1);
    T_CHECK(counts_decode(&r, &in, &err) == -1 && err.code == ERR_CORRUPT);
    buf_clear(&out);
    buf_add_double(&out, NAN);
    buf_add_double(&out, 1);
    in = bytes_of(out.data, out.len);
    T_CHECK(counts_decode(&r, &in, &err) == -1);
    buf_release(&out);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {{"merges_and_travels", merges_and_travels}};
    return t_main(argc, argv, tests, 1);
}
