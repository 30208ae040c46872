#include "lib/base/arena.h"

#include <stdalign.h>
#include <stdint.h>

#include "tests/t.h"

static void zeroed_aligned_apart(void)
{
    struct arena a;
    unsigned char *last = NULL;
    arena_init(&a);
    for (int round = 0; round < 3; round++) {
        for (size_t n = 0; n < 3000; n += 7) {
            unsigned char *p = arena_alloc(&a, n);
            T_EQ_INT((uintptr_t)p % alignof(max_align_t), 0);
            T_CHECK(p != last);
            for (size_t i = 0; i < n; i++)
                T_EQ_INT(p[i], 0);
            memset(p, 0xee, n);
            last = p;
        }
        arena_clear(&a);
        T_EQ_INT(a.used, 0);
    }
    arena_release(&a);
    T_CHECK(a.head == NULL);
    arena_release(&a);
}

static void large_pieces(void)
{
    struct arena a;
    char *small, *large;
    arena_init(&a);
    small = arena_strdup(&a, "small");
    large = arena_alloc(&a, (size_t)8 << 20);
    large[((size_t)8 << 20) - 1] = 'x';
    T_EQ_STR(small, "small");
    T_CHECK(a.used >= (size_t)8 << 20);
    arena_clear(&a);
    large = arena_alloc(&a, (size_t)8 << 20);
    T_EQ_INT(large[((size_t)8 << 20) - 1], 0);
    arena_release(&a);
}

static void texts(void)
{
    struct arena a;
    uint64_t *numbers;
    arena_init(&a);
    T_CHECK(arena_strdup(&a, NULL) == NULL);
    T_EQ_STR(arena_strdup(&a, ""), "");
    T_EQ_STR(arena_copy(&a, "abcdef", 3), "abc");
    T_EQ_STR(arena_copy(&a, NULL, 0), "");
    T_EQ_STR(arena_printf(&a, "%d of %s", 3, "four"), "3 of four");
    T_EQ_INT(strlen(arena_printf(&a, "%05000d", 1)), 5000);
    numbers = arena_array(&a, 100, sizeof(*numbers));
    T_EQ_INT(numbers[99], 0);
    arena_release(&a);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"zeroed, aligned, apart", zeroed_aligned_apart},
        {"large pieces", large_pieces},
        {"texts", texts},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
