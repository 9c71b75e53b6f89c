package io.glmimage.jinja;

import java.util.List;
import java.util.Map;

/**
 * A parsed template. Values given to it are strings, numbers, booleans, null, lists, maps with
 * string keys and {@link OpaqueValue}s. They are never interpreted as templates and never changed.
 *
 * <p>Rendering is limited: a template that takes too many steps, builds too much text or recurses
 * too deeply fails.
 *
 * <p>Immutable and thread-safe.
 */
public final class JinjaTemplate {
  private static final int MAX_SOURCE_CHARS = 1 << 20;

  private final List<Statement> body;

  private JinjaTemplate(List<Statement> body) {
    this.body = body;
  }

  /**
   * @throws JinjaException if the template has a syntax error, or uses a filter, test or tag that
   *     does not exist
   */
  public static JinjaTemplate parse(String source) {
    if (source.length() > MAX_SOURCE_CHARS) {
      throw new JinjaException("the template is longer than " + MAX_SOURCE_CHARS + " characters");
    }
    try {
      return new JinjaTemplate(new Parser(Lexer.tokens(source)).parse());
    } catch (StackOverflowError e) {
      throw new JinjaException("the template is nested too deeply");
    }
  }

  private static long characters(Object value) {
    if (value instanceof String text) {
      return text.length();
    }
    if (value instanceof Map<?, ?> map) {
      return map.values().stream().mapToLong(JinjaTemplate::characters).sum();
    }
    return value instanceof List<?> list
        ? list.stream().mapToLong(JinjaTemplate::characters).sum()
        : 0;
  }

  /**
   * @throws JinjaException if the template fails, or raises an exception itself
   */
  public String render(Map<String, ?> variables) {
    return Budget.limited(
        characters(variables),
        () -> {
          Interpreter interpreter = new Interpreter(variables);
          interpreter.run(body);
          return interpreter.output();
        });
  }
}
