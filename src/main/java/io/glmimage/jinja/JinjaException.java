package io.glmimage.jinja;

/** A template that cannot be parsed or rendered. */
public final class JinjaException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final int line;

  JinjaException(String message) {
    this(message, 0);
  }

  JinjaException(String message, int line) {
    super(message);
    this.line = line;
  }

  /** The line of the template, from 1; 0 if unknown. */
  public int line() {
    return line;
  }

  /** The same failure at a line, unless its line is known. */
  JinjaException at(int otherwise) {
    if (line != 0) {
      return this;
    }
    JinjaException located = new JinjaException(getMessage(), otherwise);
    located.setStackTrace(getStackTrace());
    return located;
  }
}
