package io.glmimage.jinja;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The arguments of a call, without and with names. */
record Arguments(List<Object> positional, Map<String, Object> named) {
  static final Arguments NONE = new Arguments(List.of(), Map.of());

  /** Arguments by the names of parameters; those that were not given have no value. */
  static final class Bound {
    private final Map<String, Object> values;

    private Bound(Map<String, Object> values) {
      this.values = values;
    }

    Object get(String name, Object otherwise) {
      return values.containsKey(name) ? values.get(name) : otherwise;
    }

    Object require(String name) {
      if (!values.containsKey(name)) {
        throw new JinjaException("the argument \"" + name + "\" is missing");
      }
      return values.get(name);
    }

    String text(String name, String otherwise) {
      return values.containsKey(name) ? Values.string(values.get(name)) : otherwise;
    }

    boolean flag(String name, boolean otherwise) {
      return values.containsKey(name) ? Values.truth(values.get(name)) : otherwise;
    }

    int count(String name, int otherwise) {
      return values.containsKey(name) ? Numbers.count(values.get(name)) : otherwise;
    }
  }

  /** Matches the arguments with the parameters of a function. */
  Bound bind(String function, List<String> parameters) {
    if (positional.size() > parameters.size()) {
      throw new JinjaException(
          "\""
              + function
              + "\" takes at most "
              + parameters.size()
              + " arguments, got "
              + positional.size());
    }
    Map<String, Object> values = new HashMap<>();
    for (int i = 0; i < positional.size(); i++) {
      values.put(parameters.get(i), positional.get(i));
    }
    named.forEach(
        (name, value) -> {
          if (!parameters.contains(name) || values.containsKey(name)) {
            throw new JinjaException(
                "\"" + function + "\" does not take the argument \"" + name + "\"");
          }
          values.put(name, value);
        });
    return new Bound(values);
  }
}
