package io.glmimage.spark.weights;

/**
 * The progress of a distribution, for a progress bar and for the report.
 *
 * @param totalBytes size of the model
 * @param readBytes bytes that the driver has read from the source; more than {@code totalBytes} if
 *     nodes joined late
 * @param seconds from the first question to the last node's completion, or to now
 */
public record WeightsStatus(
    long totalBytes, long readBytes, double seconds, Chunks chunks, Nodes nodes) {
  /**
   * Chunks that were broadcast.
   *
   * @param sent all broadcasts
   * @param repeated those of chunks that had been sent before, for nodes that joined late
   * @param inFlightPeak the largest number of broadcasts that existed at a time
   */
  public record Chunks(int sent, int repeated, int inFlightPeak) {}

  /**
   * Nodes that asked for the model.
   *
   * @param receiving nodes that are receiving now
   * @param complete nodes that have received the model
   * @param reused nodes that had the model in their cache
   * @param peakHeapBytes the largest heap of a receiving process, an upper bound
   * @param peakResidentBytes the largest resident memory of a receiving process, 0 if unknown
   */
  public record Nodes(
      int receiving, int complete, int reused, long peakHeapBytes, long peakResidentBytes) {
    /** The nodes that have the model. */
    public int ready() {
      return complete + reused;
    }
  }

  /** A model that is not broadcast. */
  static WeightsStatus notSent(long totalBytes) {
    return new WeightsStatus(totalBytes, 0, 0, new Chunks(0, 0, 0), new Nodes(0, 0, 0, 0, 0));
  }

  /** MB (10^6 bytes) of the source that were read and sent each second. */
  public double megabytesPerSecond() {
    return seconds > 0 ? readBytes / seconds / 1e6 : 0;
  }
}
