package io.glmimage.jinja;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The functions that templates may call: Jinja's own, and those that transformers adds. */
final class Globals {
  private Globals() {}

  static void addTo(Scope scope) {
    add(scope, "range", Range::of);
    add(scope, "dict", Globals::dict);
    add(scope, "namespace", Namespace::of);
    add(scope, "cycler", arguments -> new Cycler(arguments.positional()));
    add(scope, "joiner", Globals::joiner);
    add(scope, "raise_exception", Globals::raise);
    add(scope, "strftime_now", Clock::format);
  }

  private static void add(Scope scope, String name, Function function) {
    scope.set(name, function);
  }

  private static Object dict(Arguments arguments) {
    Map<Object, Object> dict = new LinkedHashMap<>();
    for (Object given : arguments.positional()) {
      if (given instanceof Map<?, ?> map) {
        dict.putAll(map);
      } else {
        for (Object pair : Values.items(given)) {
          List<Object> both = Values.items(pair);
          if (both.size() != 2) {
            throw new JinjaException("dict takes pairs");
          }
          dict.put(Values.key(both.get(0)), both.get(1));
        }
      }
    }
    dict.putAll(arguments.named());
    return dict;
  }

  /** Nothing at the first call, the separator after that. */
  private static Object joiner(Arguments arguments) {
    String separator = arguments.bind("joiner", List.of("sep")).text("sep", ", ");
    boolean[] used = new boolean[1];
    return (Function)
        none -> {
          String text = used[0] ? separator : "";
          used[0] = true;
          return text;
        };
  }

  private static Object raise(Arguments arguments) {
    throw new JinjaException(
        Values.text(arguments.bind("raise_exception", List.of("message")).require("message")));
  }

  /** Goes round the values. */
  private static final class Cycler implements Methods.Attributed {
    private final List<Object> values;
    private int position;

    private Cycler(List<Object> values) {
      if (values.isEmpty()) {
        throw new JinjaException("cycler has no values");
      }
      this.values = values;
    }

    @Override
    public Object attribute(String name) {
      return switch (name) {
        case "next" -> (Function) none -> next();
        case "current" -> values.get(position);
        case "reset" ->
            (Function)
                none -> {
                  position = 0;
                  return null;
                };
        default -> Methods.ABSENT;
      };
    }

    private Object next() {
      Object value = values.get(position);
      position = (position + 1) % values.size();
      return value;
    }
  }
}
