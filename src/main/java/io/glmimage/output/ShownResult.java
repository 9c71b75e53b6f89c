package io.glmimage.output;

import java.util.List;
import java.util.Locale;

/** The columns of a result row that commands show to people; null where the table has null. */
public record ShownResult(
    String id,
    boolean ok,
    String errorClass,
    String error,
    String outputPath,
    Integer width,
    Integer height,
    Long seed,
    double seconds,
    String prompt,
    List<String> imagePaths) {
  /** Size, seed and seconds of a successful row, in one line. */
  String detail() {
    return String.format(
        Locale.ROOT, "%d x %d, seed %d, %s", width, height, seed, HtmlText.duration(seconds));
  }
}
