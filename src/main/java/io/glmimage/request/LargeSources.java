package io.glmimage.request;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** What happens to a source image that is larger than the model takes. */
public enum LargeSources {
  /** The edited image is smaller: the largest size that fits, in the aspect ratio of the source. */
  FIT,
  /** The request fails. */
  FAIL,
  /** Edited at the size of {@link #FIT}, then resized to the size of the source. */
  UPSCALE;

  /** The name in options. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The value with this label, if there is one. */
  public static Optional<LargeSources> of(String label) {
    return Arrays.stream(values()).filter(value -> value.label().equals(label)).findFirst();
  }

  public static List<String> labels() {
    return Arrays.stream(values()).map(LargeSources::label).toList();
  }
}
