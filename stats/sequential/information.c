#include "stats/sequential/information.h"

#include <math.h>

double variance_mean(double sd)
{
    return sd * sd;
}

double variance_proportion(double p)
{
    return p * (1 - p);
}

double variance_rate(double rate, double dispersion)
{
    return rate * dispersion;
}

double variance_log_rate(double rate, double dispersion)
{
    return dispersion / rate;
}

double information_two_arms(double v0, double n0, double v1, double n1)
{
    BUG_ON(!(v0 >= 0) || !(v1 >= 0) || !(n0 >= 0) || !(n1 >= 0));
    if (n0 == 0 || n1 == 0)
        return 0;
    return 1 / (v0 / n0 + v1 / n1);
}

int sizes_for_information(double information, double v0, double v1, double ratio,
                          struct arm_sizes *out, struct err *err)
{
    double n0;
    if (!(information > 0) || !isfinite(information) || !(ratio > 0) || !isfinite(ratio))
        return err_set(err, ERR_INPUT, "information and ratio must be finite and > 0");
    if (!(v0 >= 0) || !(v1 >= 0) || !(v0 + v1 > 0) || !isfinite(v0 + v1))
        return err_set(err, ERR_INPUT, "variances must be finite, >= 0 and not both 0");
    n0 = information * (v0 + v1 / ratio);
    *out = (struct arm_sizes){n0, ratio * n0};
    return 0;
}

int information_for_effect(double shift, double effect, double *information, struct err *err)
{
    if (!(shift > 0) || !isfinite(shift))
        return err_set(err, ERR_INPUT, "the shift must be finite and > 0");
    if (effect == 0 || !isfinite(effect) || !isfinite(shift / (effect * effect)))
        return err_set(err, ERR_INPUT, "the effect must be finite and not 0");
    *information = shift / (effect * effect);
    return 0;
}
