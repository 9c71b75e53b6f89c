package io.glmimage.output;

/**
 * How long a row took, in seconds.
 *
 * @param read reading and decoding the source images
 * @param edit the row's share of the time in the engine
 * @param prior share spent on prior tokens
 * @param denoise share spent in the DiT
 * @param decode share spent in the VAE
 * @param write encoding and writing the edited image
 */
public record RowTimes(
    double read, double edit, double prior, double denoise, double decode, double write) {
  public static final RowTimes NONE = new RowTimes(0, 0, 0, 0, 0, 0);

  public static RowTimes ofRead(double read) {
    return new RowTimes(read, 0, 0, 0, 0, 0);
  }

  /** The same times, with this time for encoding and writing. */
  public RowTimes withWrite(double seconds) {
    return new RowTimes(read, edit, prior, denoise, decode, seconds);
  }

  public double total() {
    return read + edit + write;
  }
}
