#include "stats/anytime/asymptotic_cs.h"

#include <math.h>

#include "lib/base/err.h"
#include "stats/numerics/log_beta.h"

double asymptotic_cs_rho2(double alpha, double tuned)
{
    double log_term = -2 * log(alpha);
    BUG_ON(!(alpha > 0 && alpha < 1) || !(tuned > 0));
    return (log_term + log1p(log_term)) / tuned;
}

static double half_width(double s2, double n, double rho2, double log_term)
{
    BUG_ON(!(s2 >= 0) || !(n > 0) || !(rho2 > 0));
    return sqrt(s2 * (2 * (n * rho2 + 1) / (n * rho2) / n) * log_term);
}

double asymptotic_cs_half_width(double s2, double n, double rho2, double alpha)
{
    BUG_ON(!(alpha > 0 && alpha < 1));
    return half_width(s2, n, rho2, 0.5 * log1p(n * rho2) - log(alpha));
}

double asymptotic_cs_half_width_one_sided(double s2, double n, double rho2, double alpha)
{
    BUG_ON(!(alpha > 0 && alpha < 0.5));
    return half_width(s2, n, rho2, log1p(sqrt(n * rho2 + 1) / (2 * alpha)));
}

double asymptotic_cs_log_e(double z, double n, double rho2)
{
    double share = n * rho2 / (n * rho2 + 1);
    BUG_ON(!(n > 0) || !(rho2 > 0));
    return share * z * z / 2 - 0.5 * log1p(n * rho2);
}

double asymptotic_cs_log_e_one_sided(double z, double n, double rho2)
{
    double share = n * rho2 / (n * rho2 + 1);
    BUG_ON(!(n > 0) || !(rho2 > 0));
    return M_LN2 + log_scaled_normal_cdf(z * sqrt(share)) - 0.5 * log1p(n * rho2);
}
