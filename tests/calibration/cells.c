/* The methods of the calibration table: one line each. */
#include "tests/calibration/calibrate.h"

const struct cells *const all_cells[] = {
    &rate_cells,   &odds_cells,       &quantile_cells,       &mean_cells,
    &series_cells, &efficiency_cells, &quantile_drift_cells, NULL,
};
