package io.glmimage.jinja;

import static java.util.Map.entry;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/** Jinja's filters, without those that need HTML, chance or a clock. */
final class Filters {
  private interface Body {
    Object apply(Object value, Arguments.Bound given);
  }

  private record Filter(List<String> parameters, Body body) {}

  /** Filters whose arguments are those of another filter or test. */
  private interface Open {
    Object apply(Object value, Arguments arguments);
  }

  private static final Map<String, Filter> FILTERS =
      Map.ofEntries(
          filter("abs", (value, given) -> abs(value)),
          filter(
              "attr",
              (value, given) -> attribute(value, Values.string(given.require("name"))),
              "name"),
          filter("batch", Filters::batch, "linecount", "fill_with"),
          filter("capitalize", (value, given) -> PythonText.capitalize(Values.text(value))),
          filter("center", Filters::center, "width"),
          filter("count", (value, given) -> Values.length(value)),
          filter("d", Filters::orDefault, "default_value", "boolean"),
          filter("default", Filters::orDefault, "default_value", "boolean"),
          filter("dictsort", Filters::dictsort, "case_sensitive", "by", "reverse"),
          filter("e", (value, given) -> escape(Values.text(value))),
          filter("escape", (value, given) -> escape(Values.text(value))),
          filter("first", (value, given) -> end(value, true)),
          filter("float", Filters::toFloat, "default"),
          filter("forceescape", (value, given) -> escape(Values.text(value))),
          filter("groupby", Filters::groupby, "attribute", "default", "case_sensitive"),
          filter("indent", Filters::indent, "width", "first", "blank"),
          filter("int", Filters::toInt, "default", "base"),
          filter("items", (value, given) -> items(value)),
          filter("join", Filters::join, "d", "attribute"),
          filter("last", (value, given) -> end(value, false)),
          filter("length", (value, given) -> Values.length(value)),
          filter("list", (value, given) -> new ArrayList<>(Values.items(value))),
          filter("lower", (value, given) -> PythonText.lower(Values.text(value))),
          filter("max", (value, given) -> extreme(value, given, 1), "case_sensitive", "attribute"),
          filter("min", (value, given) -> extreme(value, given, -1), "case_sensitive", "attribute"),
          filter("replace", Filters::replace, "old", "new", "count"),
          filter("reverse", (value, given) -> reverse(value)),
          filter("round", Filters::round, "precision", "method"),
          filter("safe", (value, given) -> Values.text(value)),
          filter("slice", Filters::slice, "slices", "fill_with"),
          filter("sort", Filters::sort, "reverse", "case_sensitive", "attribute"),
          filter("string", (value, given) -> Values.text(value)),
          filter("sum", Filters::sum, "attribute", "start"),
          filter("title", (value, given) -> title(Values.text(value))),
          filter("tojson", JsonText::filter, "ensure_ascii", "indent", "separators", "sort_keys"),
          filter("trim", Filters::trim, "chars"),
          filter("unique", Filters::unique, "case_sensitive", "attribute"),
          filter("upper", (value, given) -> PythonText.upper(Values.text(value))),
          filter("wordcount", (value, given) -> wordcount(Values.text(value))));

  private static final Map<String, Open> OPEN =
      Map.of(
          "format", Filters::format,
          "map", Filters::map,
          "select", (value, arguments) -> select(value, arguments, false, true),
          "reject", (value, arguments) -> select(value, arguments, false, false),
          "selectattr", (value, arguments) -> select(value, arguments, true, true),
          "rejectattr", (value, arguments) -> select(value, arguments, true, false));

  private Filters() {}

  private static Map.Entry<String, Filter> filter(String name, Body body, String... parameters) {
    return entry(name, new Filter(List.of(parameters), body));
  }

  static boolean exists(String name) {
    return FILTERS.containsKey(name) || OPEN.containsKey(name);
  }

  static Object apply(String name, Object value, Arguments arguments) {
    Budget.use(value instanceof String text ? text.length() : 1);
    if (OPEN.containsKey(name)) {
      return OPEN.get(name).apply(value, arguments);
    }
    Filter filter = FILTERS.get(name);
    if (filter == null) {
      throw new JinjaException("the filter \"" + name + "\" is unknown or not supported");
    }
    return filter.body().apply(value, arguments.bind(name, filter.parameters()));
  }

  private static Object abs(Object value) {
    if (value instanceof Double number) {
      return Math.abs(number);
    }
    return Math.abs(Numbers.index(value));
  }

  /** An attribute, never an item. */
  private static Object attribute(Object value, String name) {
    if (value instanceof Map<?, ?> map
        && map.containsKey(name)
        && Methods.find(value, name) == Methods.ABSENT) {
      return Undefined.attribute(value, name);
    }
    return Lookup.attribute(value, name);
  }

  private static Object orDefault(Object value, Arguments.Bound given) {
    boolean missing =
        value instanceof Undefined || (given.flag("boolean", false) && !Values.truth(value));
    return missing ? given.get("default_value", "") : value;
  }

  private static Object batch(Object value, Arguments.Bound given) {
    int size = given.count("linecount", 0);
    List<Object> items = Values.items(value);
    if (size < 1) {
      throw new JinjaException("batch needs a size above 0");
    }
    List<Object> batches = new ArrayList<>();
    for (int i = 0; i < items.size(); i += size) {
      List<Object> batch = new ArrayList<>(items.subList(i, Math.min(items.size(), i + size)));
      Object fill = given.get("fill_with", null);
      if (fill != null) {
        Budget.use(size);
        while (batch.size() < size) {
          batch.add(fill);
        }
      }
      batches.add(batch);
    }
    return new Stream(batches);
  }

  private static Object slice(Object value, Arguments.Bound given) {
    int slices = given.count("slices", 0);
    if (slices < 1) {
      throw new JinjaException("slice needs a number above 0");
    }
    Budget.use(slices);
    List<Object> items = Values.items(value);
    int each = items.size() / slices;
    int longer = items.size() % slices;
    Object fill = given.get("fill_with", null);
    List<Object> out = new ArrayList<>();
    for (int i = 0; i < slices; i++) {
      int start = i * each + Math.min(i, longer);
      List<Object> part =
          new ArrayList<>(items.subList(start, start + each + (i < longer ? 1 : 0)));
      if (fill != null && i >= longer) {
        part.add(fill);
      }
      out.add(part);
    }
    return new Stream(out);
  }

  private static Object center(Object value, Arguments.Bound given) {
    return StringMethods.pad(Values.text(value), "center", given.count("width", 80), " ");
  }

  private static Object dictsort(Object value, Arguments.Bound given) {
    int part =
        switch (given.text("by", "key")) {
          case "key" -> 0;
          case "value" -> 1;
          default -> throw new JinjaException("dictsort goes by \"key\" or \"value\"");
        };
    boolean caseSensitive = given.flag("case_sensitive", false);
    return sorted(
        Methods.pairs(Values.dict(value)),
        pair -> folded(((Tuple) pair).items().get(part), caseSensitive),
        given.flag("reverse", false));
  }

  private static Object sort(Object value, Arguments.Bound given) {
    boolean caseSensitive = given.flag("case_sensitive", false);
    List<Getter> getters = new ArrayList<>();
    if (given.get("attribute", null) instanceof String names) {
      for (String name : names.split(",", -1)) {
        getters.add(getter(name, null));
      }
    } else {
      getters.add(getter(given.get("attribute", null), null));
    }
    return sorted(
        Values.items(value),
        item -> {
          List<Object> keys = new ArrayList<>();
          getters.forEach(getter -> keys.add(folded(getter.of(item), caseSensitive)));
          return keys;
        },
        given.flag("reverse", false));
  }

  private interface Getter {
    Object of(Object item);
  }

  private static List<Object> sorted(List<Object> items, Getter key, boolean reverse) {
    Comparator<Object> order = (a, b) -> Values.compare(key.of(a), key.of(b));
    List<Object> sorted = new ArrayList<>(items);
    sorted.sort(reverse ? order.reversed() : order);
    return sorted;
  }

  /** Text without its case, unless that counts. */
  private static Object folded(Object value, boolean caseSensitive) {
    return value instanceof String text && !caseSensitive ? PythonText.lower(text) : value;
  }

  /** Reads {@code "a.b"}, an index or, without a name, the item itself. */
  private static Getter getter(Object name, Object otherwise) {
    if (name == null) {
      return item -> item;
    }
    List<Object> path = new ArrayList<>();
    if (name instanceof String text) {
      for (String part : text.split("\\.", -1)) {
        path.add(part.matches("\\d{1,9}") ? (Object) Long.parseLong(part) : part);
      }
    } else {
      path.add(Numbers.index(name));
    }
    return item -> {
      Object value = item;
      for (Object part : path) {
        value = Lookup.item(value, part);
        if (value instanceof Undefined && otherwise != null) {
          value = otherwise;
        }
      }
      return value;
    };
  }

  private static Object groupby(Object value, Arguments.Bound given) {
    boolean caseSensitive = given.flag("case_sensitive", false);
    Getter getter = getter(given.require("attribute"), given.get("default", null));
    List<Object> groups = new ArrayList<>();
    Object last = null;
    List<Object> members = null;
    for (Object item :
        sorted(Values.items(value), item -> folded(getter.of(item), caseSensitive), false)) {
      Object key = folded(getter.of(item), caseSensitive);
      if (members == null || !Values.equal(last, key)) {
        members = new ArrayList<>();
        groups.add(new Group(getter.of(item), members).tuple());
        last = key;
      }
      members.add(item);
    }
    return groups;
  }

  private record Group(Object key, List<Object> members) {
    Tuple tuple() {
      List<Object> pair = new ArrayList<>();
      pair.add(key);
      pair.add(members);
      return new Tuple(pair);
    }
  }

  static String escape(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("'", "&#39;")
        .replace("\"", "&#34;");
  }

  private static Object end(Object value, boolean first) {
    if (!first && value instanceof Stream) {
      throw new JinjaException("a stream of items has no last item: make it a list first");
    }
    if (first && value instanceof Stream stream) {
      return stream.next(new Undefined("there is no first item"));
    }
    List<Object> items = Values.items(value);
    return items.isEmpty()
        ? new Undefined("there is no " + (first ? "first" : "last") + " item")
        : items.get(first ? 0 : items.size() - 1);
  }

  private static Object toFloat(Object value, Arguments.Bound given) {
    Values.requireDefined(value);
    if (Numbers.isNumber(value)) {
      return Numbers.real(value);
    }
    Double parsed = value instanceof String text ? parse(text) : null;
    return parsed == null ? given.get("default", 0.0) : parsed;
  }

  /** A number as Python reads it; null if it is none. */
  private static Double parse(String text) {
    String stripped = PythonText.strip(text);
    return stripped.matches("[+-]?(\\d+(\\.\\d*)?|\\.\\d+)([eE][+-]?\\d{1,4})?")
        ? Double.valueOf(stripped)
        : null;
  }

  private static Object toInt(Object value, Arguments.Bound given) {
    Values.requireDefined(value);
    if (Numbers.isWhole(value)) {
      return Numbers.whole(value);
    }
    Object otherwise = given.get("default", 0L);
    if (value instanceof String text) {
      String stripped = PythonText.strip(text);
      int base = given.count("base", 10);
      try {
        return Long.parseLong(stripped, base);
      } catch (NumberFormatException e) {
        Double real = parse(text);
        return real == null ? otherwise : whole(real, otherwise);
      }
    }
    return value instanceof Double number ? whole(number, otherwise) : otherwise;
  }

  private static Object whole(double number, Object otherwise) {
    return Double.isNaN(number) || Math.abs(number) >= 0x1p63 ? otherwise : (Object) (long) number;
  }

  private static Object indent(Object value, Arguments.Bound given) {
    Object width = given.get("width", 4L);
    String indent = width instanceof String text ? text : spaces(Numbers.count(width));
    List<Object> lines = StringMethods.lines(Values.string(value) + "\n");
    boolean blank = given.flag("blank", false);
    StringBuilder out = new StringBuilder(given.flag("first", false) ? indent : "");
    for (int i = 0; i < lines.size(); i++) {
      String line = (String) lines.get(i);
      boolean indented = i > 0 && (blank || !line.isEmpty());
      out.append(i > 0 ? "\n" : "").append(indented ? indent : "").append(line);
      Budget.use(indent.length());
    }
    return out.toString();
  }

  private static String spaces(int count) {
    Budget.use(Math.max(0, count));
    return " ".repeat(Math.max(0, count));
  }

  private static Object items(Object value) {
    return value instanceof Undefined
        ? new Stream(List.of())
        : new Stream(Methods.pairs(Values.dict(value)));
  }

  private static Object join(Object value, Arguments.Bound given) {
    Getter getter = getter(given.get("attribute", null), null);
    String separator = Values.text(given.get("d", ""));
    StringBuilder out = new StringBuilder();
    boolean first = true;
    for (Object item : Values.items(value)) {
      out.append(first ? "" : separator).append(Values.text(getter.of(item)));
      Budget.use(separator.length());
      first = false;
    }
    Budget.use(out.length());
    return out.toString();
  }

  private static Object extreme(Object value, Arguments.Bound given, int sign) {
    boolean caseSensitive = given.flag("case_sensitive", false);
    Getter getter = getter(given.get("attribute", null), null);
    Object best = null;
    boolean found = false;
    for (Object item : Values.items(value)) {
      if (!found
          || sign
                  * Values.compare(
                      folded(getter.of(item), caseSensitive),
                      folded(getter.of(best), caseSensitive))
              > 0) {
        best = item;
        found = true;
      }
    }
    return found ? best : new Undefined("there are no items");
  }

  private static Object replace(Object value, Arguments.Bound given) {
    return StringMethods.replace(
        Values.text(value),
        Values.text(given.require("old")),
        Values.text(given.require("new")),
        given.get("count", null) == null ? -1 : given.count("count", -1));
  }

  private static Object reverse(Object value) {
    List<Object> items = new ArrayList<>(Values.items(value));
    Collections.reverse(items);
    if (value instanceof String) {
      StringBuilder out = new StringBuilder();
      items.forEach(out::append);
      return out.toString();
    }
    return new Stream(items);
  }

  private static Object round(Object value, Arguments.Bound given) {
    if (!Numbers.isNumber(value)) {
      throw new JinjaException(Values.failing(value, "cannot round " + Values.type(value)));
    }
    int precision = given.count("precision", 0);
    String method = given.text("method", "common");
    double scale = Math.pow(10, precision);
    return switch (method) {
      case "common" ->
          value instanceof Double number
              ? (Object) Numbers.round(number, precision)
              : precision >= 0
                  ? (Object) Numbers.whole(value)
                  : (long) Numbers.round(Numbers.real(value), precision);
      case "ceil" -> Math.ceil(Numbers.real(value) * scale) / scale;
      case "floor" -> Math.floor(Numbers.real(value) * scale) / scale;
      default ->
          throw new JinjaException("round has the methods \"common\", \"ceil\" and \"floor\"");
    };
  }

  private static Object sum(Object value, Arguments.Bound given) {
    Getter getter = getter(given.get("attribute", null), null);
    Object sum = given.get("start", 0L);
    for (Object item : Values.items(value)) {
      sum = Arithmetic.apply("+", sum, getter.of(item));
    }
    return sum;
  }

  /** Capitalises what follows white space, a hyphen or an opening bracket. */
  private static String title(String text) {
    StringBuilder out = new StringBuilder();
    StringBuilder word = new StringBuilder();
    for (int c : text.codePoints().toArray()) {
      if (PythonText.isSpace(c) || "-({[<".indexOf(c) >= 0) {
        out.append(PythonText.capitalize(word.toString())).appendCodePoint(c);
        word.setLength(0);
      } else {
        word.appendCodePoint(c);
      }
    }
    return out.append(PythonText.capitalize(word.toString())).toString();
  }

  private static Object trim(Object value, Arguments.Bound given) {
    return StringMethods.strip(Values.text(value), "strip", given.get("chars", null));
  }

  private static Object unique(Object value, Arguments.Bound given) {
    boolean caseSensitive = given.flag("case_sensitive", false);
    Getter getter = getter(given.get("attribute", null), null);
    List<Object> keys = new ArrayList<>();
    List<Object> unique = new ArrayList<>();
    for (Object item : Values.items(value)) {
      Object key = Values.key(folded(getter.of(item), caseSensitive));
      if (keys.stream().noneMatch(known -> Values.equal(known, key))) {
        keys.add(key);
        unique.add(item);
      }
    }
    return new Stream(unique);
  }

  private static long wordcount(String text) {
    long words = 0;
    boolean inside = false;
    for (int c : text.codePoints().toArray()) {
      boolean letter = Character.isLetterOrDigit(c) || c == '_';
      words += letter && !inside ? 1 : 0;
      inside = letter;
    }
    return words;
  }

  private static Object format(Object value, Arguments arguments) {
    if (!arguments.named().isEmpty() && !arguments.positional().isEmpty()) {
      throw new JinjaException("format takes values or named values, not both");
    }
    return Formatting.percent(
        Values.text(value),
        arguments.named().isEmpty() ? new Tuple(arguments.positional()) : arguments.named());
  }

  private static Object map(Object value, Arguments arguments) {
    if (!Values.truth(value)) {
      return new Stream(List.of());
    }
    List<Object> out = new ArrayList<>();
    if (arguments.positional().isEmpty() && arguments.named().containsKey("attribute")) {
      Arguments.Bound given = arguments.bind("map", List.of("attribute", "default"));
      Getter getter = getter(given.require("attribute"), given.get("default", null));
      Values.items(value).forEach(item -> out.add(getter.of(item)));
    } else {
      String name = name("map", arguments, 0);
      Arguments rest = rest(arguments, 1);
      for (Object item : Values.items(value)) {
        out.add(apply(name, item, rest));
      }
    }
    return new Stream(out);
  }

  private static Object select(
      Object value, Arguments arguments, boolean byAttribute, boolean selects) {
    if (!Values.truth(value)) {
      return new Stream(List.of());
    }
    int test = byAttribute ? 1 : 0;
    if (byAttribute && arguments.positional().isEmpty()) {
      throw new JinjaException("the name of the attribute is missing");
    }
    Getter getter = byAttribute ? getter(arguments.positional().get(0), null) : item -> item;
    boolean tested = arguments.positional().size() > test;
    String name = tested ? name("select", arguments, test) : "";
    Arguments rest = tested ? rest(arguments, test + 1) : Arguments.NONE;
    List<Object> out = new ArrayList<>();
    for (Object item : Values.items(value)) {
      Object seen = getter.of(item);
      boolean holds = tested ? Tests.holds(name, seen, rest) : Values.truth(seen);
      if (holds == selects) {
        out.add(item);
      }
    }
    return new Stream(out);
  }

  private static String name(String filter, Arguments arguments, int index) {
    if (arguments.positional().size() <= index) {
      throw new JinjaException("\"" + filter + "\" needs the name of a filter or a test");
    }
    return Values.string(arguments.positional().get(index));
  }

  private static Arguments rest(Arguments arguments, int from) {
    return new Arguments(
        arguments.positional().subList(from, arguments.positional().size()), arguments.named());
  }
}
