package io.glmimage.spark.engine;

import org.apache.spark.sql.SparkSession;

/** A model that every executor has already, so that nothing is distributed. */
interface PresentModel extends ModelRef, EngineOpener {
  @Override
  default DistributedEngines distribute(SparkSession spark) {
    return DistributedEngines.ofPresent(this);
  }

  @Override
  default EngineOpener forSession(SparkSession spark) {
    return this;
  }
}
