package io.glmimage.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** The state of one rendering: the variables in scope, and what has been printed. */
final class Interpreter {
  private Scope scope;
  private StringBuilder out = new StringBuilder();

  Interpreter(Map<String, ?> variables) {
    Scope globals = new Scope(null);
    Globals.addTo(globals);
    variables.forEach(globals::set);
    this.scope = new Scope(globals);
  }

  /** What a body printed, and how it ended. */
  record Printed(String text, Statement.Flow flow) {}

  Scope scope() {
    return scope;
  }

  String output() {
    return out.toString();
  }

  void print(String text) {
    Budget.use(text.length());
    out.append(text);
  }

  Object value(Expression expression) {
    Budget.use(1);
    return expression.value(this);
  }

  List<Object> values(List<Expression> expressions) {
    List<Object> values = new ArrayList<>();
    for (Expression expression : expressions) {
      values.add(value(expression));
    }
    return values;
  }

  Statement.Flow run(List<Statement> body) {
    for (Statement statement : body) {
      Budget.use(1);
      try {
        Statement.Flow flow = statement.run(this);
        if (flow != Statement.Flow.NEXT) {
          return flow;
        }
      } catch (JinjaException e) {
        throw e.at(statement.line());
      }
    }
    return Statement.Flow.NEXT;
  }

  /** Runs with other variables. */
  <T> T within(Scope inner, Supplier<T> action) {
    Scope outer = scope;
    scope = inner;
    try {
      return action.get();
    } finally {
      scope = outer;
    }
  }

  /** Runs a body and keeps what it prints. */
  Printed capture(Scope inner, List<Statement> body) {
    return capture(inner, () -> run(body));
  }

  /** Runs an action and keeps what it prints. */
  Printed capture(Scope inner, Supplier<Statement.Flow> action) {
    StringBuilder outer = out;
    out = new StringBuilder();
    try {
      Statement.Flow flow = within(inner, action);
      return new Printed(out.toString(), flow);
    } finally {
      out = outer;
    }
  }
}
