package io.glmimage.jinja;

import io.glmimage.jinja.Expression.Attribute;
import io.glmimage.jinja.Expression.Binary;
import io.glmimage.jinja.Expression.Call;
import io.glmimage.jinja.Expression.Comparison;
import io.glmimage.jinja.Expression.Concatenation;
import io.glmimage.jinja.Expression.Conditional;
import io.glmimage.jinja.Expression.Constant;
import io.glmimage.jinja.Expression.DictLiteral;
import io.glmimage.jinja.Expression.Filtered;
import io.glmimage.jinja.Expression.Item;
import io.glmimage.jinja.Expression.ListLiteral;
import io.glmimage.jinja.Expression.Name;
import io.glmimage.jinja.Expression.Passed;
import io.glmimage.jinja.Expression.Tested;
import io.glmimage.jinja.Expression.TupleLiteral;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Builds statements from tokens, with Jinja's grammar and order of operators. */
final class Parser {
  private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");

  /**
   * Filters that mark text for HTML. Text is not escaped here, so the mark has an effect only if
   * more is added to the text. Therefore they may only end a print.
   */
  private static final Set<String> MARKING = Set.of("safe", "e", "escape", "forceescape");

  private final List<Token> tokens;
  private int position;

  /** Loops around the current statement, within the same macro. */
  private int loops;

  /** Conditions around the current expression: what Jinja then looks up only if it is reached. */
  private int conditions;

  /** Filters and tests of the current tag that do not exist. */
  private final List<JinjaException> unknown = new ArrayList<>();

  /** Filters that mark text for HTML, other than at the end of a print. */
  private int marks;

  /** The names that the current macro reads. */
  private Set<String> read = new HashSet<>();

  Parser(List<Token> tokens) {
    this.tokens = tokens;
  }

  List<Statement> parse() {
    return body();
  }

  /** Statements up to a tag that begins with one of the names, which stays the current token. */
  private List<Statement> body(String... ends) {
    int begun = position == 0 ? 1 : tokens.get(position - 1).line();
    List<Statement> statements = new ArrayList<>();
    while (true) {
      Token token = token();
      switch (token.kind()) {
        case DATA -> {
          statements.add(new Statement.Text(token.line(), token.text()));
          position++;
        }
        case PRINT_BEGIN -> {
          position++;
          statements.add(new Statement.Print(token.line(), printed()));
          expect(Token.Kind.PRINT_END);
          checkFilters(token.line());
        }
        case TAG_BEGIN -> {
          position++;
          for (String end : ends) {
            if (token().isName(end)) {
              return statements;
            }
          }
          statements.add(statement(ends));
          expect(Token.Kind.TAG_END);
          checkFilters(token.line());
        }
        default -> {
          if (ends.length > 0) {
            throw new JinjaException(
                "the template ends within a block: " + expectation(ends) + " is missing", begun);
          }
          return statements;
        }
      }
    }
  }

  /** Checks the filters and tests of a finished tag. */
  private void checkFilters(int line) {
    if (!unknown.isEmpty()) {
      throw unknown.get(0);
    }
    if (marks > 0) {
      throw new JinjaException(
          "the filters \"safe\" and \"escape\" are supported at the end of a print only", line);
    }
  }

  private static String expectation(String... ends) {
    return "{% " + ends[ends.length - 1] + " %}";
  }

  /** The body of a block, whose tag is complete; its end tag is read up to {@code %}}. */
  private List<Statement> block(String end) {
    expect(Token.Kind.TAG_END);
    List<Statement> body = body(end);
    position++;
    return body;
  }

  private Statement statement(String... ends) {
    Token tag = token();
    if (tag.kind() != Token.Kind.NAME) {
      throw new JinjaException(
          "expected the name of a tag, found " + tag.description(), tag.line());
    }
    position++;
    return switch (tag.text()) {
      case "if" -> conditional(tag.line());
      case "for" -> loop(tag.line());
      case "set" -> assignment(tag.line());
      case "macro" -> macro(tag.line());
      case "call" -> callBlock(tag.line());
      case "filter" -> filterBlock(tag.line());
      case "with" -> with(tag.line());
      case "block" -> namedBlock(tag.line());
      case "generation" -> generation(tag.line());
      case "autoescape" -> autoescape(tag.line());
      case "break", "continue" -> exit(tag);
      case "include", "import", "from", "extends" ->
          throw new JinjaException(
              "the tag \"" + tag.text() + "\" needs other templates, but a checkpoint has only one",
              tag.line());
      default ->
          throw new JinjaException(
              "unknown tag \""
                  + tag.text()
                  + "\""
                  + (ends.length == 0 ? "" : "; " + expectation(ends) + " was expected"),
              tag.line());
    };
  }

  private Statement exit(Token tag) {
    if (loops == 0) {
      throw new JinjaException("\"" + tag.text() + "\" is not inside a loop", tag.line());
    }
    return tag.text().equals("break")
        ? new Statement.Break(tag.line())
        : new Statement.Continue(tag.line());
  }

  private Statement conditional(int line) {
    Expression condition = tuple(false);
    expect(Token.Kind.TAG_END);
    conditions++;
    List<Statement> then = body("elif", "else", "endif");
    List<Statement> otherwise = List.of();
    Token next = take();
    if (next.isName("elif")) {
      otherwise = List.of(conditional(next.line()));
    } else if (next.isName("else")) {
      otherwise = block("endif");
    }
    conditions--;
    return new Statement.If(line, condition, then, otherwise);
  }

  private Statement loop(int line) {
    Statement.Target target = targets(false, "in");
    expectName("in");
    Expression items = tuple(false, "recursive");
    Expression filter = skipName("if") ? expression() : null;
    boolean recursive = skipName("recursive");
    expect(Token.Kind.TAG_END);
    loops++;
    List<Statement> body = body("endfor", "else");
    loops--;
    List<Statement> otherwise = take().isName("else") ? block("endfor") : List.of();
    return new Statement.For(line, target, items, filter, recursive, body, otherwise);
  }

  private Statement assignment(int line) {
    Statement.Target target = targets(true);
    if (skip("=")) {
      return new Statement.Set(line, target, tuple(true));
    }
    Statement.FilterChain filters = filters(skip("|"));
    return new Statement.SetBlock(line, target, filters, block("endset"));
  }

  private Statement filterBlock(int line) {
    Statement.FilterChain filters = filters(true);
    return new Statement.FilterBlock(line, filters, block("endfilter"));
  }

  private Statement.FilterChain filters(boolean any) {
    List<String> names = new ArrayList<>();
    List<Passed> passed = new ArrayList<>();
    for (boolean more = any; more; more = skip("|")) {
      names.add(known(take(Token.Kind.NAME), true));
      passed.add(token().is("(") ? passed() : Passed.NONE);
    }
    return new Statement.FilterChain(names, passed);
  }

  private Statement with(int line) {
    List<Statement.Target> targets = new ArrayList<>();
    List<Expression> values = new ArrayList<>();
    while (token().kind() != Token.Kind.TAG_END) {
      if (!targets.isEmpty()) {
        expect(",");
      }
      targets.add(targets(false));
      expect("=");
      values.add(expression());
    }
    return new Statement.Scoped(line, targets, values, block("endwith"));
  }

  private Statement namedBlock(int line) {
    String name = take(Token.Kind.NAME).text();
    skipName("scoped");
    skipName("required");
    List<Statement> body = function(() -> block("endblock")).body();
    skipName(name);
    return new Statement.Scoped(line, List.of(), List.of(), body);
  }

  /** Marks what a model wrote; it prints its body. */
  private Statement generation(int line) {
    List<Statement> body = function(() -> block("endgeneration")).body();
    return new Statement.Scoped(line, List.of(), List.of(), body);
  }

  private Statement autoescape(int line) {
    Token option = token();
    Expression escape = expression();
    if (!(escape instanceof Constant constant) || Values.truth(constant.constant())) {
      throw new JinjaException("autoescape is supported with \"false\" only", option.line());
    }
    return new Statement.Scoped(line, List.of(), List.of(), block("endautoescape"));
  }

  private Statement macro(int line) {
    String name = take(Token.Kind.NAME).text();
    Parameters parameters = parameters();
    Body body = function(() -> block("endmacro"));
    return new Statement.MacroDefinition(line, name, parameters.signature(body), body.body());
  }

  private Statement callBlock(int line) {
    Parameters parameters = token().is("(") ? parameters() : new Parameters(List.of(), List.of());
    Token called = token();
    if (!(expression() instanceof Call call)) {
      throw new JinjaException("expected a call, found " + called.description(), called.line());
    }
    Body body = function(() -> block("endcall"));
    return new Statement.CallBlock(line, call, parameters.signature(body), body.body());
  }

  private record Parameters(List<String> names, List<Expression> defaults) {
    Statement.Signature signature(Body body) {
      return new Statement.Signature(
          names, defaults, body.read().contains("varargs"), body.read().contains("kwargs"));
    }
  }

  /**
   * @param read the names that it reads
   */
  private record Body(List<Statement> body, Set<String> read) {}

  private interface Parsing {
    List<Statement> body();
  }

  /** A body that is called: loops around it cannot be left from inside. */
  private Body function(Parsing parsing) {
    Set<String> outerRead = read;
    int outerLoops = loops;
    read = new HashSet<>();
    loops = 0;
    Body body = new Body(parsing.body(), read);
    outerRead.addAll(read);
    read = outerRead;
    loops = outerLoops;
    return body;
  }

  private Parameters parameters() {
    List<String> names = new ArrayList<>();
    List<Expression> defaults = new ArrayList<>();
    expect("(");
    while (!token().is(")")) {
      if (!names.isEmpty()) {
        expect(",");
      }
      Token name = take(Token.Kind.NAME);
      names.add(assignable(name));
      if (skip("=")) {
        defaults.add(expression());
      } else if (!defaults.isEmpty()) {
        throw new JinjaException(
            "a parameter without a default follows one with a default", name.line());
      }
    }
    expect(")");
    return new Parameters(names, defaults);
  }

  /** One target, or several with commas between them. */
  private Statement.Target targets(boolean withNamespace, String... ends) {
    List<Statement.Target> targets = new ArrayList<>();
    boolean several = false;
    while (true) {
      if (ends(ends)) {
        break;
      }
      targets.add(target(withNamespace));
      if (!skip(",")) {
        break;
      }
      several = true;
    }
    if (targets.isEmpty()) {
      throw new JinjaException("expected a name, found " + token().description(), token().line());
    }
    return several ? new Statement.TupleTarget(targets) : targets.get(0);
  }

  private Statement.Target target(boolean withNamespace) {
    if (skip("(")) {
      Statement.Target inner = targets(withNamespace);
      expect(")");
      return inner;
    }
    Token name = take(Token.Kind.NAME);
    if (withNamespace && skip(".")) {
      return new Statement.NamespaceTarget(name.text(), take(Token.Kind.NAME).text());
    }
    return new Statement.NameTarget(assignable(name));
  }

  private static String assignable(Token name) {
    if (Set.of("true", "false", "none", "True", "False", "None").contains(name.text())) {
      throw new JinjaException("cannot assign to \"" + name.text() + "\"", name.line());
    }
    return name.text();
  }

  // Expressions, from the loosest operator to the tightest.

  /** The expression of a print. Its last filter may mark the text for HTML. */
  private Expression printed() {
    Expression expression = tuple(true);
    if (expression instanceof Filtered last && MARKING.contains(last.name())) {
      marks--;
    }
    return expression;
  }

  private Expression expression() {
    return conditionalExpression();
  }

  private Expression conditionalExpression() {
    int known = unknown.size();
    Expression then = or();
    while (skipName("if")) {
      unknown.subList(known, unknown.size()).clear();
      conditions++;
      Expression condition = or();
      Expression otherwise = skipName("else") ? conditionalExpression() : null;
      conditions--;
      then = new Conditional(condition, then, otherwise);
    }
    return then;
  }

  private Expression or() {
    Expression left = and();
    while (skipName("or")) {
      left = new Expression.Or(left, and());
    }
    return left;
  }

  private Expression and() {
    Expression left = not();
    while (skipName("and")) {
      left = new Expression.And(left, not());
    }
    return left;
  }

  private Expression not() {
    return skipName("not") ? new Expression.Not(not()) : comparison();
  }

  private Expression comparison() {
    Expression first = sum();
    List<String> operators = new ArrayList<>();
    List<Expression> operands = new ArrayList<>();
    while (true) {
      if (token().kind() == Token.Kind.OPERATOR && COMPARISONS.contains(token().text())) {
        operators.add(take().text());
      } else if (skipName("in")) {
        operators.add("in");
      } else if (token().isName("not") && next().isName("in")) {
        position += 2;
        operators.add("not in");
      } else {
        return operators.isEmpty() ? first : new Comparison(first, operators, operands);
      }
      operands.add(sum());
    }
  }

  private Expression sum() {
    Expression left = concatenation();
    while (token().is("+") || token().is("-")) {
      left = new Binary(take().text(), left, concatenation());
    }
    return left;
  }

  private Expression concatenation() {
    List<Expression> parts = new ArrayList<>(List.of(product()));
    while (skip("~")) {
      parts.add(product());
    }
    return parts.size() == 1 ? parts.get(0) : new Concatenation(parts);
  }

  private Expression product() {
    Expression left = power();
    while (token().is("*") || token().is("/") || token().is("//") || token().is("%")) {
      left = new Binary(take().text(), left, power());
    }
    return left;
  }

  private Expression power() {
    Expression left = unary(true);
    while (skip("**")) {
      left = new Binary("**", left, unary(true));
    }
    return left;
  }

  private Expression unary(boolean withFilters) {
    Expression inner =
        token().is("-") || token().is("+")
            ? new Expression.Sign(take().is("-"), unary(false))
            : primary();
    Expression whole = postfix(inner);
    return withFilters ? filtered(whole) : whole;
  }

  private Expression primary() {
    Token token = take();
    switch (token.kind()) {
      case NAME -> {
        return switch (token.text()) {
          case "true", "True" -> new Constant(true);
          case "false", "False" -> new Constant(false);
          case "none", "None" -> new Constant(null);
          default -> {
            read.add(token.text());
            yield new Name(token.text());
          }
        };
      }
      case STRING -> {
        StringBuilder text = new StringBuilder(token.text());
        while (token().kind() == Token.Kind.STRING) {
          text.append(take().text());
        }
        return new Constant(text.toString());
      }
      case INTEGER -> {
        return new Constant(Numbers.literal(token.text(), token.line()));
      }
      case FLOAT -> {
        return new Constant(Double.parseDouble(token.text()));
      }
      case OPERATOR -> {
        switch (token.text()) {
          case "(" -> {
            Expression inner = token().is(")") ? new TupleLiteral(List.of()) : tuple(true);
            expect(")");
            return inner;
          }
          case "[" -> {
            return new ListLiteral(items("]"));
          }
          case "{" -> {
            return dict();
          }
          default -> {}
        }
      }
      default -> {}
    }
    throw new JinjaException("unexpected " + token.description(), token.line());
  }

  private List<Expression> items(String end) {
    List<Expression> items = new ArrayList<>();
    while (!token().is(end)) {
      if (!items.isEmpty()) {
        expect(",");
        if (token().is(end)) {
          break;
        }
      }
      items.add(expression());
    }
    expect(end);
    return items;
  }

  private Expression dict() {
    List<Expression> keys = new ArrayList<>();
    List<Expression> values = new ArrayList<>();
    while (!token().is("}")) {
      if (!keys.isEmpty()) {
        expect(",");
        if (token().is("}")) {
          break;
        }
      }
      keys.add(expression());
      expect(":");
      values.add(expression());
    }
    expect("}");
    return new DictLiteral(keys, values);
  }

  /** One expression, or a tuple of several with commas between them. */
  private Expression tuple(boolean conditional, String... ends) {
    List<Expression> items = new ArrayList<>();
    boolean several = false;
    while (!ends(ends)) {
      items.add(conditional ? expression() : or());
      if (!skip(",")) {
        break;
      }
      several = true;
    }
    if (several) {
      return new TupleLiteral(items);
    }
    if (items.isEmpty()) {
      throw new JinjaException(
          "expected an expression, found " + token().description(), token().line());
    }
    return items.get(0);
  }

  private boolean ends(String... names) {
    Token token = token();
    if (token.kind() == Token.Kind.PRINT_END
        || token.kind() == Token.Kind.TAG_END
        || token.is(")")) {
      return true;
    }
    for (String name : names) {
      if (token.isName(name)) {
        return true;
      }
    }
    return false;
  }

  private Expression postfix(Expression of) {
    Expression whole = of;
    while (true) {
      if (token().is(".")) {
        position++;
        Token name = take();
        if (name.kind() == Token.Kind.NAME) {
          whole = new Attribute(whole, name.text());
        } else if (name.kind() == Token.Kind.INTEGER) {
          whole = new Item(whole, new Constant(Numbers.literal(name.text(), name.line())));
        } else {
          throw new JinjaException(
              "expected a name or a number, found " + name.description(), name.line());
        }
      } else if (token().is("[")) {
        position++;
        whole = subscript(whole);
      } else if (token().is("(")) {
        whole = new Call(whole, passed());
      } else {
        return whole;
      }
    }
  }

  private Expression subscript(Expression of) {
    Expression start = token().is(":") ? null : expression();
    Expression whole;
    if (skip(":")) {
      Expression stop = token().is(":") || token().is("]") ? null : expression();
      Expression step = skip(":") && !token().is("]") ? expression() : null;
      whole = new Expression.Slice(of, start, stop, step);
    } else {
      whole = new Item(of, start);
    }
    expect("]");
    return whole;
  }

  private Expression filtered(Expression of) {
    Expression whole = of;
    while (true) {
      if (skip("|")) {
        String name = known(take(Token.Kind.NAME), true);
        whole = new Filtered(whole, name, token().is("(") ? passed() : Passed.NONE);
      } else if (token().isName("is")) {
        position++;
        whole = test(whole);
      } else if (token().is("(")) {
        whole = new Call(whole, passed());
      } else {
        return whole;
      }
    }
  }

  private Expression test(Expression of) {
    boolean negated = skipName("not");
    String name = known(take(Token.Kind.NAME), false);
    Token next = token();
    Passed passed = Passed.NONE;
    if (next.is("(")) {
      passed = passed();
    } else if (takesArgument(next)) {
      if (next.isName("is")) {
        throw new JinjaException("tests cannot be chained", next.line());
      }
      passed = new Passed(List.of(postfix(primary())), Map.of(), null, null);
    }
    Expression test = new Tested(of, name, passed);
    return negated ? new Expression.Not(test) : test;
  }

  private static boolean takesArgument(Token next) {
    return switch (next.kind()) {
      case NAME -> !next.isName("else") && !next.isName("or") && !next.isName("and");
      case STRING, INTEGER, FLOAT -> true;
      default -> next.is("[") || next.is("{");
    };
  }

  /** The name of a filter or a test, which must exist unless a condition may skip it. */
  private String known(Token token, boolean filter) {
    StringBuilder name = new StringBuilder(token.text());
    while (skip(".")) {
      name.append('.').append(take(Token.Kind.NAME).text());
    }
    String whole = name.toString();
    if (filter && MARKING.contains(whole)) {
      marks++;
    }
    if (conditions == 0 && !(filter ? Filters.exists(whole) : Tests.exists(whole))) {
      unknown.add(
          new JinjaException(
              "the "
                  + (filter ? "filter" : "test")
                  + " \""
                  + whole
                  + "\" is unknown or not supported",
              token.line()));
    }
    return whole;
  }

  private Passed passed() {
    Token begin = token();
    expect("(");
    List<Expression> positional = new ArrayList<>();
    Map<String, Expression> named = new LinkedHashMap<>();
    Expression all = null;
    Expression allNamed = null;
    boolean first = true;
    while (!token().is(")")) {
      if (!first) {
        expect(",");
        if (token().is(")")) {
          break;
        }
      }
      first = false;
      boolean valid = allNamed == null;
      if (skip("*")) {
        valid &= all == null;
        all = expression();
      } else if (skip("**")) {
        allNamed = expression();
      } else if (token().kind() == Token.Kind.NAME && next().is("=")) {
        String name = take().text();
        position++;
        valid &= named.put(name, expression()) == null;
      } else {
        valid &= all == null && named.isEmpty();
        positional.add(expression());
      }
      if (!valid) {
        throw new JinjaException("the arguments of the call are out of order", begin.line());
      }
    }
    expect(")");
    return new Passed(positional, named, all, allNamed);
  }

  // Tokens.

  private Token token() {
    return tokens.get(position);
  }

  private Token next() {
    return tokens.get(Math.min(position + 1, tokens.size() - 1));
  }

  private Token take() {
    Token token = token();
    if (token.kind() != Token.Kind.END) {
      position++;
    }
    return token;
  }

  private Token take(Token.Kind kind) {
    if (token().kind() != kind) {
      throw new JinjaException(
          "expected "
              + (kind == Token.Kind.NAME ? "a name" : kind)
              + ", found "
              + token().description(),
          token().line());
    }
    return take();
  }

  private boolean skip(String operator) {
    if (token().is(operator)) {
      position++;
      return true;
    }
    return false;
  }

  private boolean skipName(String name) {
    if (token().isName(name)) {
      position++;
      return true;
    }
    return false;
  }

  private void expect(String operator) {
    if (!skip(operator)) {
      throw new JinjaException(
          "expected \"" + operator + "\", found " + token().description(), token().line());
    }
  }

  private void expectName(String name) {
    if (!skipName(name)) {
      throw new JinjaException(
          "expected \"" + name + "\", found " + token().description(), token().line());
    }
  }

  private void expect(Token.Kind kind) {
    if (token().kind() != kind) {
      String end = kind == Token.Kind.PRINT_END ? "\"}}\"" : "\"%}\"";
      throw new JinjaException(
          "expected " + end + ", found " + token().description(), token().line());
    }
    position++;
  }
}
