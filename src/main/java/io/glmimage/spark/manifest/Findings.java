package io.glmimage.spark.manifest;

import io.glmimage.error.ErrorClass;
import io.glmimage.plan.CostModel;
import io.glmimage.plan.RowWork;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The findings about some rows. Their size depends on the number of error classes, not of rows.
 *
 * @param rows number of checked rows
 * @param badByClass number of rows that would fail, by error class
 * @param examples messages of the first few bad rows of each class
 * @param sized number of rows whose output size is known
 * @param megapixelSteps sum over these rows of generated megapixels times steps times passes (two
 *     passes with guidance)
 * @param sizes these rows by their size, with their cost
 * @param sources traits of the source images whose headers were read
 */
public record Findings(
    long rows,
    Map<String, Long> badByClass,
    Map<String, List<String>> examples,
    long sized,
    double megapixelSteps,
    SizeFigures sizes,
    TraitCounts sources)
    implements Serializable {
  /** Most messages that are kept of an error class. */
  private static final int EXAMPLES = 100;

  static final Findings NONE =
      new Findings(0, new TreeMap<>(), new TreeMap<>(), 0, 0, SizeFigures.NONE, TraitCounts.NONE);

  /** A good row of unknown size. */
  static final Findings GOOD =
      new Findings(1, Map.of(), Map.of(), 0, 0, SizeFigures.NONE, TraitCounts.NONE);

  static Findings good(RowWork work, CostModel cost, TraitCounts sources) {
    return new Findings(
        1, Map.of(), Map.of(), 1, work.megapixelSteps(), SizeFigures.of(work, cost), sources);
  }

  static Findings bad(ErrorClass errorClass, String message) {
    return new Findings(
        1,
        Map.of(errorClass.name(), 1L),
        Map.of(errorClass.name(), List.of(message)),
        0,
        0,
        SizeFigures.NONE,
        TraitCounts.NONE);
  }

  /** Number of rows that would fail. */
  public long bad() {
    return badByClass.values().stream().mapToLong(Long::longValue).sum();
  }

  /** These findings with the bad rows of others. */
  public Findings withBad(Findings other) {
    Findings both = and(other);
    return new Findings(
        rows, both.badByClass, both.examples, sized, megapixelSteps, sizes, sources);
  }

  Findings and(Findings other) {
    Map<String, Long> bad = badByClass;
    Map<String, List<String>> messages = examples;
    // Nearly all rows are good: nothing is copied for them.
    if (!other.badByClass.isEmpty()) {
      bad = new TreeMap<>(badByClass);
      messages = new TreeMap<>(examples);
      for (String name : other.badByClass.keySet()) {
        bad.merge(name, other.badByClass.get(name), Long::sum);
        List<String> all = new ArrayList<>(messages.getOrDefault(name, List.of()));
        all.addAll(other.examples.get(name));
        messages.put(name, new ArrayList<>(all.subList(0, Math.min(EXAMPLES, all.size()))));
      }
    }
    return new Findings(
        rows + other.rows,
        bad,
        messages,
        sized + other.sized,
        megapixelSteps + other.megapixelSteps,
        sizes.and(other.sizes),
        sources.and(other.sources));
  }
}
