package io.glmimage.manifest;

/** The columns of a manifest that describe an edit. All other columns pass through. */
public enum ManifestField {
  PROMPT("prompt", true, "a string"),
  IMAGE_PATHS(
      "image_paths",
      true,
      "a string, an image (bytes, or a struct of bytes and path), or an array of these"),
  ID("id", false, "a string or a whole number"),
  SEED("seed", false, "a number"),
  HEIGHT("height", false, "a number"),
  WIDTH("width", false, "a number"),
  NUM_INFERENCE_STEPS("num_inference_steps", false, "a number"),
  GUIDANCE_SCALE("guidance_scale", false, "a number"),
  MASK_PATH("mask_path", false, "a string or an image (bytes, or a struct of bytes and path)");

  private final String column;
  private final boolean required;
  private final String expected;

  ManifestField(String column, boolean required, String expected) {
    this.column = column;
    this.required = required;
    this.expected = expected;
  }

  /** Name of the column, unless the user maps another column to the field. */
  public String column() {
    return column;
  }

  boolean required() {
    return required;
  }

  /** The accepted types, for messages. */
  public String expected() {
    return expected;
  }

  /** Whether the values are numbers only. */
  public boolean isNumber() {
    return accepts(ColumnKind.FLOATING);
  }

  boolean accepts(ColumnKind kind) {
    return switch (this) {
      case PROMPT, MASK_PATH -> kind == ColumnKind.TEXT;
      case IMAGE_PATHS -> kind == ColumnKind.TEXT || kind == ColumnKind.TEXT_LIST;
      case ID ->
          kind == ColumnKind.TEXT || kind == ColumnKind.INTEGER || kind == ColumnKind.DECIMAL;
      default ->
          kind == ColumnKind.INTEGER || kind == ColumnKind.DECIMAL || kind == ColumnKind.FLOATING;
    };
  }
}
