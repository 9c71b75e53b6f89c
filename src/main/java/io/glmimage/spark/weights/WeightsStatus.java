package io.glmimage.spark.weights;

/**
 * The progress of a distribution, for a progress bar and for the report.
 *
 * @param totalBytes size of the model
 * @param readBytes bytes that the driver has read from the source; more than {@code totalBytes} if
 *     nodes joined late
 * @param seconds time from the first question to the completion of the last node, or to now
 */
public record WeightsStatus(
    long totalBytes, long readBytes, double seconds, Chunks chunks, Nodes nodes) {
  /**
   * Chunks that were broadcast.
   *
   * @param sent number of broadcasts
   * @param repeated broadcasts of chunks that had been sent before, for nodes that joined late
   * @param fromNodes transfers in which a node fetched a chunk from another node
   * @param inFlightPeak the largest number of broadcasts that existed at the same time
   */
  public record Chunks(int sent, int repeated, int fromNodes, int inFlightPeak) {}

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

  /** The status of a model that is not broadcast. */
  static WeightsStatus notSent(long totalBytes) {
    return new WeightsStatus(totalBytes, 0, 0, new Chunks(0, 0, 0, 0), new Nodes(0, 0, 0, 0, 0));
  }

  /** MB (10^6 bytes) read from the source and sent per second. */
  public double megabytesPerSecond() {
    return seconds > 0 ? readBytes / seconds / 1e6 : 0;
  }
}
