package io.glmimage.manifest;

/** What the rows of an OpenAI batch have besides the fields; passed through to the result table. */
public enum BatchColumn {
  CUSTOM_ID("custom_id", false),
  URL("batch_url", false),
  /** Of the file, from 1. */
  LINE("batch_line", true),
  /** Which of the line's pictures, from 1. */
  PICTURE("batch_picture", true),
  /** How many pictures the line asks for. */
  PICTURES("batch_pictures", true),
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

  /** Whether it is a whole number; a text if not. */
  public boolean isNumber() {
    return number;
  }
}
