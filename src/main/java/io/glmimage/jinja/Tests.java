package io.glmimage.jinja;

import static java.util.Map.entry;

import java.util.List;
import java.util.Map;

/** Jinja's tests, such as in {@code x is defined}. */
final class Tests {
  private interface Body {
    boolean holds(Object value, Object other);
  }

  /**
   * @param parameters 0 or 1
   */
  private record Test(int parameters, Body body) {}

  private static final Map<String, Test> TESTS =
      Map.ofEntries(
          alone("boolean", (value, none) -> value instanceof Boolean),
          alone(
              "callable", (value, none) -> value instanceof Function || value instanceof Undefined),
          alone("defined", (value, none) -> !(value instanceof Undefined)),
          compared(
              "divisibleby", (value, by) -> Values.equal(Arithmetic.apply("%", value, by), 0L)),
          compared("eq", Values::equal),
          compared("equalto", Values::equal),
          compared("==", Values::equal),
          alone("escaped", (value, none) -> false),
          alone("even", (value, none) -> Values.equal(Arithmetic.apply("%", value, 2L), 0L)),
          alone("false", (value, none) -> Boolean.FALSE.equals(value)),
          alone("filter", (value, none) -> value instanceof String name && Filters.exists(name)),
          alone("float", (value, none) -> value instanceof Double),
          compared("ge", (value, other) -> Values.compare(value, other) >= 0),
          compared(">=", (value, other) -> Values.compare(value, other) >= 0),
          compared("gt", (value, other) -> Values.compare(value, other) > 0),
          compared("greaterthan", (value, other) -> Values.compare(value, other) > 0),
          compared(">", (value, other) -> Values.compare(value, other) > 0),
          compared("in", (value, container) -> Values.contains(container, value)),
          alone("integer", (value, none) -> value instanceof Long),
          alone("iterable", (value, none) -> Values.isIterable(value)),
          compared("le", (value, other) -> Values.compare(value, other) <= 0),
          compared("<=", (value, other) -> Values.compare(value, other) <= 0),
          alone("lower", (value, none) -> PythonText.isLower(Values.text(value))),
          compared("lt", (value, other) -> Values.compare(value, other) < 0),
          compared("lessthan", (value, other) -> Values.compare(value, other) < 0),
          compared("<", (value, other) -> Values.compare(value, other) < 0),
          alone("mapping", (value, none) -> value instanceof Map),
          compared("ne", (value, other) -> !Values.equal(value, other)),
          compared("!=", (value, other) -> !Values.equal(value, other)),
          alone("none", (value, none) -> value == null),
          alone("number", (value, none) -> Numbers.isNumber(value)),
          alone("odd", (value, none) -> Values.equal(Arithmetic.apply("%", value, 2L), 1L)),
          compared("sameas", Values::same),
          alone("sequence", (value, none) -> isSequence(value)),
          alone("string", (value, none) -> value instanceof String),
          alone("test", (value, none) -> value instanceof String name && exists(name)),
          alone("true", (value, none) -> Boolean.TRUE.equals(value)),
          alone("undefined", (value, none) -> value instanceof Undefined),
          alone("upper", (value, none) -> PythonText.isUpper(Values.text(value))));

  private Tests() {}

  private static Map.Entry<String, Test> alone(String name, Body body) {
    return entry(name, new Test(0, body));
  }

  private static Map.Entry<String, Test> compared(String name, Body body) {
    return entry(name, new Test(1, body));
  }

  static boolean exists(String name) {
    return TESTS.containsKey(name);
  }

  static boolean holds(String name, Object value, Arguments arguments) {
    Test test = TESTS.get(name);
    if (test == null) {
      throw new JinjaException("the test \"" + name + "\" is unknown or not supported");
    }
    List<Object> given = arguments.positional();
    if (given.size() != test.parameters() || !arguments.named().isEmpty()) {
      throw new JinjaException(
          "the test \"" + name + "\" takes " + test.parameters() + " arguments");
    }
    return test.body().holds(value, given.isEmpty() ? null : given.get(0));
  }

  /** What has a length and items. */
  private static boolean isSequence(Object value) {
    return value instanceof String
        || value instanceof Map
        || value instanceof Undefined
        || (Values.sequence(value) != null && !(value instanceof DictView));
  }
}
