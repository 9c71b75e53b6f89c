package io.glmimage.spark.run;

import io.glmimage.manifest.RowOutcome;

/**
 * A row of the plan on an executor.
 *
 * @param outcome the row as the manifest gives it: valid or rejected
 * @param fingerprint of the row, the options and the model
 */
record PlannedRow(RowOutcome outcome, String fingerprint) {
  String id() {
    return outcome.id();
  }
}
