package io.glmimage.jinja;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import io.glmimage.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Chat templates against transformers' own rendering; src/test/python/make_chat_templates.py makes
 * the expectations.
 */
class JinjaReferenceTest {
  private static final JsonNode FIXTURE = read();

  private static JsonNode read() {
    try (InputStream in = JinjaReferenceTest.class.getResourceAsStream("/chat-templates.json")) {
      return Json.MAPPER.readTree(in);
    } catch (IOException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private static Object value(JsonNode node) {
    if (node.has("opaque")) {
      return new OpaqueValue(node.path("opaque").asText());
    }
    if (node.isObject()) {
      Map<String, Object> map = new LinkedHashMap<>();
      node.properties().forEach(field -> map.put(field.getKey(), value(field.getValue())));
      return map;
    }
    if (node.isArray()) {
      List<Object> list = new ArrayList<>();
      node.forEach(item -> list.add(value(item)));
      return list;
    }
    return node.isBoolean() ? (Object) node.booleanValue() : node.textValue();
  }

  private static Map<String, Object> variables(String shape) {
    Map<String, Object> variables = new HashMap<>();
    FIXTURE
        .path("variables")
        .properties()
        .forEach(field -> variables.put(field.getKey(), field.getValue().asText()));
    FIXTURE
        .path("shapes")
        .path(shape)
        .properties()
        .forEach(field -> variables.put(field.getKey(), value(field.getValue())));
    variables.put("tools", null);
    variables.put("documents", null);
    variables.put("target_h", 1024L);
    variables.put("target_w", 768L);
    return variables;
  }

  @TestFactory
  Stream<DynamicTest> rendersAsTheReference() {
    return StreamSupport.stream(FIXTURE.path("cases").spliterator(), false)
        .flatMap(
            example -> {
              List<DynamicTest> tests = new ArrayList<>();
              example
                  .path("outputs")
                  .properties()
                  .forEach(
                      output ->
                          tests.add(
                              dynamicTest(
                                  example.path("name").asText() + " / " + output.getKey(),
                                  () -> check(example, output.getKey(), output.getValue()))));
              return tests.stream();
            });
  }

  private static void check(JsonNode example, String shape, JsonNode expected) {
    String source = example.path("template").asText();
    Map<String, Object> variables = variables(shape.equals("*") ? "one source" : shape);
    if (expected.has("text")) {
      assertEquals(expected.path("text").asText(), JinjaTemplate.parse(source).render(variables));
    } else if (expected.path("error").asText().equals("syntax")) {
      JinjaException failure =
          assertThrows(JinjaException.class, () -> JinjaTemplate.parse(source));
      assertTrue(failure.line() > 0, failure.getMessage());
    } else {
      assertThrows(JinjaException.class, () -> JinjaTemplate.parse(source).render(variables));
    }
  }

  @Test
  void theFixtureHasManyTemplatesAndShapes() {
    assertTrue(FIXTURE.path("cases").size() >= 100);
    assertTrue(FIXTURE.path("shapes").size() >= 8);
  }
}
