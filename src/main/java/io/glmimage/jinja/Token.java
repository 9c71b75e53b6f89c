package io.glmimage.jinja;

/**
 * @param kind what it is
 * @param text the text between tags, the decoded string, the digits, the name or the operator
 * @param line from 1
 */
record Token(Kind kind, String text, int line) {
  enum Kind {
    /** Text between tags. */
    DATA,
    PRINT_BEGIN,
    PRINT_END,
    TAG_BEGIN,
    TAG_END,
    NAME,
    STRING,
    INTEGER,
    FLOAT,
    OPERATOR,
    END
  }

  boolean is(String operator) {
    return kind == Kind.OPERATOR && text.equals(operator);
  }

  boolean isName(String name) {
    return kind == Kind.NAME && text.equals(name);
  }

  String description() {
    return switch (kind) {
      case PRINT_BEGIN, PRINT_END, TAG_BEGIN, TAG_END -> "\"" + text + "\"";
      case END -> "the end of the template";
      case STRING -> "a string";
      case DATA -> "text";
      default -> "\"" + text + "\"";
    };
  }
}
