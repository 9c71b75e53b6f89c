package io.glmimage.job;

import io.glmimage.error.Wording;
import io.glmimage.image.ColourRules;
import io.glmimage.image.SourceTrait;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Sentences about source images whose colours, alpha or further frames need a decision. */
final class SourceNotes {
  private SourceNotes() {}

  /**
   * One sentence for each trait that source images have.
   *
   * @param counts numbers of source images by the labels of {@link SourceTrait}
   */
  static List<String> of(Map<String, Long> counts, ColourRules rules) {
    List<String> notes = new ArrayList<>();
    for (SourceTrait trait : SourceTrait.values()) {
      long count = counts.getOrDefault(trait.label(), 0L);
      if (count > 0) {
        notes.add(
            Wording.count(count, "source image")
                + " with "
                + what(trait)
                + ": "
                + then(trait, rules));
      }
    }
    return notes;
  }

  private static String what(SourceTrait trait) {
    return switch (trait) {
      case TRANSPARENCY -> "transparency";
      case MORE_FRAMES -> "several frames or pages";
      case PROFILE -> "a colour profile";
      case UNUSABLE_PROFILE -> "a colour profile that cannot be used";
    };
  }

  private static String then(SourceTrait trait, ColourRules rules) {
    return switch (trait) {
      case TRANSPARENCY ->
          rules.background() == null
              ? "alpha is dropped, hidden colours show (--transparency sets a background)"
              : String.format("put on a background of #%06x", rules.background());
      case MORE_FRAMES -> "the first is edited";
      case PROFILE -> rules.convert() ? "converted to sRGB" : "the profile is ignored";
      case UNUSABLE_PROFILE -> "read as sRGB";
    };
  }
}
