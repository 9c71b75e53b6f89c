package io.glmimage.spark.weights;

import io.glmimage.error.WeightsException;
import java.io.Serializable;

/**
 * The method by which the model's weights reach the executors.
 *
 * @param mode see {@link Mode}
 * @param path the folder on every executor, for {@link Mode#LOCAL} only
 */
public record WeightsMode(Mode mode, String path) implements Serializable {
  /** The method of transfer. */
  public enum Mode {
    /** The driver reads the model once and sends it through Spark's broadcast. */
    BROADCAST,
    /** Every executor already has the model at the same local path. */
    LOCAL,
    /** Every node reads the model from its location. */
    DIRECT
  }

  private static final String LOCAL_PREFIX = "local:";

  /** The syntax of {@code --weights}. */
  public static final String SYNTAX = "broadcast | local:PATH | direct";

  /** The default of {@code --weights}. */
  public static WeightsMode standard() {
    return new WeightsMode(Mode.BROADCAST, "");
  }

  /**
   * @param text as in {@link #SYNTAX}
   * @throws WeightsException for any other text
   */
  public static WeightsMode parse(String text) {
    if (!isValid(text)) {
      throw new WeightsException("Invalid weights: " + text + ", expected " + SYNTAX);
    }
    return switch (text) {
      case "broadcast" -> standard();
      case "direct" -> new WeightsMode(Mode.DIRECT, "");
      default -> new WeightsMode(Mode.LOCAL, text.substring(LOCAL_PREFIX.length()));
    };
  }

  /** Whether {@link #parse} accepts the text. */
  public static boolean isValid(String text) {
    return text.equals("broadcast")
        || text.equals("direct")
        || (text.startsWith(LOCAL_PREFIX) && text.length() > LOCAL_PREFIX.length());
  }

  /** This method, or a broadcast if this one needs a folder on every executor. */
  public WeightsMode orBroadcast() {
    return mode == Mode.LOCAL ? standard() : this;
  }

  @Override
  public String toString() {
    return switch (mode) {
      case BROADCAST -> "broadcast";
      case DIRECT -> "direct";
      case LOCAL -> LOCAL_PREFIX + path;
    };
  }
}
