package io.glmimage.manifest;

import io.glmimage.error.UsageException;
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
 * Prompts that every image of a folder is edited with.
 *
 * @param prompts in order, none twice
 * @param names of the values that a template has
 */
public record PromptList(List<Prompt> prompts, List<String> names) implements Serializable {
  /** More are surely a mistake: every image is edited with each. */
  static final int MOST_PROMPTS = 100_000;

  private static final Pattern PLACEHOLDER = Pattern.compile("\\{([A-Za-z][A-Za-z0-9_]*)}");

  public PromptList {
    prompts = List.copyOf(prompts);
    names = List.copyOf(names);
  }

  /**
   * A prompt.
   *
   * @param values what stands in the template's places, in the order of their names
   */
  public record Prompt(String text, List<String> values) implements Serializable {
    public Prompt {
      values = List.copyOf(values);
    }
  }

  /**
   * Prompts as they stand; blank ones and repeats are left out.
   *
   * @throws UsageException if none is left
   */
  public static PromptList of(List<String> texts) {
    Set<String> unique = new LinkedHashSet<>();
    for (String text : texts) {
      if (!text.isBlank()) {
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
   * @param values {@code name=value,value} each
   * @throws UsageException if a place has no values, or values have no place
   */
  public static PromptList ofTemplate(String template, List<String> values) {
    Map<String, List<String>> byName = new LinkedHashMap<>();
    for (String text : values) {
      int equals = text.indexOf('=');
      String name = equals < 0 ? text : text.substring(0, equals);
      List<String> list = new ArrayList<>();
      for (String value : equals < 0 ? new String[0] : text.substring(equals + 1).split(",")) {
        if (!value.isBlank()) {
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
          "Invalid --prompt-template: it has places for "
              + places
              + ", --values gives "
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
          "Cannot make a manifest without prompts: give --prompt, --prompts-file or"
              + " --prompt-template");
    }
    if (prompts > MOST_PROMPTS) {
      throw new UsageException(
          "Cannot make a manifest with more than " + MOST_PROMPTS + " prompts for each image");
    }
  }
}
