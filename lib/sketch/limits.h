/*
 * Ceilings of summaries.
 */
#ifndef LIB_SKETCH_LIMITS_H
#define LIB_SKETCH_LIMITS_H

#define POINTS_MAX        4096 /* cumulative series of one metric and cohort: past it they are lost */
#define POINT_BUCKETS_MAX 512 /* buckets of one histogram point: refused */

#endif
