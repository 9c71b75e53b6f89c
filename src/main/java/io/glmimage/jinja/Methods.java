package io.glmimage.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The attributes and methods of values that templates may use. A fixed table; methods that change a
 * value are not in it, as in Jinja's immutable sandbox.
 */
final class Methods {
  /** Methods of Python's lists and dictionaries that change them. */
  private static final Set<String> CHANGING =
      Set.of(
          "append",
          "clear",
          "extend",
          "insert",
          "pop",
          "popitem",
          "remove",
          "reverse",
          "setdefault",
          "sort",
          "update");

  /** Stands for an attribute that does not exist; null is the value None. */
  static final Object ABSENT = new Object();

  private Methods() {}

  /** The attribute or method of a value; {@link #ABSENT} if it has none of the name. */
  static Object find(Object of, String name) {
    if (of instanceof Attributed attributed) {
      return attributed.attribute(name);
    }
    if (of instanceof Namespace namespace) {
      return namespace.get(name);
    }
    if (of instanceof String text) {
      return StringMethods.find(text, name);
    }
    if (of instanceof Map<?, ?> map) {
      return ofMapping(map, name);
    }
    if (of instanceof List || of instanceof Tuple || of instanceof Range) {
      return ofSequence(of, name);
    }
    return ABSENT;
  }

  /** A value with attributes of its own. */
  interface Attributed {
    /** The attribute; {@link #ABSENT} if there is none of the name. */
    Object attribute(String name);
  }

  private static Object ofMapping(Map<?, ?> map, String name) {
    if (CHANGING.contains(name)) {
      return Undefined.unsafe(map, name);
    }
    return switch (name) {
      case "get" ->
          function(
              name,
              List.of("key", "default"),
              given -> {
                Object key = Values.key(given.require("key"));
                return map.containsKey(key) ? map.get(key) : given.get("default", null);
              });
      case "keys" ->
          function(
              name, List.of(), given -> new DictView("dict_keys", new ArrayList<>(map.keySet())));
      case "values" ->
          function(
              name, List.of(), given -> new DictView("dict_values", new ArrayList<>(map.values())));
      case "items" -> function(name, List.of(), given -> new DictView("dict_items", pairs(map)));
      case "copy" -> function(name, List.of(), given -> map);
      default -> ABSENT;
    };
  }

  /** The entries of a mapping as tuples. */
  static List<Object> pairs(Map<?, ?> map) {
    List<Object> pairs = new ArrayList<>();
    for (Map.Entry<?, ?> entry : map.entrySet()) {
      List<Object> pair = new ArrayList<>();
      pair.add(entry.getKey());
      pair.add(entry.getValue());
      pairs.add(new Tuple(pair));
    }
    return pairs;
  }

  private static Object ofSequence(Object sequence, String name) {
    List<Object> items = Values.sequence(sequence);
    if (sequence instanceof List && CHANGING.contains(name)) {
      return Undefined.unsafe(sequence, name);
    }
    return switch (name) {
      case "count" ->
          function(
              name,
              List.of("value"),
              given ->
                  items.stream()
                      .filter(item -> Values.equal(item, given.require("value")))
                      .count());
      case "index" ->
          function(
              name,
              List.of("value"),
              given -> {
                for (int i = 0; i < items.size(); i++) {
                  if (Values.equal(items.get(i), given.require("value"))) {
                    return (long) i;
                  }
                }
                throw new JinjaException(
                    "the list does not have " + Values.quoted(given.require("value")));
              });
      case "copy" ->
          sequence instanceof List ? function(name, List.of(), given -> sequence) : ABSENT;
      default -> ABSENT;
    };
  }

  /** The body of a method. */
  interface Body {
    Object call(Arguments.Bound given);
  }

  static Function function(String name, List<String> parameters, Body body) {
    return arguments -> body.call(arguments.bind(name, parameters));
  }
}
