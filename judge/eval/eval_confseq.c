#include "judge/eval/schools.h"
const struct eval_method eval_confseq[] = {{NULL, NULL}};
