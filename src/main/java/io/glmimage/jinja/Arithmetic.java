package io.glmimage.jinja;

import java.util.ArrayList;
import java.util.List;

/** The operators of Python. Whole numbers beyond 64 bits fail. */
final class Arithmetic {
  private static final int MAX_ITEMS = 1_000_000;

  private Arithmetic() {}

  static Object apply(String operator, Object a, Object b) {
    if (Numbers.isNumber(a) && Numbers.isNumber(b)) {
      try {
        return Numbers.isWhole(a) && Numbers.isWhole(b)
            ? whole(operator, Numbers.whole(a), Numbers.whole(b))
            : real(operator, Numbers.real(a), Numbers.real(b));
      } catch (ArithmeticException e) {
        throw new JinjaException("a number is too large");
      }
    }
    Object result =
        switch (operator) {
          case "+" -> add(a, b);
          case "*" -> Numbers.isWhole(b) ? repeat(a, b) : Numbers.isWhole(a) ? repeat(b, a) : null;
          case "%" -> a instanceof String format ? Formatting.percent(format, b) : null;
          default -> null;
        };
    if (result == null) {
      Values.requireDefined(a);
      Values.requireDefined(b);
      throw new JinjaException(
          "cannot apply \"" + operator + "\" to " + Values.type(a) + " and " + Values.type(b));
    }
    return result;
  }

  private static Object whole(String operator, long a, long b) {
    return switch (operator) {
      case "+" -> Math.addExact(a, b);
      case "-" -> Math.subtractExact(a, b);
      case "*" -> Math.multiplyExact(a, b);
      case "/" -> a / (double) nonZero(b);
      case "//" -> Math.floorDiv(a, nonZero(b));
      case "%" -> Math.floorMod(a, nonZero(b));
      default -> b < 0 ? real("**", (double) a, (double) b) : (Object) power(a, b);
    };
  }

  private static long power(long base, long exponent) {
    long result = 1;
    long factor = base;
    for (long rest = exponent; rest > 0; rest >>= 1) {
      if ((rest & 1) == 1) {
        result = Math.multiplyExact(result, factor);
      }
      if (rest > 1) {
        factor = Math.multiplyExact(factor, factor);
      }
    }
    return result;
  }

  private static long nonZero(long divisor) {
    if (divisor == 0) {
      throw new JinjaException("division by zero");
    }
    return divisor;
  }

  private static Object real(String operator, double a, double b) {
    if (b == 0 && (operator.equals("/") || operator.equals("//") || operator.equals("%"))) {
      throw new JinjaException("division by zero");
    }
    return switch (operator) {
      case "+" -> a + b;
      case "-" -> a - b;
      case "*" -> a * b;
      case "/" -> a / b;
      case "//" -> {
        double whole = (a - rest(a, b)) / b;
        double floor = Math.floor(whole);
        yield whole - floor > 0.5 ? floor + 1 : floor;
      }
      case "%" -> rest(a, b);
      default -> {
        double result = Math.pow(a, b);
        if (Double.isNaN(result) || Double.isInfinite(result)) {
          throw new JinjaException(
              "cannot raise " + Numbers.text(a) + " to the power of " + Numbers.text(b));
        }
        yield result;
      }
    };
  }

  /** What a floor division leaves; it has the sign of the divisor. */
  private static double rest(double a, double b) {
    double rest = a % b;
    if (rest == 0) {
      return Math.copySign(0.0, b);
    }
    return (rest < 0) != (b < 0) ? rest + b : rest;
  }

  private static Object add(Object a, Object b) {
    if (a instanceof String one && b instanceof String other) {
      Budget.use((long) one.length() + other.length());
      return one + other;
    }
    if (a instanceof List<?> && b instanceof List<?>) {
      return joined(a, b);
    }
    if (a instanceof Tuple && b instanceof Tuple) {
      return new Tuple(joined(a, b));
    }
    return null;
  }

  private static List<Object> joined(Object a, Object b) {
    List<Object> out = new ArrayList<>(Values.sequence(a));
    out.addAll(Values.sequence(b));
    Budget.use(out.size());
    return out;
  }

  private static Object repeat(Object value, Object times) {
    int count = Math.max(0, Numbers.count(times));
    if (value instanceof String text) {
      limit((long) text.length() * count);
      return text.repeat(count);
    }
    if (value instanceof List || value instanceof Tuple) {
      List<Object> items = Values.sequence(value);
      limit((long) items.size() * count);
      List<Object> out = new ArrayList<>();
      for (int i = 0; i < count && !items.isEmpty(); i++) {
        out.addAll(items);
      }
      return value instanceof List ? out : new Tuple(out);
    }
    return null;
  }

  private static void limit(long size) {
    if (size > MAX_ITEMS) {
      throw new JinjaException("the template repeats a text or a list too often");
    }
    Budget.use(size);
  }

  static Object negative(Object value) {
    if (value instanceof Double number) {
      return -number;
    }
    requireNumber("-", value);
    return -Numbers.whole(value);
  }

  static Object positive(Object value) {
    if (value instanceof Double) {
      return value;
    }
    requireNumber("+", value);
    return Numbers.whole(value);
  }

  private static void requireNumber(String operator, Object value) {
    if (!Numbers.isNumber(value)) {
      throw new JinjaException(
          Values.failing(value, "cannot apply \"" + operator + "\" to " + Values.type(value)));
    }
  }
}
