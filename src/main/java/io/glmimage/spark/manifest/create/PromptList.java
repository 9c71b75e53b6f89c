package io.glmimage.spark.manifest.create;

import io.glmimage.error.UsageException;
import io.glmimage.manifest.StrictUtf8;
import io.glmimage.manifest.TextEncoding;
import io.glmimage.manifest.Texts;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The prompts for every image of a folder.
 *
 * @param prompts in order, without repeats
 * @param names names of the placeholders of the template; empty without a template
 */
public record PromptList(List<Prompt> prompts, List<String> names) implements Serializable {
  /** More prompts are surely a mistake: every image is edited with each prompt. */
  static final int MOST_PROMPTS = 100_000;

  private static final Pattern PLACEHOLDER = Pattern.compile("\\{([A-Za-z][A-Za-z0-9_]*)}");

  public PromptList {
    prompts = List.copyOf(prompts);
    names = List.copyOf(names);
  }

  /**
   * A prompt.
   *
   * @param values values of the template's placeholders, in the order of the names
   */
  public record Prompt(String text, List<String> values) implements Serializable {
    public Prompt {
      values = List.copyOf(values);
    }
  }

  /**
   * The lines of a file of prompts, plain or compressed with gzip.
   *
   * @throws UsageException naming the first line that is not UTF-8
   */
  public static List<String> lines(String file, byte[] content) throws IOException {
    List<String> lines = new ArrayList<>();
    try (BufferedReader in =
        new BufferedReader(TextEncoding.reader(new ByteArrayInputStream(content), file))) {
      String problem = TextEncoding.problem(content);
      if (problem != null) {
        throw new UsageException("Cannot read --prompts-file: " + file + ": " + problem);
      }
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        problem = StrictUtf8.problem(line);
        if (problem == null && line.indexOf('\0') >= 0) {
          problem = "has a NUL character";
        }
        if (problem != null) {
          throw new UsageException(
              "Cannot read --prompts-file: line "
                  + (lines.size() + 1)
                  + " of "
                  + file
                  + " "
                  + problem);
        }
        lines.add(lines.isEmpty() ? Texts.withoutByteOrderMark(line) : line);
      }
    }
    return lines;
  }

  /**
   * A list of given prompts, without blank ones and repeats.
   *
   * @throws UsageException if no prompt is left
   */
  public static PromptList of(List<String> texts) {
    Set<String> unique = new LinkedHashSet<>();
    for (String text : texts) {
      if (!Texts.isBlank(text)) {
        unique.add(text.strip());
      }
    }
    check(unique.size());
    return new PromptList(
        unique.stream().map(text -> new Prompt(text, List.of())).toList(), List.of());
  }

  /**
   * All combinations of a template's values: {@code "make the {object} {color}"} with {@code
   * object=car,tree} and {@code color=red,blue} gives four prompts, the last name changing fastest.
   *
   * @param values one {@code name=value,value} per placeholder
   * @throws UsageException if a placeholder has no values, or values have no placeholder
   */
  public static PromptList ofTemplate(String template, List<String> values) {
    Map<String, List<String>> byName = new LinkedHashMap<>();
    for (String text : values) {
      int equals = text.indexOf('=');
      String name = equals < 0 ? text : text.substring(0, equals);
      List<String> list = new ArrayList<>();
      for (String value : equals < 0 ? new String[0] : text.substring(equals + 1).split(",")) {
        if (!Texts.isBlank(value)) {
          list.add(value.strip());
        }
      }
      if (list.isEmpty() || byName.put(name, list) != null) {
        throw new UsageException(
            "Invalid --values: " + text + ", expected NAME=VALUE,VALUE,... once for each name");
      }
    }
    Set<String> places = new LinkedHashSet<>();
    Matcher matcher = PLACEHOLDER.matcher(template);
    while (matcher.find()) {
      places.add(matcher.group(1));
    }
    if (!places.equals(byName.keySet())) {
      throw new UsageException(
          "Invalid --prompt-template: it has the placeholders "
              + places
              + ", but --values gives "
              + byName.keySet());
    }
    List<Prompt> prompts = new ArrayList<>();
    product(template, List.copyOf(byName.entrySet()), List.of(), prompts);
    check(prompts.size());
    return new PromptList(prompts, List.copyOf(byName.keySet()));
  }

  private static void product(
      String template,
      List<Map.Entry<String, List<String>>> left,
      List<String> chosen,
      List<Prompt> prompts) {
    if (left.isEmpty()) {
      prompts.add(new Prompt(template, chosen));
      check(prompts.size());
      return;
    }
    Map.Entry<String, List<String>> first = left.get(0);
    for (String value : first.getValue()) {
      List<String> more = new ArrayList<>(chosen);
      more.add(value);
      product(
          template.replace("{" + first.getKey() + "}", value),
          left.subList(1, left.size()),
          more,
          prompts);
    }
  }

  private static void check(int prompts) {
    if (prompts == 0) {
      throw new UsageException(
          "Cannot create a manifest without prompts: give --prompt, --prompts-file or"
              + " --prompt-template");
    }
    if (prompts > MOST_PROMPTS) {
      throw new UsageException(
          "Cannot create a manifest with more than " + MOST_PROMPTS + " prompts for each image");
    }
  }
}
