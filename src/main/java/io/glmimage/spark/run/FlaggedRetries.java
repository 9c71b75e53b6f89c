package io.glmimage.spark.run;

import io.glmimage.image.RgbImage;
import io.glmimage.manifest.RowIds;
import io.glmimage.quality.JudgedImage;
import io.glmimage.quality.QualityOptions;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.spark.engine.EngineCall;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/**
 * Edits flagged rows again with derived seeds, and keeps the best image of each row. The seeds come
 * from the row's own seed, and each row is judged on its own. So its image does not depend on its
 * batch or on when it is edited. Among equally good images, the earliest is kept.
 */
public final class FlaggedRetries {
  private final QualityOptions options;
  private final Function<List<EditRequest>, EngineCall> engine;

  /** Seeds of the kept images that are not those of their rows, by row id. */
  private final Map<String, Long> keptSeeds = new ConcurrentHashMap<>();

  /**
   * @param engine edits a batch
   */
  public FlaggedRetries(QualityOptions options, Function<List<EditRequest>, EngineCall> engine) {
    this.options = options;
    this.engine = engine;
  }

  /** The seed of a retry, from 1. */
  static long seed(long rowSeed, int retry) {
    return RowIds.seed(rowSeed, "retry " + retry);
  }

  /**
   * The best results of a batch.
   *
   * @param first the results with the rows' own seeds
   */
  public EngineCall best(List<EditRequest> requests, EngineCall first) {
    List<EditResult> best = new ArrayList<>(first.results());
    double[] badness = new double[best.size()];
    List<Integer> flagged = new ArrayList<>();
    for (int i = 0; i < badness.length; i++) {
      keptSeeds.remove(requests.get(i).id());
      if (best.get(i).ok()) {
        badness[i] = badness(requests.get(i), best.get(i));
        if (badness[i] > 0) {
          flagged.add(i);
        }
      }
    }
    double seconds = first.seconds();
    for (int retry = 1; retry <= options.retries() && !flagged.isEmpty(); retry++) {
      List<EditRequest> again = new ArrayList<>();
      for (int i : flagged) {
        again.add(requests.get(i).withSeed(seed(requests.get(i).seed(), retry)));
      }
      EngineCall call = engine.apply(again);
      seconds += call.seconds();
      for (int j = 0; j < again.size(); j++) {
        int i = flagged.get(j);
        EditResult result = call.results().get(j);
        // A retry that fails leaves the row with the image that it has.
        double now = result.ok() ? badness(requests.get(i), result) : Double.MAX_VALUE;
        if (now < badness[i]) {
          badness[i] = now;
          best.set(i, result);
          keptSeeds.put(requests.get(i).id(), again.get(j).seed());
        }
      }
      flagged.removeIf(i -> badness[i] == 0);
    }
    return new EngineCall(best, seconds);
  }

  /** The seed of the image that was kept, to be asked once; null if it is the row's own. */
  public Long takeKeptSeed(String id) {
    return keptSeeds.remove(id);
  }

  private double badness(EditRequest request, EditResult result) {
    RgbImage source = request.sources().isEmpty() ? null : request.sources().get(0);
    return options
        .limits()
        .badness(JudgedImage.of(source, result.image(), options.keepUnchanged()).figures());
  }
}
