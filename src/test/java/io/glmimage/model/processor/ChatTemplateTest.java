package io.glmimage.model.processor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.CheckpointException;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.PixelSize;
import io.glmimage.weights.CheckpointFolder;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChatTemplateTest {
  private static final String FRAME = "<|dit_token_1024|><|image|><|dit_token_1025|>";
  private static final String START =
      "{% for m in messages %}{% for c in m.content %}{% if c.type == 'image' %}";
  private static final String END = "{% else %}{{ c.text }}{% endif %}{% endfor %}{% endfor %}";
  private static final PixelSize TARGET = new PixelSize(64, 96);

  @TempDir private Path root;
  private Path folder;

  @BeforeEach
  void writeFolder() throws IOException {
    folder = Files.createDirectories(root.resolve("processor"));
    Files.writeString(root.resolve("model_index.json"), "{\"_class_name\": \"GlmImagePipeline\"}");
    write("tokenizer_config.json", "{}");
  }

  private void write(String file, String text) throws IOException {
    Files.writeString(folder.resolve(file), text);
  }

  private static SpecialTokens tokens() {
    return new SpecialTokens(
        "<|dit_token_1024|>",
        "<|dit_token_1025|>",
        "<|image|>",
        "<sop>",
        "<eop>",
        Map.of(
            "bos_token", "<|dit_token_1024|>",
            "eos_token", "<|dit_token_1025|>",
            "image_token", "<|image|>"));
  }

  private ChatTemplate load() {
    return ChatTemplate.load(CheckpointFolder.open(root), tokens());
  }

  private String text(String prompt, int sources) {
    return load().text(prompt, sources, TARGET);
  }

  private String refusal() {
    return relative(assertThrows(CheckpointException.class, this::load).getMessage());
  }

  private String relative(String message) {
    return message.replace(root.toString() + "/", "");
  }

  private List<String> warnings() {
    List<String> warnings = new ArrayList<>();
    CheckpointFolder inspected =
        CheckpointFolder.openForInspection(
            root,
            problem -> {
              throw problem;
            },
            warning -> warnings.add(relative(warning)));
    ChatTemplate.load(inspected, tokens());
    return warnings;
  }

  /** A template that marks the place it was found at. */
  private static String marked(String place) {
    return START
        + FRAME
        + "{% else %}"
        + place
        + " {{ c.text }}{% endif %}{% endfor %}{% endfor %}";
  }

  private static String json(String text) {
    return "\"" + text.replace("\"", "\\\"") + "\"";
  }

  @Test
  void theFirstOfThePlacesCounts() throws IOException {
    write(
        "tokenizer_config.json",
        "{\"chat_template\": [{\"name\": \"tools\", \"template\": \"x\"}, {\"name\": \"default\","
            + " \"template\": "
            + json(marked("list"))
            + "}]}");
    assertEquals(FRAME + "list hat", text("hat", 1));
    write("tokenizer_config.json", "{\"chat_template\": " + json(marked("string")) + "}");
    assertEquals(FRAME + "string hat", text("hat", 1));
    write("chat_template.jinja", marked("jinja"));
    assertEquals(FRAME + "jinja hat", text("hat", 1));
    write("chat_template.json", "{\"chat_template\": " + json(marked("json")) + "}");
    assertEquals(FRAME + "json hat", text("hat", 1));
    write("processor_config.json", "{\"processor_class\": \"GlmImageProcessor\"}");
    assertEquals(FRAME + "json hat", text("hat", 1));
    write(
        "processor_config.json",
        "{\"chat_template\": {\"default\": " + json(marked("dict")) + "}}");
    assertEquals(FRAME + "dict hat", text("hat", 1));
  }

  @Test
  void theOnlyNamedTemplateIsTaken() throws IOException {
    write(
        "tokenizer_config.json",
        "{\"chat_template\": [{\"name\": \"edit\", \"template\": " + json(marked("edit")) + "}]}");
    assertEquals(FRAME + FRAME + "edit hat", text("hat", 2));
  }

  @Test
  void namedTemplatesWithoutADefaultAreRefused() throws IOException {
    write("tokenizer_config.json", "{\"chat_template\": {\"a\": \"x\", \"b\": \"y\"}}");
    assertEquals(
        "Cannot load model: processor/tokenizer_config.json has the chat templates a, b, and none of"
            + " them is \"default\"",
        refusal());
    write("tokenizer_config.json", "{\"chat_template\": 7}");
    assertEquals(
        "Cannot load model: processor/tokenizer_config.json has chat_template = 7, expected a"
            + " string, or strings with names",
        refusal());
  }

  @Test
  void withoutATemplateTheKnownTextIsWritten() {
    assertEquals(FRAME + FRAME + "put the hat on", text("put the hat on", 2));
    assertEquals("a house", text("a house", 0));
    assertEquals(
        List.of(
            "processor/chat_template.jinja is missing: prompts are written as the published model's"
                + " template writes them"),
        warnings());
  }

  @Test
  void aFailingTemplateIsRefusedWithItsPlace() throws IOException {
    write(
        "chat_template.jinja", "a\n{% for m in messages %}\n{{ m.content | shout }}\n{% endfor %}");
    assertEquals(
        "Cannot load model: processor/chat_template.jinja is not a valid chat template at line 3:"
            + " the filter \"shout\" is unknown or not supported",
        refusal());
    write("chat_template.jinja", "a\n{{ messages[0].content + 'x' }}");
    assertEquals(
        "Cannot load model: processor/chat_template.jinja: the chat template fails at line 2: cannot"
            + " apply \"+\" to a list and a string",
        refusal());
    write("chat_template.jinja", "{{ raise_exception('only for chats') }}");
    assertEquals(
        "Cannot load model: processor/chat_template.jinja: the chat template fails at line 1: only"
            + " for chats",
        refusal());
  }

  @Test
  void aTemplateWithoutOnePlaceholderForEverySourceIsRefused() throws IOException {
    write("chat_template.jinja", START + END);
    assertEquals(
        "Cannot load model: processor/chat_template.jinja: the chat template does not fit GLM-Image:"
            + " for 1 source image it prints 0 placeholders (<|image|>) in \"Make the sky green.\"",
        refusal());
    write("chat_template.jinja", START + FRAME + FRAME + END);
    assertTrue(refusal().contains("for 1 source image it prints 2 placeholders"), refusal());
    write("chat_template.jinja", FRAME + START + END);
    assertTrue(refusal().contains("for 0 source images it prints 1 placeholder"), refusal());
    write("chat_template.jinja", START + "<|image|>" + END);
    assertTrue(
        refusal()
            .contains(
                "the placeholder of every source image must stand between its start and end token, as"
                    + " in "
                    + FRAME),
        refusal());
  }

  @Test
  void textThatIsNotUtf8IsRefused() throws IOException {
    Files.write(folder.resolve("chat_template.jinja"), "ü".getBytes(StandardCharsets.ISO_8859_1));
    assertEquals("Cannot load model: processor/chat_template.jinja is not UTF-8 text", refusal());
  }

  @Test
  void nothingInAPromptIsExecuted() throws IOException {
    String prompt =
        "{{ 7*7 }} {% for x in range(9) %}x{% endfor %} {# note #} {{ messages }} ${7*7} #{7*7} \\n"
            + " {%- raw %} '' \"\" <sop>1 1<eop> {{ raise_exception('no') }}";
    assertEquals(FRAME + prompt, text(prompt, 1));
    write("chat_template.jinja", START + "{{ bos_token + image_token + eos_token }}" + END);
    assertEquals(FRAME + prompt, text(prompt, 1));
    write(
        "chat_template.jinja",
        "{% macro show(t) %}{{ t }}{% endmacro %}{% set ns = namespace(out='') %}"
            + START
            + "{% set ns.out = ns.out ~ '"
            + FRAME
            + "' %}{% else %}{% set ns.out = ns.out ~ show(c.text) %}{% endif %}{% endfor %}{% endfor"
            + " %}{{ ns.out }}");
    assertEquals(FRAME + prompt, text(prompt, 1));
  }

  @Test
  void aRowForWhichTheTemplateFailsIsRejected() throws IOException {
    write(
        "chat_template.jinja",
        START + FRAME + "{% elif c.text.startswith('no') %}\n{{ raise_exception('never') }}" + END);
    ChatTemplate template = load();
    assertEquals(FRAME + "yes", template.text("yes", 1, TARGET));
    assertEquals(
        "Cannot use the prompt: the model's chat template fails at line 2: never",
        assertThrows(InvalidRequestException.class, () -> template.text("no", 1, TARGET))
            .getMessage());
  }

  @Test
  void aTemplateForSomeNumbersOfSourcesIsTakenWithAWarning() throws IOException {
    write(
        "chat_template.jinja",
        "{% if messages[0].content | length > 3 %}{{ raise_exception('at most two images') }}{% endif"
            + " %}"
            + START
            + FRAME
            + END);
    assertEquals(
        List.of(
            "processor/chat_template.jinja: the chat template fails for some rows, which will be"
                + " rejected: at most two images at line 1"),
        warnings());
    assertEquals(FRAME + FRAME + "hat", text("hat", 2));
    assertThrows(InvalidRequestException.class, () -> text("hat", 3));
  }

  @Test
  void aTemplateThatChangesPromptsIsTakenWithAWarning() throws IOException {
    write(
        "chat_template.jinja",
        START + FRAME + "{% else %}{{ c.text | upper }}{% endif %}{% endfor %}{% endfor %}");
    assertEquals(FRAME + "HAT", text("hat", 1));
    assertEquals(
        List.of("processor/chat_template.jinja: the chat template changes the text of the prompt"),
        warnings());
  }

  @Test
  void theTemplateSeesTheTargetAndTheTokens() throws IOException {
    write(
        "chat_template.jinja",
        "{% if tools is none and documents is none and not add_generation_prompt %}"
            + START
            + "{{ bos_token }}{{ image_token }}{{ eos_token }}{% else %}{{ target_h }}x{{ target_w }}"
            + " {{ c.text }}{% endif %}{% endfor %}{% endfor %}{% endif %}");
    assertEquals(FRAME + "64x96 hat", text("hat", 1));
  }

  @Test
  void anInspectionReportsTheFaultAndGoesOn() throws IOException {
    write("chat_template.jinja", "{% if %}");
    Map<String, Integer> problems = new HashMap<>();
    CheckpointFolder inspected =
        CheckpointFolder.openForInspection(
            root,
            problem -> problems.merge(relative(problem.getMessage()), 1, Integer::sum),
            w -> {});
    ChatTemplate.load(inspected, tokens());
    assertEquals(
        Map.of(
            "Cannot load model: processor/chat_template.jinja is not a valid chat template at line 1:"
                + " expected an expression, found \"%}\"",
            1),
        problems);
  }
}
