package io.glmimage.jinja;

/**
 * What a name without a value stands for. It prints as nothing, is false and has no items; all
 * other uses fail.
 *
 * @param message of the failure
 */
record Undefined(String message) {
  static Undefined name(String name) {
    return new Undefined("\"" + name + "\" is undefined");
  }

  static Undefined attribute(Object of, String name) {
    return new Undefined(Values.type(of) + " has no attribute \"" + name + "\"");
  }

  static Undefined element(Object of, Object key) {
    return new Undefined(Values.type(of) + " has no element " + Values.quoted(key));
  }

  static Undefined unsafe(Object of, String name) {
    return new Undefined(
        "the attribute \"" + name + "\" of " + Values.type(of) + " is not open to templates");
  }
}
