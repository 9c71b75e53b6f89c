package io.glmimage.jinja;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A part of a template that has a value. */
sealed interface Expression {
  /** The value with the variables that are in scope. */
  Object value(Interpreter in);

  record Constant(Object constant) implements Expression {
    @Override
    public Object value(Interpreter in) {
      return constant;
    }
  }

  record Name(String name) implements Expression {
    @Override
    public Object value(Interpreter in) {
      return in.scope().get(name);
    }
  }

  record ListLiteral(List<Expression> items) implements Expression {
    @Override
    public Object value(Interpreter in) {
      return in.values(items);
    }
  }

  record TupleLiteral(List<Expression> items) implements Expression {
    @Override
    public Object value(Interpreter in) {
      return new Tuple(in.values(items));
    }
  }

  record DictLiteral(List<Expression> keys, List<Expression> values) implements Expression {
    @Override
    public Object value(Interpreter in) {
      Map<Object, Object> dict = new LinkedHashMap<>();
      for (int i = 0; i < keys.size(); i++) {
        dict.put(Values.key(in.value(keys.get(i))), in.value(values.get(i)));
      }
      return dict;
    }
  }

  /**
   * @param otherwise null if there is no {@code else}
   */
  record Conditional(Expression condition, Expression then, Expression otherwise)
      implements Expression {
    @Override
    public Object value(Interpreter in) {
      if (Values.truth(in.value(condition))) {
        return in.value(then);
      }
      return otherwise == null
          ? new Undefined("the condition is false and there is no else")
          : in.value(otherwise);
    }
  }

  record Or(Expression left, Expression right) implements Expression {
    @Override
    public Object value(Interpreter in) {
      Object value = in.value(left);
      return Values.truth(value) ? value : in.value(right);
    }
  }

  record And(Expression left, Expression right) implements Expression {
    @Override
    public Object value(Interpreter in) {
      Object value = in.value(left);
      return Values.truth(value) ? in.value(right) : value;
    }
  }

  record Not(Expression inner) implements Expression {
    @Override
    public Object value(Interpreter in) {
      return !Values.truth(in.value(inner));
    }
  }

  /** {@code first operator operand operator operand ...}, which holds if every pair does. */
  record Comparison(Expression first, List<String> operators, List<Expression> operands)
      implements Expression {
    @Override
    public Object value(Interpreter in) {
      Object left = in.value(first);
      for (int i = 0; i < operators.size(); i++) {
        Object right = in.value(operands.get(i));
        if (!holds(operators.get(i), left, right)) {
          return false;
        }
        left = right;
      }
      return true;
    }

    private static boolean holds(String operator, Object left, Object right) {
      return switch (operator) {
        case "==" -> Values.equal(left, right);
        case "!=" -> !Values.equal(left, right);
        case "<" -> Values.compare(left, right) < 0;
        case "<=" -> Values.compare(left, right) <= 0;
        case ">" -> Values.compare(left, right) > 0;
        case ">=" -> Values.compare(left, right) >= 0;
        case "in" -> Values.contains(right, left);
        default -> !Values.contains(right, left);
      };
    }
  }

  record Binary(String operator, Expression left, Expression right) implements Expression {
    @Override
    public Object value(Interpreter in) {
      Object value = in.value(left);
      return Arithmetic.apply(operator, value, in.value(right));
    }
  }

  record Sign(boolean minus, Expression inner) implements Expression {
    @Override
    public Object value(Interpreter in) {
      Object value = in.value(inner);
      return minus ? Arithmetic.negative(value) : Arithmetic.positive(value);
    }
  }

  /** The operator {@code ~}. */
  record Concatenation(List<Expression> parts) implements Expression {
    @Override
    public Object value(Interpreter in) {
      StringBuilder out = new StringBuilder();
      for (Expression part : parts) {
        out.append(Values.text(in.value(part)));
      }
      Budget.use(out.length());
      return out.toString();
    }
  }

  record Attribute(Expression of, String name) implements Expression {
    @Override
    public Object value(Interpreter in) {
      return Lookup.attribute(in.value(of), name);
    }
  }

  record Item(Expression of, Expression key) implements Expression {
    @Override
    public Object value(Interpreter in) {
      Object value = in.value(of);
      return Lookup.item(value, in.value(key));
    }
  }

  /** The bounds that are not given are null. */
  record Slice(Expression of, Expression start, Expression stop, Expression step)
      implements Expression {
    @Override
    public Object value(Interpreter in) {
      Object value = in.value(of);
      return Lookup.slice(value, bound(in, start), bound(in, stop), bound(in, step));
    }

    private static Object bound(Interpreter in, Expression bound) {
      return bound == null ? null : in.value(bound);
    }
  }

  /**
   * Arguments of a call.
   *
   * @param all a list that adds arguments, or null
   * @param allNamed a mapping that adds named arguments, or null
   */
  record Passed(
      List<Expression> positional,
      Map<String, Expression> named,
      Expression all,
      Expression allNamed) {
    static final Passed NONE = new Passed(List.of(), Map.of(), null, null);

    Arguments arguments(Interpreter in) {
      List<Object> values = in.values(positional);
      if (all != null) {
        values.addAll(Values.items(in.value(all)));
      }
      Map<String, Object> byName = new LinkedHashMap<>();
      named.forEach((name, value) -> byName.put(name, in.value(value)));
      if (allNamed != null) {
        Values.dict(in.value(allNamed))
            .forEach((name, value) -> byName.put(Values.string(name), value));
      }
      return new Arguments(values, byName);
    }
  }

  record Call(Expression function, Passed passed) implements Expression {
    @Override
    public Object value(Interpreter in) {
      return call(in, passed.arguments(in));
    }

    Object call(Interpreter in, Arguments arguments) {
      Object called = in.value(function);
      if (called instanceof Function callable) {
        return callable.call(arguments);
      }
      throw new JinjaException(Values.failing(called, Values.type(called) + " cannot be called"));
    }
  }

  record Filtered(Expression of, String name, Passed passed) implements Expression {
    @Override
    public Object value(Interpreter in) {
      Object value = in.value(of);
      return Filters.apply(name, value, passed.arguments(in));
    }
  }

  record Tested(Expression of, String name, Passed passed) implements Expression {
    @Override
    public Object value(Interpreter in) {
      Object value = in.value(of);
      return Tests.holds(name, value, passed.arguments(in));
    }
  }
}
