#include "lib/base/counters.h"

#include <pthread.h>

#include "lib/base/err.h"
#include "tests/t.h"

static struct counter table[] = {
    {.name = "t_samples_total", .labels = "source=\"http\"", .help = "Samples taken."},
    {.name = "t_samples_total", .labels = "source=\"udp\"", .help = "Samples taken."},
    {.name = "t_open", .help = "Open releases.", .is_gauge = true},
};

static void render_more(struct buf *out)
{
    buf_add_str(out, "more 1\n");
}

static void render(void)
{
    struct buf out;
    buf_init(&out, 10000);
    counters_register(table, ARRAY_LEN(table));
    counters_register(table, ARRAY_LEN(table));
    counters_register_render(render_more);
    counters_register_render(render_more);
    counter_add(&table[0], 5);
    counter_add(&table[0], 2);
    counter_set(&table[2], -3);
    T_EQ_INT(counter_get(&table[0]), 7);
    counters_render(&out);
    T_EQ_STR(out.data, "# HELP t_samples_total Samples taken.\n"
                       "# TYPE t_samples_total counter\n"
                       "t_samples_total{source=\"http\"} 7\n"
                       "t_samples_total{source=\"udp\"} 0\n"
                       "# HELP t_open Open releases.\n"
                       "# TYPE t_open gauge\n"
                       "t_open -3\n"
                       "more 1\n");
    buf_release(&out);
}

static void *add_many(void *arg)
{
    for (int i = 0; i < 50000; i++)
        counter_add(arg, 1);
    return NULL;
}

static void adds_from_threads(void)
{
    pthread_t threads[4];
    counter_set(&table[1], 0);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, add_many, &table[1]);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    T_EQ_INT(counter_get(&table[1]), 200000);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"render", render},
        {"adds from threads", adds_from_threads},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
