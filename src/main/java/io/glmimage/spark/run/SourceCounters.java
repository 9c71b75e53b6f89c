package io.glmimage.spark.run;

import io.glmimage.image.SourceTrait;
import java.io.Serializable;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.spark.SparkContext;
import org.apache.spark.util.LongAccumulator;

/**
 * Counts source images by their traits. A source image counts once for each row that reads it, and
 * again when a task is repeated.
 */
record SourceCounters(LongAccumulator read, Map<SourceTrait, LongAccumulator> traits)
    implements Serializable {
  private static final String READ = "read";

  static SourceCounters of(SparkContext spark) {
    Map<SourceTrait, LongAccumulator> traits = new EnumMap<>(SourceTrait.class);
    for (SourceTrait trait : SourceTrait.values()) {
      traits.put(trait, spark.longAccumulator("source images: " + trait.label()));
    }
    return new SourceCounters(spark.longAccumulator("source images"), traits);
  }

  void add(List<Set<SourceTrait>> sources) {
    read.add(sources.size());
    sources.forEach(found -> found.forEach(trait -> traits.get(trait).add(1)));
  }

  void reset() {
    read.reset();
    traits.values().forEach(LongAccumulator::reset);
  }

  /** The counts of the tasks that have ended, by label. */
  Map<String, Long> counts() {
    Map<String, Long> counts = new LinkedHashMap<>();
    counts.put(READ, read.value());
    traits.forEach((trait, count) -> counts.put(trait.label(), count.value()));
    return counts;
  }
}
