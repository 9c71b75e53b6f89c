package io.glmimage.model.processor;

import io.glmimage.error.CheckpointException;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.PixelSize;
import io.glmimage.jinja.JinjaException;
import io.glmimage.jinja.JinjaTemplate;
import io.glmimage.jinja.OpaqueValue;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.ConfigFile;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The checkpoint's chat template, which turns a prompt and its source images into the text that is
 * tokenized. The template gets the variables of the reference: one message of the user. Its content
 * has an item of type {@code image} for every source and one of type {@code text}.
 *
 * <p>For every source, a template must print a start token, one placeholder and an end token in
 * succession. The positions of the prior model need them. It may print any other text.
 *
 * <p>Places, in the order of transformers' src/transformers/processing_utils.py (5.17.0): {@code
 * chat_template} of {@code processor_config.json}, {@code chat_template.json}, {@code
 * chat_template.jinja}. Deviations: then the {@code chat_template} of {@code
 * tokenizer_config.json}, which the reference does not read for a processor; and without any
 * template the text that the published one is known to print.
 *
 * <p>Immutable and thread-safe.
 */
final class ChatTemplate {
  private static final String FOLDER = "processor/";
  private static final String JINJA = FOLDER + "chat_template.jinja";
  private static final List<String> SETTINGS_BEFORE =
      List.of(FOLDER + "processor_config.json", FOLDER + "chat_template.json");
  private static final String TOKENIZER = FOLDER + "tokenizer_config.json";
  private static final String KEY = "chat_template";

  /** The form of the published model's template, with the special tokens of the checkpoint. */
  private static final String USUAL =
      "{%- for message in messages -%}{%- for item in message.content -%}{%- if item.type == 'image' -%}"
          + "{{- bos_token ~ image_token ~ eos_token -}}{%- else -%}{{- item.text -}}{%- endif -%}{%- endfor -%}"
          + "{%- endfor -%}";

  private static final int CHECKED_SOURCES = 4;

  /** Texts that show what a template does with prompts. */
  private static final List<String> CHECKED_PROMPTS =
      List.of("Make the sky green.", "", "two\nlines: {{ 1 }} {% x %}");

  private static final PixelSize CHECKED_TARGET = new PixelSize(1024, 1024);

  private final JinjaTemplate template;

  /** The file, for messages about the checkpoint; those about rows do not depend on the node. */
  private final Path place;

  private final SpecialTokens tokens;

  private ChatTemplate(JinjaTemplate template, Path place, SpecialTokens tokens) {
    this.template = template;
    this.place = place;
    this.tokens = tokens;
  }

  /**
   * Finds, parses and tries the template. A folder that is only inspected receives the problem.
   *
   * @throws CheckpointException if the template fails, or does not print exactly one placeholder
   *     for every source
   */
  static ChatTemplate load(CheckpointFolder checkpoint, SpecialTokens tokens) {
    try {
      Optional<Source> source = source(checkpoint);
      if (source.isEmpty()) {
        checkpoint.warn(
            checkpoint.file(JINJA)
                + " is missing: prompts are written as the published model's template writes them");
      }
      ChatTemplate template = parse(source.orElseGet(() -> usual(checkpoint)), tokens);
      if (tokens.complete()) {
        template.check(checkpoint);
      }
      return template;
    } catch (CheckpointException e) {
      checkpoint.report(e);
      return parse(usual(checkpoint), tokens);
    }
  }

  /**
   * @param place the file
   */
  private record Source(String text, Path place) {}

  private static Source usual(CheckpointFolder checkpoint) {
    return new Source(USUAL, checkpoint.file(JINJA));
  }

  private static ChatTemplate parse(Source source, SpecialTokens tokens) {
    try {
      return new ChatTemplate(JinjaTemplate.parse(source.text()), source.place(), tokens);
    } catch (JinjaException e) {
      throw unusable(
          source.place(), " is not a valid chat template" + line(e) + ": " + e.getMessage());
    }
  }

  private static Optional<Source> source(CheckpointFolder checkpoint) {
    for (String file : SETTINGS_BEFORE) {
      Optional<Source> found = fromSettings(checkpoint, file);
      if (found.isPresent()) {
        return found;
      }
    }
    Path jinja = checkpoint.file(JINJA);
    if (Files.exists(jinja)) {
      try {
        return Optional.of(new Source(Files.readString(jinja), jinja));
      } catch (MalformedInputException e) {
        throw unusable(jinja, " is not UTF-8 text");
      } catch (IOException e) {
        throw new CheckpointException(
            "Cannot load model: cannot read " + jinja + ": " + e.getMessage(), e);
      }
    }
    return fromSettings(checkpoint, TOKENIZER);
  }

  private static Optional<Source> fromSettings(CheckpointFolder checkpoint, String file) {
    if (!Files.exists(checkpoint.file(file))) {
      return Optional.empty();
    }
    ConfigFile config = checkpoint.config(file);
    if (!config.has(KEY)) {
      return Optional.empty();
    }
    Map<String, String> named = config.namedTexts(KEY, "name", "template");
    String text =
        named.getOrDefault("default", named.size() == 1 ? named.values().iterator().next() : null);
    if (text == null) {
      throw unusable(
          checkpoint.file(file),
          named.isEmpty()
              ? " has no text in " + KEY
              : " has the chat templates "
                  + String.join(", ", named.keySet())
                  + ", and none of them is \"default\"");
    }
    return Optional.of(new Source(text, checkpoint.file(file)));
  }

  private void check(CheckpointFolder checkpoint) {
    // An edit with one source image must work.
    try {
      check(CHECKED_PROMPTS.get(0), 1);
    } catch (JinjaException e) {
      throw unusable(place, ": the chat template fails" + line(e) + ": " + e.getMessage());
    }
    Set<String> warnings = new LinkedHashSet<>();
    for (String prompt : CHECKED_PROMPTS) {
      for (int sources = 0; sources <= CHECKED_SOURCES; sources++) {
        try {
          if (!check(prompt, sources).contains(prompt.strip())) {
            warnings.add("the chat template changes the text of the prompt");
          }
        } catch (JinjaException e) {
          warnings.add(
              "the chat template fails for some rows, which will be rejected: "
                  + e.getMessage()
                  + line(e));
        }
      }
    }
    warnings.forEach(warning -> checkpoint.warn(place + ": " + warning));
  }

  private String check(String prompt, int sources) {
    String text = render(prompt, sources, CHECKED_TARGET);
    problem(text, sources)
        .ifPresent(
            problem -> {
              throw unusable(place, ": the chat template does not fit GLM-Image: " + problem);
            });
    return text;
  }

  /** What keeps the model from reading a text. */
  private Optional<String> problem(String text, int sources) {
    int placeholders = count(text, tokens.image());
    int framed = count(text, tokens.sourceFrame());
    if (placeholders != sources) {
      return Optional.of(
          "for "
              + images(sources)
              + " it prints "
              + placeholders
              + (placeholders == 1 ? " placeholder" : " placeholders")
              + " ("
              + tokens.image()
              + ") in "
              + shortened(text));
    }
    return framed == sources
        ? Optional.empty()
        : Optional.of(
            "the placeholder of every source image must stand between its start and end token, as in "
                + tokens.sourceFrame()
                + "; for "
                + images(sources)
                + " it prints "
                + shortened(text));
  }

  /**
   * The text for a prompt.
   *
   * @param target size of the edited image
   * @throws InvalidRequestException if the template fails for this prompt
   */
  String text(String prompt, int sources, PixelSize target) {
    String text;
    try {
      text = render(prompt, sources, target);
    } catch (JinjaException e) {
      throw new InvalidRequestException(
          "Cannot use the prompt: the model's chat template fails"
              + line(e)
              + ": "
              + e.getMessage());
    }
    Optional<String> problem = problem(text, sources);
    if (problem.isPresent()) {
      throw new InvalidRequestException(
          "Cannot use the prompt: the model's chat template does not fit it: " + problem.get());
    }
    return text;
  }

  private String render(String prompt, int sources, PixelSize target) {
    List<Object> content = new ArrayList<>();
    for (int i = 0; i < sources; i++) {
      content.add(Map.of("type", "image", "image", new OpaqueValue("<image>")));
    }
    content.add(Map.of("type", "text", "text", prompt));
    Map<String, Object> variables = new HashMap<>(tokens.named());
    variables.put("messages", List.of(Map.of("role", "user", "content", content)));
    variables.put("tools", null);
    variables.put("documents", null);
    variables.put("add_generation_prompt", false);
    variables.put("padding", false);
    variables.put("target_h", (long) target.height());
    variables.put("target_w", (long) target.width());
    return template.render(variables);
  }

  private static int count(String text, String token) {
    int count = 0;
    for (int at = text.indexOf(token); at >= 0; at = text.indexOf(token, at + token.length())) {
      count++;
    }
    return count;
  }

  private static String images(int sources) {
    return sources == 1 ? "1 source image" : sources + " source images";
  }

  private static String line(JinjaException e) {
    return e.line() == 0 ? "" : " at line " + e.line();
  }

  private static String shortened(String text) {
    int limit = 200;
    String line = text.replace("\n", "\\n");
    return "\"" + (line.length() > limit ? line.substring(0, limit) + "..." : line) + "\"";
  }

  private static CheckpointException unusable(Path place, String why) {
    return new CheckpointException("Cannot load model: " + place + why);
  }
}
