package io.glmimage.manifest;

/** Columns of the rows of an OpenAI batch that are not fields. They pass through. */
public enum BatchColumn {
  CUSTOM_ID("custom_id", false),
  URL("batch_url", false),
  /** Line of the file, from 1. */
  LINE("batch_line", true),
  /** Number of the image among the images of its line, from 1. */
  IMAGE("batch_picture", true),
  /** Number of images that the line asks for. */
  IMAGES("batch_pictures", true),
  /** {@code url}, {@code b64_json} or null. */
  RESPONSE_FORMAT("response_format", false);

  private final String column;
  private final boolean number;

  BatchColumn(String column, boolean number) {
    this.column = column;
    this.number = number;
  }

  public String column() {
    return column;
  }

  /** Whether the values are whole numbers; otherwise they are texts. */
  public boolean isNumber() {
    return number;
  }
}
