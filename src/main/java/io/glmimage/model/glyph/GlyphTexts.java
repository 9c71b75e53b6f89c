package io.glmimage.model.glyph;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The texts that a prompt wants rendered in the image: those between quotation marks.
 *
 * <p>Ported from diffusers src/diffusers/pipelines/glm_image/pipeline_glm_image.py, get_glyph_texts
 * (commit 58eb52c). Its patterns have these effects: texts are grouped by kind of mark, not by
 * position; apostrophes pair up like quotation marks; of nested marks, the innermost count.
 * Deviations: none.
 */
public final class GlyphTexts {
  /** The kinds of marks, in the order in which their texts are listed. */
  private static final List<Pattern> MARKS =
      List.of(
          Pattern.compile("'([^']*)'"),
          Pattern.compile("\\u201c([^\\u201c\\u201d]*)\\u201d"),
          Pattern.compile("\"([^\"]*)\""),
          Pattern.compile("\\u300c([^\\u300c\\u300d]*)\\u300d"));

  private GlyphTexts() {}

  /** The quoted texts without their marks; empty if the prompt has no quotes. */
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
