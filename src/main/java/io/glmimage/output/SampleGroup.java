package io.glmimage.output;

import java.util.Locale;

/** Why a row is shown in the report. The page can be filtered by groups. */
public enum SampleGroup {
  /** Rows from all parts of the manifest. */
  SAMPLE("from all parts"),
  MOST_CHANGED("most changed"),
  LEAST_CHANGED("least changed"),
  UNCHANGED("UNCHANGED"),
  DESTROYED("DESTROYED"),
  FLAT("FLAT");

  private final String label;

  SampleGroup(String label) {
    this.label = label;
  }

  String label() {
    return label;
  }

  /** The name of the group in ids and classes of the page. */
  String css() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
