package io.glmimage.jinja;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Cuts a template into tokens, with Jinja's rules for white space. A {@code -} at a tag strips the
 * text next to it. A line end after a tag is dropped. White space before a tag that begins its line
 * is also dropped, unless the tag has a {@code +}.
 */
final class Lexer {
  private static final int FLAGS = Pattern.DOTALL | Pattern.UNICODE_CHARACTER_CLASS;

  /** White space as Python counts it. */
  private static final String SPACE = "[\\s\\x1c-\\x1f]";

  private static final Pattern RAW_BEGIN =
      Pattern.compile(
          "\\{%([-+]?)" + SPACE + "*raw" + SPACE + "*(?:-%\\}" + SPACE + "*|%\\})", FLAGS);
  private static final Pattern RAW_END =
      Pattern.compile(
          "\\{%([-+]?)" + SPACE + "*endraw" + SPACE + "*(?:\\+%\\}|-%\\}" + SPACE + "*|%\\}\\n?)",
          FLAGS);
  private static final Pattern COMMENT_END =
      Pattern.compile("(?:\\+#\\}|-#\\}" + SPACE + "*|#\\}\\n?)", FLAGS);
  private static final Pattern TAG_END =
      Pattern.compile("(?:\\+%\\}|-%\\}" + SPACE + "*|%\\}\\n?)", FLAGS);
  private static final Pattern PRINT_END =
      Pattern.compile("(?:-\\}\\}" + SPACE + "*|\\}\\})", FLAGS);
  private static final Pattern SPACES = Pattern.compile(SPACE + "+", FLAGS);
  private static final Pattern FLOAT =
      Pattern.compile(
          "(?<!\\.)(?:[0-9]+_)*[0-9]+(?:(?:\\.(?:[0-9]+_)*[0-9]+)?[eE][+-]?(?:[0-9]+_)*[0-9]+|\\.(?:[0-9]+_)*[0-9]+)");
  private static final Pattern INTEGER =
      Pattern.compile(
          "0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[0-9a-fA-F])+|[1-9](?:_?[0-9])*|0(?:_?0)*");
  private static final Pattern NAME =
      Pattern.compile("[\\p{L}\\p{Nl}_][\\p{L}\\p{Nl}\\p{Mn}\\p{Mc}\\p{Nd}\\p{Pc}]*");
  private static final Pattern STRING =
      Pattern.compile(
          "'[^'\\\\]*+(?:\\\\.[^'\\\\]*+)*+'|\"[^\"\\\\]*+(?:\\\\.[^\"\\\\]*+)*+\"",
          Pattern.DOTALL);

  /** Longest first. */
  private static final List<String> OPERATORS =
      List.of(
          "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{",
          "}", ">", "<", "=", ".", ":", "|", ",", ";");

  private final String source;
  private final List<Token> tokens = new ArrayList<>();
  private int position;
  private int line = 1;

  private String matched = "";

  /** Whether the text that follows begins a line. */
  private boolean lineStarts = true;

  private Lexer(String source) {
    this.source = source;
  }

  static List<Token> tokens(String template) {
    String lines = template.replace("\r\n", "\n").replace('\r', '\n');
    Lexer lexer = new Lexer(lines.endsWith("\n") ? lines.substring(0, lines.length() - 1) : lines);
    lexer.run();
    return lexer.tokens;
  }

  private void run() {
    while (position < source.length()) {
      int tag = nextTag();
      if (tag < 0) {
        data(source.substring(position));
        position = source.length();
        break;
      }
      tag(tag);
    }
    add(Token.Kind.END, "");
  }

  /** The position of the next tag, comment or print; -1 if there is none. */
  private int nextTag() {
    for (int i = source.indexOf('{', position);
        i >= 0 && i + 1 < source.length();
        i = source.indexOf('{', i + 1)) {
      if ("{%#".indexOf(source.charAt(i + 1)) >= 0) {
        return i;
      }
    }
    return -1;
  }

  private void tag(int at) {
    String text = source.substring(position, at);
    char kind = source.charAt(at + 1);
    char sign = at + 2 < source.length() ? source.charAt(at + 2) : ' ';
    data(text, strip(text, sign, kind != '{'));
    // Stripped text has line ends, too.
    line += lines(text);
    Matcher raw = matcher(RAW_BEGIN, at);
    if (raw.lookingAt()) {
      moveTo(raw.end());
      raw();
      return;
    }
    int inside = at + (sign == '-' || sign == '+' ? 3 : 2);
    position = at;
    switch (kind) {
      case '#' -> comment(inside);
      case '%' -> {
        add(Token.Kind.TAG_BEGIN, "{%");
        position = inside;
        inside(Token.Kind.TAG_END, TAG_END, "%}");
      }
      default -> {
        add(Token.Kind.PRINT_BEGIN, "{{");
        position = inside;
        inside(Token.Kind.PRINT_END, PRINT_END, "}}");
      }
    }
  }

  private String strip(String text, char sign, boolean block) {
    if (sign == '-') {
      return PythonText.stripEnd(text);
    }
    if (sign != '+' && block) {
      int start = text.lastIndexOf('\n') + 1;
      if ((start > 0 || lineStarts) && PythonText.isSpace(text.substring(start))) {
        return text.substring(0, start);
      }
    }
    return text;
  }

  private void comment(int inside) {
    Matcher end = matcher(COMMENT_END, inside);
    if (!end.find()) {
      throw new JinjaException("a comment is not closed: \"#}\" is missing", line);
    }
    moveTo(end.end());
  }

  private void raw() {
    int begin = position;
    Matcher end = matcher(RAW_END, begin);
    if (!end.find()) {
      throw new JinjaException("a raw block is not closed: \"{% endraw %}\" is missing", line);
    }
    String text = source.substring(begin, end.start());
    char sign = end.group(1).isEmpty() ? ' ' : end.group(1).charAt(0);
    data(text, strip(text, sign, true));
    moveTo(end.end());
  }

  /** The tokens of a tag or a print, up to its end. */
  private void inside(Token.Kind endKind, Pattern end, String endText) {
    int begun = line;
    Deque<Character> open = new ArrayDeque<>();
    while (true) {
      if (position >= source.length()) {
        throw new JinjaException("\"" + endText + "\" is missing", begun);
      }
      if (open.isEmpty() && matches(end)) {
        add(endKind, endText);
        moveTo(position + matched.length());
        return;
      }
      if (matches(SPACES)) {
        moveTo(position + matched.length());
      } else if (matches(FLOAT)) {
        token(Token.Kind.FLOAT, matched.replace("_", ""));
      } else if (matches(INTEGER)) {
        token(Token.Kind.INTEGER, matched.replace("_", ""));
      } else if (matches(NAME)) {
        token(Token.Kind.NAME, matched);
      } else if (matches(STRING)) {
        String literal = matched.substring(1, matched.length() - 1);
        token(Token.Kind.STRING, PythonText.unescape(literal, line));
      } else {
        operator(open);
      }
    }
  }

  /** Whether a pattern matches at the current position; {@link #matched} is then the text. */
  private boolean matches(Pattern pattern) {
    Matcher matcher = matcher(pattern, position);
    if (!matcher.lookingAt()) {
      return false;
    }
    matched = matcher.group();
    return true;
  }

  private void token(Token.Kind kind, String text) {
    add(kind, text);
    moveTo(position + matched.length());
  }

  private void operator(Deque<Character> open) {
    for (String operator : OPERATORS) {
      if (source.startsWith(operator, position)) {
        balance(operator.charAt(0), open);
        add(Token.Kind.OPERATOR, operator);
        position += operator.length();
        return;
      }
    }
    int unexpected = source.codePointAt(position);
    throw new JinjaException(
        "unexpected character \"" + Character.toString(unexpected) + "\"", line);
  }

  private void balance(char operator, Deque<Character> open) {
    switch (operator) {
      case '(' -> open.push(')');
      case '[' -> open.push(']');
      case '{' -> open.push('}');
      case ')', ']', '}' -> {
        if (open.isEmpty() || open.pop() != operator) {
          throw new JinjaException("unexpected \"" + operator + "\"", line);
        }
      }
      default -> {}
    }
  }

  private Matcher matcher(Pattern pattern, int from) {
    return pattern.matcher(source).region(from, source.length()).useTransparentBounds(true);
  }

  private void data(String text) {
    data(text, text);
    line += lines(text);
  }

  private void data(String text, String stripped) {
    if (!stripped.isEmpty()) {
      add(Token.Kind.DATA, stripped);
    }
    position += text.length();
  }

  private void moveTo(int end) {
    line += lines(source.substring(position, end));
    position = end;
    lineStarts = source.charAt(end - 1) == '\n';
  }

  private static int lines(String text) {
    return (int) text.chars().filter(c -> c == '\n').count();
  }

  private void add(Token.Kind kind, String text) {
    tokens.add(new Token(kind, text, line));
  }
}
