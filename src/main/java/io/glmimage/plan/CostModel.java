package io.glmimage.plan;

import java.io.Serializable;

/** GPU seconds of rows. */
@FunctionalInterface
public interface CostModel extends Serializable {
  /** Seconds of a row in a full batch. */
  double seconds(RowWork work);

  /** Whether the seconds of such a row were measured, so that nothing is scaled. */
  default boolean isMeasured(RowWork work) {
    return false;
  }
}
