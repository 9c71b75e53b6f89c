package io.glmimage.output;

import io.glmimage.quality.QualityFlag;
import java.util.List;
import java.util.Locale;

/**
 * The columns of a result row that commands show to people.
 *
 * @param prompt null if the manifest's prompt cannot be read
 * @param seed null if the row was rejected
 * @param failure null if the row succeeded
 * @param edited null if the row failed
 * @param verdict null if the edited image was not judged
 */
public record ShownResult(
    String id,
    String prompt,
    List<String> imagePaths,
    Long seed,
    double seconds,
    Failure failure,
    Edited edited,
    Verdict verdict) {
  /** Why a row failed. */
  public record Failure(String errorClass, String message) {}

  /** The edited image of a row, in pixels. */
  public record Edited(String path, int width, int height) {}

  public boolean ok() {
    return failure == null;
  }

  /** Whether the edited image has a flag. */
  public boolean flagged() {
    return verdict != null && verdict.flag() != QualityFlag.OK;
  }

  /** Change and likeness of an image with a source, in words; empty for others. */
  public String likeness() {
    return verdict == null || verdict.figures().changedFraction() == null
        ? ""
        : String.format(
            Locale.ROOT,
            "%.1f %% changed, ssim %.2f",
            100 * verdict.figures().changedFraction(),
            verdict.figures().ssim());
  }

  /** Size, seed and seconds of a successful row, in one line. */
  String detail() {
    return String.format(
        Locale.ROOT,
        "%d x %d, seed %d, %s",
        edited.width(),
        edited.height(),
        seed,
        HtmlText.duration(seconds));
  }
}
