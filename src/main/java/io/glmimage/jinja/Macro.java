package io.glmimage.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A macro, or the body of a call block, with the variables around its definition. */
final class Macro implements Function, Methods.Attributed {
  private final String name;
  private final Statement.Signature signature;
  private final List<Statement> body;
  private final Interpreter in;
  private final Scope outer;

  Macro(
      String name,
      Statement.Signature signature,
      List<Statement> body,
      Interpreter in,
      Scope outer) {
    this.name = name;
    this.signature = signature;
    this.body = body;
    this.in = in;
    this.outer = outer;
  }

  @Override
  public Object call(Arguments arguments) {
    Scope scope = new Scope(outer);
    Map<String, Object> named = new LinkedHashMap<>(arguments.named());
    List<String> parameters = signature.parameters();
    int given = arguments.positional().size();
    Budget.enter();
    try {
      in.within(
          scope,
          () -> {
            bind(scope, arguments.positional(), named);
            return null;
          });
      if (!parameters.contains("caller")) {
        scope.set(
            "caller",
            named.containsKey("caller") ? named.remove("caller") : Undefined.name("caller"));
      }
      scope.set("kwargs", named);
      scope.set(
          "varargs",
          new Tuple(
              given <= parameters.size()
                  ? List.of()
                  : new ArrayList<>(arguments.positional().subList(parameters.size(), given))));
      // Jinja refuses arguments that no parameter takes, unless the body reads them all.
      if (!named.isEmpty() && !signature.takesNamed()) {
        throw new JinjaException(
            "the macro \""
                + name
                + "\" does not take the argument \""
                + named.keySet().iterator().next()
                + "\"");
      }
      if (given > parameters.size() && !signature.takesMore()) {
        throw new JinjaException(
            "the macro \""
                + name
                + "\" takes at most "
                + parameters.size()
                + " arguments, got "
                + given);
      }
      return in.capture(scope, body).text();
    } finally {
      Budget.leave();
    }
  }

  /** Defaults may use the parameters before them. */
  private void bind(Scope scope, List<Object> positional, Map<String, Object> named) {
    List<String> parameters = signature.parameters();
    int required = parameters.size() - signature.defaults().size();
    for (int i = 0; i < parameters.size(); i++) {
      String parameter = parameters.get(i);
      Object value;
      if (i < positional.size()) {
        value = positional.get(i);
      } else if (named.containsKey(parameter)) {
        value = named.remove(parameter);
      } else if (i >= required) {
        value = in.value(signature.defaults().get(i - required));
      } else {
        value =
            new Undefined("the macro \"" + name + "\" was called without \"" + parameter + "\"");
      }
      scope.set(parameter, value);
    }
  }

  @Override
  public Object attribute(String attribute) {
    return switch (attribute) {
      case "name" -> name;
      case "arguments" -> new Tuple(new ArrayList<>(signature.parameters()));
      default -> Methods.ABSENT;
    };
  }
}
