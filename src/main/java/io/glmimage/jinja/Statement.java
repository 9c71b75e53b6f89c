package io.glmimage.jinja;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A part of a template that is carried out. */
sealed interface Statement {
  /** How the template continues after a statement. */
  enum Flow {
    NEXT,
    BREAK,
    CONTINUE
  }

  /** The line on which it begins. */
  int line();

  Flow run(Interpreter in);

  record Text(int line, String text) implements Statement {
    @Override
    public Flow run(Interpreter in) {
      in.print(text);
      return Flow.NEXT;
    }
  }

  record Print(int line, Expression expression) implements Statement {
    @Override
    public Flow run(Interpreter in) {
      in.print(Values.text(in.value(expression)));
      return Flow.NEXT;
    }
  }

  record If(int line, Expression condition, List<Statement> body, List<Statement> otherwise)
      implements Statement {
    @Override
    public Flow run(Interpreter in) {
      return in.run(Values.truth(in.value(condition)) ? body : otherwise);
    }
  }

  /**
   * @param filter null if every item is taken
   * @param recursive whether the body may call the loop with other items
   */
  record For(
      int line,
      Target target,
      Expression items,
      Expression filter,
      boolean recursive,
      List<Statement> body,
      List<Statement> otherwise)
      implements Statement {
    @Override
    public Flow run(Interpreter in) {
      return new Loop(this, in).run(in.value(items), 0);
    }
  }

  record Break(int line) implements Statement {
    @Override
    public Flow run(Interpreter in) {
      return Flow.BREAK;
    }
  }

  record Continue(int line) implements Statement {
    @Override
    public Flow run(Interpreter in) {
      return Flow.CONTINUE;
    }
  }

  record Set(int line, Target target, Expression expression) implements Statement {
    @Override
    public Flow run(Interpreter in) {
      target.assign(in, in.value(expression));
      return Flow.NEXT;
    }
  }

  /** Assigns the text that the body prints. */
  record SetBlock(int line, Target target, FilterChain filters, List<Statement> body)
      implements Statement {
    @Override
    public Flow run(Interpreter in) {
      Interpreter.Printed printed = in.capture(new Scope(in.scope()), body);
      if (printed.flow() == Flow.NEXT) {
        target.assign(in, filters.apply(in, printed.text()));
      }
      return printed.flow();
    }
  }

  record FilterBlock(int line, FilterChain filters, List<Statement> body) implements Statement {
    @Override
    public Flow run(Interpreter in) {
      Interpreter.Printed printed = in.capture(new Scope(in.scope()), body);
      if (printed.flow() == Flow.NEXT) {
        in.print(Values.text(filters.apply(in, printed.text())));
      }
      return printed.flow();
    }
  }

  /** {@code with}, {@code block} and other bodies that have variables of their own. */
  record Scoped(int line, List<Target> targets, List<Expression> values, List<Statement> body)
      implements Statement {
    @Override
    public Flow run(Interpreter in) {
      List<Object> given = in.values(values);
      Scope scope = new Scope(in.scope());
      return in.within(
          scope,
          () -> {
            for (int i = 0; i < given.size(); i++) {
              targets.get(i).assign(in, given.get(i));
            }
            return in.run(body);
          });
    }
  }

  record MacroDefinition(int line, String name, Signature signature, List<Statement> body)
      implements Statement {
    @Override
    public Flow run(Interpreter in) {
      in.scope().set(name, new Macro(name, signature, body, in, in.scope()));
      return Flow.NEXT;
    }
  }

  record CallBlock(int line, Expression.Call call, Signature signature, List<Statement> body)
      implements Statement {
    @Override
    public Flow run(Interpreter in) {
      Arguments given = call.passed().arguments(in);
      Map<String, Object> named = new LinkedHashMap<>(given.named());
      named.put("caller", new Macro("caller", signature, body, in, in.scope()));
      in.print(Values.text(call.call(in, new Arguments(given.positional(), named))));
      return Flow.NEXT;
    }
  }

  /**
   * The parameters of a macro.
   *
   * @param defaults of the last parameters
   * @param takesMore whether the body reads {@code varargs}
   * @param takesNamed whether the body reads {@code kwargs}
   */
  record Signature(
      List<String> parameters, List<Expression> defaults, boolean takesMore, boolean takesNamed) {}

  /** Filters that are applied to the text of a block. */
  record FilterChain(List<String> names, List<Expression.Passed> passed) {
    Object apply(Interpreter in, Object text) {
      Object value = text;
      for (int i = 0; i < names.size(); i++) {
        value = Filters.apply(names.get(i), value, passed.get(i).arguments(in));
      }
      return value;
    }
  }

  /** What a value is assigned to. */
  sealed interface Target {
    void assign(Interpreter in, Object value);
  }

  record NameTarget(String name) implements Target {
    @Override
    public void assign(Interpreter in, Object value) {
      in.scope().set(name, value);
    }
  }

  record TupleTarget(List<Target> targets) implements Target {
    @Override
    public void assign(Interpreter in, Object value) {
      Values.requireDefined(value);
      List<Object> items = Values.items(value);
      if (items.size() != targets.size()) {
        throw new JinjaException(
            "cannot assign " + items.size() + " values to " + targets.size() + " names");
      }
      for (int i = 0; i < items.size(); i++) {
        targets.get(i).assign(in, items.get(i));
      }
    }
  }

  record NamespaceTarget(String namespace, String attribute) implements Target {
    @Override
    public void assign(Interpreter in, Object value) {
      if (!(in.scope().get(namespace) instanceof Namespace target)) {
        throw new JinjaException(
            "cannot set " + namespace + "." + attribute + ": it is not a namespace");
      }
      target.set(attribute, value);
    }
  }
}
