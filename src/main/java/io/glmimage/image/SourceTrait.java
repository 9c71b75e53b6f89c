package io.glmimage.image;

/** What a source image has that the user may want to know before it is edited. */
public enum SourceTrait {
  /** An alpha channel or a transparent colour. */
  TRANSPARENCY("transparency"),
  /** More frames or pages than the first, which alone is read. */
  MORE_FRAMES("more_frames"),
  /** A usable colour profile of colours other than sRGB. */
  PROFILE("colour_profile"),
  /** A colour profile that cannot be used: damaged, or of another kind than the pixels. */
  UNUSABLE_PROFILE("unusable_profile");

  private final String label;

  SourceTrait(String label) {
    this.label = label;
  }

  /** The name in JSON. */
  public String label() {
    return label;
  }
}
