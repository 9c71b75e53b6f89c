package io.glmimage.model.processor;

import io.glmimage.error.CheckpointException;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.ConfigFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Checks a checkpoint's chat template. GLM-Image's template has one fixed form, which {@link
 * GlmProcessor} writes itself: for every image its start token, one placeholder and its end token;
 * for every text the text. A template that could print anything else is refused.
 */
final class ChatTemplate {
  private static final String FILE = "processor/chat_template.jinja";

  /** A tag, including the white-space marks at its ends. */
  private static final Pattern TAG =
      Pattern.compile("(\\{%-?|\\{\\{-?|\\{#-?)(.*?)(-?%\\}|-?\\}\\}|-?#\\})", Pattern.DOTALL);

  private static final Pattern LITERAL =
      Pattern.compile("'(?<single>[^']*)'|\"(?<double>[^\"]*)\"");

  /** {@code message.content}, {@code item.text}, {@code item['text']}. */
  private static final Pattern CONTENT =
      Pattern.compile("\\w+(\\.(content|text)|\\[['\"](content|text)['\"]\\])");

  private static final Pattern CONTROL = Pattern.compile("(for|if|elif)\\s.*|else|endif|endfor");

  private ChatTemplate() {}

  /**
   * Checks the template.
   *
   * @throws CheckpointException if the template is missing or has another form
   */
  static void check(CheckpointFolder checkpoint, SpecialTokens tokens) {
    Path file = checkpoint.file(FILE);
    if (!Files.isRegularFile(file)) {
      String older = "processor/tokenizer_config.json";
      ConfigFile config = checkpoint.config(older);
      if (config.has("chat_template")) {
        check(config.text("chat_template"), checkpoint.file(older), tokens);
        return;
      }
      throw new CheckpointException(
          "Cannot load model: "
              + file
              + " is missing; the folder must have the Hugging Face layout of GLM-Image");
    }
    try {
      check(Files.readString(file), file, tokens);
    } catch (IOException e) {
      throw new CheckpointException(
          "Cannot load model: cannot read " + file + ": " + e.getMessage(), e);
    }
  }

  private static void check(String template, Path file, SpecialTokens tokens) {
    List<String> printed = new ArrayList<>();
    boolean image = false;
    boolean text = false;
    for (String piece : pieces(template, file)) {
      if (piece.equals(tokens.sourceFrame())) {
        image = true;
      } else if (CONTENT.matcher(piece).matches()) {
        text = true;
      } else {
        printed.add(piece);
      }
    }
    if (!printed.isEmpty() || !image || !text) {
      throw new CheckpointException(
          "Cannot load model: "
              + file
              + " is not GLM-Image's chat template: it must print \""
              + tokens.sourceFrame()
              + "\" for an image and the text for a text, and nothing else"
              + (printed.isEmpty() ? "" : "; found " + printed));
    }
  }

  /** What the template prints: literals without their quotes, other expressions unchanged. */
  private static List<String> pieces(String template, Path file) {
    List<String> out = new ArrayList<>();
    Matcher tag = TAG.matcher(template);
    int end = 0;
    while (tag.find()) {
      addText(out, template.substring(end, tag.start()));
      end = tag.end();
      String inside = tag.group(2).strip();
      if (tag.group(1).startsWith("{{")) {
        Matcher literal = LITERAL.matcher(inside);
        if (literal.matches()) {
          String single = literal.group("single");
          out.add(single != null ? single : literal.group("double"));
        } else {
          out.add(inside);
        }
      } else if (tag.group(1).startsWith("{%") && !CONTROL.matcher(inside).matches()) {
        throw new CheckpointException(
            "Cannot load model: "
                + file
                + " is not GLM-Image's chat template: unknown statement \""
                + inside
                + "\"");
      }
    }
    addText(out, template.substring(end));
    return out;
  }

  /** Adds text between tags. The marks of the tags trim line ends and indents. */
  private static void addText(List<String> out, String text) {
    if (!text.isBlank()) {
      out.add(text.strip());
    }
  }
}
