package io.glmimage.model.glyph;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The texts that a prompt asks to see written: what stands between quotation marks.
 *
 * <p>Source: the patterns of diffusers' GLM-Image pipeline, with what follows from them: texts are
 * grouped by kind of mark, not by place; apostrophes pair up like quotation marks; of nested marks
 * the innermost count.
 */
public final class GlyphTexts {
  /** In the order in which their texts are listed. */
  private static final List<Pattern> MARKS =
      List.of(
          Pattern.compile("'([^']*)'"),
          Pattern.compile("\\u201c([^\\u201c\\u201d]*)\\u201d"),
          Pattern.compile("\"([^\"]*)\""),
          Pattern.compile("\\u300c([^\\u300c\\u300d]*)\\u300d"));

  private GlyphTexts() {}

  /** The quoted texts, without their marks; none if the prompt quotes nothing. */
  public static List<String> extract(String prompt) {
    List<String> texts = new ArrayList<>();
    for (Pattern mark : MARKS) {
      Matcher matcher = mark.matcher(prompt);
      while (matcher.find()) {
        texts.add(matcher.group(1));
      }
    }
    return texts;
  }
}
