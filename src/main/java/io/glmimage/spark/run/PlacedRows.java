package io.glmimage.spark.run;

import io.glmimage.plan.CostClasses;
import io.glmimage.plan.EditPlan;
import io.glmimage.spark.results.PartitionKeys;
import java.io.Serializable;
import java.util.Collection;
import java.util.Iterator;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;

/**
 * Where a plan by cost sends each row of a table. Has one byte for each row, which is sent to each
 * executor once.
 */
final class PlacedRows implements Serializable {
  private static final long serialVersionUID = 1L;

  private static final int NUMBER_BITS = 40;

  private final EditPlan plan;

  /** By partition of the plan: a value that goes there. */
  private final int[] keys;

  /** The cost class of each row, by partition of the table. */
  private final byte[][] classes;

  /** The number of the first row of each class, by partition of the table. */
  private final long[][] firsts;

  PlacedRows(EditPlan plan, Collection<RowCosts.OfPartition> partitions) {
    this.plan = plan;
    keys = PartitionKeys.of(plan.partitions());
    int size = 1 + partitions.stream().mapToInt(RowCosts.OfPartition::partition).max().orElse(0);
    classes = new byte[size][0];
    firsts = new long[size][CostClasses.COUNT];
    CostClasses[] costs = new CostClasses[size];
    for (RowCosts.OfPartition part : partitions) {
      classes[part.partition()] = part.classes();
      costs[part.partition()] = part.costs();
    }
    for (int i = 1; i < size; i++) {
      for (int one = 0; one < CostClasses.COUNT; one++) {
        firsts[i][one] = firsts[i - 1][one] + (costs[i - 1] == null ? 0 : costs[i - 1].rows(one));
      }
    }
  }

  /**
   * The rows of one partition of the table with two more values: one that sorts the rows of a
   * partition of the plan, the most expensive first and otherwise as they were; and one that goes
   * to that partition.
   */
  Iterator<Row> placed(int partition, Iterator<Row> rows) {
    byte[] ofRows = classes[partition];
    long[] next = firsts[partition].clone();
    return new Iterator<>() {
      private int position;

      @Override
      public boolean hasNext() {
        return rows.hasNext();
      }

      @Override
      public Row next() {
        Row row = rows.next();
        int one = Byte.toUnsignedInt(ofRows[position++]);
        long number = next[one]++;
        Object[] values = new Object[row.size() + 2];
        for (int i = 0; i < row.size(); i++) {
          values[i] = row.get(i);
        }
        values[row.size()] = ((long) (CostClasses.COUNT - one) << NUMBER_BITS) | number;
        values[row.size() + 1] = keys[plan.partitionOf(one, number)];
        return RowFactory.create(values);
      }
    };
  }
}
