package io.glmimage.jinja;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What the comparison with transformers does not show: messages, limits, and what a template cannot
 * reach.
 */
class JinjaTemplateTest {
  private static String render(String source) {
    return JinjaTemplate.parse(source)
        .render(Map.of("messages", List.of(Map.of("role", "user", "content", "hello"))));
  }

  private static JinjaException failure(String source) {
    return assertThrows(JinjaException.class, () -> render(source));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{{ ''.getClass().forName('java.lang.Runtime') }}",
        "{{ messages.getClass() }}",
        "{{ messages[0]['getClass']() }}",
        "{{ ''['class'].x }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ ('' | attr('__class__')).x }}",
        "{{ '{0.__class__}'.format('') }}",
        "{{ '{x[0]}'.format(x='') }}",
        "{{ range.__globals__.os }}",
        "{{ raise_exception.__init__.x }}",
        "{{ namespace().getClass() }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ joiner().x.y }}",
        "{{ loop.x }}",
        "{{ self.x }}",
        "{{ caller() }}",
        "{{ [].append(1) }}",
        "{{ {}.update(x=1) }}",
        "{{ messages[0].pop('role') }}",
        "{% for m in messages %}{{ loop.getClass() }}{% endfor %}",
        "{% include '/etc/passwd' %}",
        "{% import 'x' as y %}",
        "{% extends 'x' %}"
      })
  void nothingBeyondTheVariablesCanBeReached(String source) {
    failure(source);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "{{ 'x' * 1000000000 }}",
        "{{ [1] * 1000000000 }}",
        "{{ 'x' | center(2000000000) }}",
        "{{ 'x'.ljust(2000000000) }}",
        "{{ 'x'.zfill(2000000000) }}",
        "{{ 'x' | indent(2000000000, true) }}",
        "{{ [1] | batch(2000000000, 0) | list }}",
        "{{ [1] | slice(2000000000) | list }}",
        "{{ '%2000000000s' % 'x' }}",
        "{{ 10 ** 1000 }}",
        "{% set ns = namespace(s='x') %}{% for i in range(90) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(s='x') %}{% for i in range(90) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "{% set ns = namespace(s='x') %}{% for i in range(90) %}{% set ns.s = ns.s.replace('x', 'xxx') %}{% endfor %}",
        "{% set ns = namespace(s='x') %}{% for i in range(90) %}{% set ns.s = [ns.s, ns.s] | join %}{% endfor %}",
        "{% set ns = namespace(s=[]) %}{% for i in range(90) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}",
        "{% set ns = namespace(s=[], t=[]) %}{% for i in range(90) %}{% set ns.s = [ns.s, ns.s] %}"
            + "{% set ns.t = [ns.t, ns.t] %}{% endfor %}{{ ns.s == ns.t }}",
        "{% set ns = namespace(s=[]) %}{% for i in range(90) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s | tojson }}",
        "{% set ns = namespace(s=[]) %}{% for i in range(99999) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% for x in range(99999) %}{{ messages | string * 100 }}{{ 'abc' * 100000 }}{% endfor %}"
      })
  void aTemplateThatDoesNotEndFails(String source) {
    assertTimeoutPreemptively(Duration.ofSeconds(20), () -> failure(source));
  }

  @ParameterizedTest
  @ValueSource(strings = {"(", "[", "{'a':", "not ", "-", "'a' ~ (", "f("})
  void deepNestingFails(String opening) {
    failure("{{ " + opening.repeat(200_000));
    failure("{{ " + opening.repeat(200_000) + "1" + " }}");
  }

  @Test
  void deepBlocksFail() {
    failure("{% if true %}".repeat(50_000));
    failure("{% if true %}".repeat(50_000) + "x" + "{% endif %}".repeat(50_000));
  }

  @Test
  void longChainsOfOperatorsRender() {
    assertEquals("1001", render("{{ 1" + " + 1".repeat(1000) + " }}"));
    assertEquals("x".repeat(1001), render("{{ 'x'" + " ~ 'x'".repeat(1000) + " }}"));
  }

  @Test
  void failuresHaveTheLineOfTheInnermostStatement() {
    JinjaException inMacro = failure("{% macro f() %}\n\n{{ 1 / 0 }}\n{% endmacro %}\n{{ f() }}");
    assertEquals(3, inMacro.line());
    assertEquals("division by zero", inMacro.getMessage());
    assertEquals(
        4,
        failure("\n{% for m in messages %}\n{% if true %}\n{{ m.x.y }}{% endif %}{% endfor %}")
            .line());
    assertEquals(2, failure("{#\n#}{% frob %}").line());
    assertEquals(3, failure("a {%- raw -%}\n\n{%- endraw %}{{ 1 +").line());
  }

  @Test
  void messagesNameTheValue() {
    assertEquals("\"nothing\" is undefined", failure("{{ nothing.x }}").getMessage());
    assertEquals("a mapping has no attribute \"x\"", failure("{{ messages[0].x.y }}").getMessage());
    assertEquals("a list has no element 7", failure("{{ messages[7].role }}").getMessage());
    assertEquals(
        "the attribute \"append\" of a list is not open to templates",
        failure("{{ messages.append(1) }}").getMessage());
    assertEquals("unknown tag \"shout\"", failure("{% shout %}").getMessage());
    assertEquals(
        "the template ends within a block: {% endfor %} is missing",
        failure("{% for x in [] %}{% if x %}{% endif %}").getMessage().replace("else", "endfor"));
    assertEquals("expected \"}}\", found \"2\"", failure("{{ 1 2 }}").getMessage());
    assertEquals(
        "the filters \"safe\" and \"escape\" are supported at the end of a print only",
        failure("{{ ('<' | e) ~ '<' }}").getMessage());
  }

  @Test
  void longTextsDoNotCountAsEndlessWork() {
    String text = "long ".repeat(2_000_000);
    JinjaTemplate template =
        JinjaTemplate.parse(
            "{% macro m(t) %}{{ t | trim | replace('x', 'y') }}{% endmacro %}{% set ns = namespace(s='')"
                + " %}{% set ns.s = ns.s ~ text %}{{ m(ns.s + '') }}");
    assertEquals(text.strip(), template.render(Map.of("text", text)));
  }

  @Test
  void aTemplateCanBeRenderedManyTimes() {
    JinjaTemplate template =
        JinjaTemplate.parse(
            "{% set ns = namespace(n=0) %}{% for x in xs %}{% set ns.n = ns.n + x %}{% endfor %}{{ ns.n }}");
    for (int i = 0; i < 3; i++) {
      assertEquals("6", template.render(Map.of("xs", List.of(1L, 2L, 3L))));
    }
  }

  @Test
  void theClockHasTheUsualDirectives() {
    LocalDateTime time = LocalDateTime.of(2026, 3, 7, 9, 5, 1);
    assertEquals("2026-03-07 09:05:01", Clock.format("%Y-%m-%d %H:%M:%S", time));
    assertEquals("07 Mar 26, Saturday 9 AM 100%", Clock.format("%d %b %y, %A %-I %p 100%%", time));
    assertTrue(render("{{ strftime_now('%Y') }}").matches("\\d{4}"));
    assertEquals(
        "strftime_now does not support \"%Q\"", failure("{{ strftime_now('%Q') }}").getMessage());
  }
}
