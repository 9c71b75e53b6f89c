package io.glmimage.spark.run;

import io.glmimage.image.RgbImage;
import io.glmimage.manifest.RowIds;
import io.glmimage.quality.JudgedImage;
import io.glmimage.quality.QualityOptions;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.spark.run.RowPipeline.Completion;
import io.glmimage.spark.run.RowPipeline.Finished;
import io.glmimage.spark.run.RowPipeline.Ready;
import io.glmimage.spark.run.RowPipeline.Step;

/**
 * Edits flagged rows again with derived seeds, and keeps the best image of each row. The seeds come
 * from the row's own seed, and each row is judged on its own. So its image does not depend on other
 * rows or on when it is edited. Among equally good images, the earliest is kept.
 */
public final class FlaggedRetries {
  private final QualityOptions options;
  private final int most;

  /** As often as the options say. */
  public FlaggedRetries(QualityOptions options) {
    this(options, options.retries());
  }

  /**
   * @param options how images are judged
   * @param most how often a row is edited again
   */
  FlaggedRetries(QualityOptions options, int most) {
    this.options = options;
    this.most = most;
  }

  /** Encodes and writes the image that was kept. */
  @FunctionalInterface
  public interface Kept<R> {
    /**
     * @param seconds time of all tries in the engine
     * @param seed of the image
     */
    R finish(EditResult best, double seconds, long seed);
  }

  /** The seed of a retry, from 1. */
  static long seed(long rowSeed, int retry) {
    return RowIds.seed(rowSeed, "retry " + retry);
  }

  /** A row that is ready for its first try. */
  public <R> Ready<R> first(EditRequest request, Kept<R> kept) {
    if (most == 0) {
      // Does not hold the request.
      long seed = request.seed();
      return new Ready<>(
          request, (result, seconds) -> new Finished<>(kept.finish(result, seconds, seed)));
    }
    return new Ready<>(request, new Tries<>(request, kept));
  }

  /** The tries of one row. Calls follow one another, on different threads. */
  private final class Tries<R> implements Completion<R> {
    private final EditRequest request;
    private final Kept<R> kept;
    private int retries;
    private EditResult best;
    private double badness;
    private long bestSeed;
    private long seed;
    private double seconds;

    Tries(EditRequest request, Kept<R> kept) {
      this.request = request;
      this.kept = kept;
      this.seed = request.seed();
    }

    @Override
    public synchronized Step<R> complete(EditResult result, double editSeconds) {
      seconds += editSeconds;
      // A first try that fails is not repeated; a retry that fails leaves the row with its image.
      double now = result.ok() ? badness(request, result) : best == null ? 0 : Double.MAX_VALUE;
      if (best == null || now < badness) {
        best = result;
        badness = now;
        bestSeed = seed;
      }
      if (badness == 0 || retries == most) {
        return new Finished<>(kept.finish(best, seconds, bestSeed));
      }
      seed = FlaggedRetries.seed(request.seed(), ++retries);
      return new Ready<>(request.withSeed(seed), this);
    }
  }

  private double badness(EditRequest request, EditResult result) {
    RgbImage source = request.sources().isEmpty() ? null : request.sources().get(0);
    return options
        .limits()
        .badness(JudgedImage.of(source, result.image(), options.keepUnchanged()).figures());
  }
}
