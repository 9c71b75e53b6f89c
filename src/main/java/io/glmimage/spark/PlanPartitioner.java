package io.glmimage.spark;

import io.glmimage.plan.EditPlan;
import org.apache.spark.Partitioner;

/** Puts every row into the partition that the plan says. */
final class PlanPartitioner extends Partitioner {
  private static final long serialVersionUID = 1L;

  private final EditPlan plan;

  PlanPartitioner(EditPlan plan) {
    this.plan = plan;
  }

  @Override
  public int numPartitions() {
    return plan.partitions();
  }

  /**
   * @param key a row's index
   */
  @Override
  public int getPartition(Object key) {
    return plan.partitionOf((Long) key);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof PlanPartitioner that && plan.equals(that.plan);
  }

  @Override
  public int hashCode() {
    return plan.hashCode();
  }
}
