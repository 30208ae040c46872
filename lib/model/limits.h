/*
 * Ceilings of lib/model, one place: name, value, what happens beyond it.
 */
#ifndef LIB_MODEL_LIMITS_H
#define LIB_MODEL_LIMITS_H

#define MODEL_NAME_MAX    63           /* release, service, environment, metric names: refused */
#define MODEL_METRICS_MAX 64           /* metrics of one release: refused */
#define MODEL_COHORTS_MAX 8            /* arms; a release uses the first two */
#define MODEL_STEPS_MAX   32           /* steps of one release: refused */
#define SPEC_NOTIFY_MAX   16           /* notifications of one release: refused */
#define SPEC_BYTES        (256 * 1024) /* canonical JSON of a spec: refused as too large */
#define COMPLAINTS_MAX    100          /* of one document; more are counted as "and more" */
#define FIELD_STRING_MAX  1024         /* bytes of one text: refused */
#define FIELD_LABELS_MAX  32           /* labels of one set: refused */
#define LABEL_NAME_BYTES  128          /* name of a label: refused */
#define LABEL_VALUE_BYTES 512          /* value of a label: refused */
#define REASON_BYTES      512          /* a reason in words, with its NUL: cut */

#endif
