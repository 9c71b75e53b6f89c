package io.glmimage.spark.weights;

/**
 * How far the distribution is, for a progress bar and for the report.
 *
 * @param totalBytes the model's size
 * @param readBytes what the driver has read from the source so far; more than {@code totalBytes}
 *     when nodes joined late
 * @param chunksSent broadcasts made
 * @param chunksRepeated of these, how many had been sent before, for nodes that joined late
 * @param chunksInFlightPeak the most broadcasts that existed at a time
 * @param nodesReceiving nodes that are receiving now
 * @param nodesComplete nodes that received the model
 * @param nodesReused nodes that had it in their cache
 * @param seconds from the first request to the last node's completion (or to now)
 * @param nodePeakHeapBytes the largest peak of a receiving process' heap, an upper bound
 * @param nodePeakResidentBytes the largest peak of a receiving process' resident memory, 0 if
 *     unknown
 */
public record WeightsStatus(
    long totalBytes,
    long readBytes,
    int chunksSent,
    int chunksRepeated,
    int chunksInFlightPeak,
    int nodesReceiving,
    int nodesComplete,
    int nodesReused,
    double seconds,
    long nodePeakHeapBytes,
    long nodePeakResidentBytes) {
  /** MB (10^6 bytes) of the source that were read and sent each second. */
  public double megabytesPerSecond() {
    return seconds > 0 ? readBytes / seconds / 1e6 : 0;
  }

  /** MB (10^6 bytes) that arrived on all nodes together each second. */
  public double deliveredMegabytesPerSecond() {
    return seconds > 0 ? (double) totalBytes * nodesComplete / seconds / 1e6 : 0;
  }
}
