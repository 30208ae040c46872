#include "stats/kayenta/random48.h"

#include "tests/t.h"

/* Six of nextGaussian(), then one of nextDouble(): OpenJDK 17.0.15, java.util.Random. */
static void as_java(void)
{
    static const struct {
        int64_t seed;
        double normal[6], uniform;
    } rows[] = {
        {0,
         {0.8025330637390305, -0.9015460884175122, 2.080920790428163, 0.7637707684364894,
          0.9845745328825128, -1.6834122587673428},
         0.3851891847407185},
        {12345,
         {-0.187808989658912, 0.5884363051154796, 0.9488047804400426, -0.49428072062604445,
          -1.223411937180115, -0.6979609783968826},
         0.4480776326931518},
        {-1,
         {1.7853314409882288, -0.9204169061847902, 0.4869392448030407, 0.4568888042977182,
          1.6999200838250526, 0.4522041234427653},
         0.5992281340242126},
        {(INT64_C(1) << 48) + 5,
         {0.23506366996956274, -0.41985748118642735, -0.8885070748712927, -3.0560188501032624,
          -0.47610703634658996, 1.831309175552887},
         0.2777673057578094},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct random48 r;
        random48_init(&r, rows[i].seed);
        for (int k = 0; k < 6; k++)
            T_NEAR(random48_normal(&r), rows[i].normal[k], 1e-15, 0);
        T_CHECK(random48_uniform(&r) == rows[i].uniform);
    }
}

static void uniform_is_below_one(void)
{
    struct random48 r;
    random48_init(&r, 3);
    for (int i = 0; i < 100000; i++) {
        const double u = random48_uniform(&r);
        T_CHECK(u >= 0 && u < 1);
    }
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {{"as_java", as_java},
                                          {"uniform_is_below_one", uniform_is_below_one}};
    return t_main(argc, argv, tests, 2);
}
