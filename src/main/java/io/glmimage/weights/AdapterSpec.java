package io.glmimage.weights;

import io.glmimage.error.UsageException;
import java.io.Serializable;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A LoRA adapter as the user names it: a folder on any file system, and the factor of its change to
 * the weights.
 */
public record AdapterSpec(String location, double scale) implements Serializable {
  /** The syntax of {@code --lora}. */
  public static final String SYNTAX = "FOLDER[=SCALE]";

  private static final Pattern SCALED =
      Pattern.compile("(?<folder>.*)=(?<scale>[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?)");

  /**
   * @param option the name of the option or setting, for the message
   * @param text as in {@link #SYNTAX}; without a scale, 1
   * @throws UsageException for any other text
   */
  public static AdapterSpec parse(String option, String text) {
    Matcher scaled = SCALED.matcher(text);
    boolean hasScale = scaled.matches();
    String folder = hasScale ? scaled.group("folder") : text;
    double scale = hasScale ? Double.parseDouble(scaled.group("scale")) : 1;
    boolean misspelt = !hasScale && text.indexOf('=') > text.lastIndexOf('/');
    if (folder.isBlank() || misspelt || Double.isInfinite(scale)) {
      throw new UsageException(
          "Invalid "
              + option
              + ": "
              + text
              + ", expected "
              + SYNTAX
              + " with a number such as 0.8; if the folder's own name has a \"=\", add \"=1\"");
    }
    return new AdapterSpec(folder, scale);
  }

  /** As {@link #parse(String, String)}, for several adapters. */
  public static List<AdapterSpec> parseAll(String option, List<String> texts) {
    return texts.stream().map(text -> parse(option, text)).toList();
  }

  @Override
  public String toString() {
    return location + "=" + scale;
  }
}
