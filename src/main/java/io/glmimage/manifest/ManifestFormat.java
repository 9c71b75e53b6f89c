package io.glmimage.manifest;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.error.UsageException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** How a manifest is written. */
public enum ManifestFormat {
  PARQUET("parquet"),
  /** One JSON object a line. */
  JSONL("jsonl"),
  /** Comma-separated values with a header (RFC 4180). */
  CSV("csv"),
  /** The requests of an OpenAI batch, one a line. */
  OPENAI_BATCH("openai-batch");

  /** What {@code --manifest-format} says when the format is to be found out. */
  public static final String AUTO = "auto";

  private final String option;

  ManifestFormat(String option) {
    this.option = option;
  }

  /** As it is named on the command line. */
  public String option() {
    return option;
  }

  /**
   * The format of this name, or null for {@code auto}.
   *
   * @throws UsageException if there is none
   */
  public static ManifestFormat named(String name) {
    if (name.equals(AUTO)) {
      return null;
    }
    return Arrays.stream(values())
        .filter(format -> format.option.equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new UsageException(
                    "Invalid --manifest-format: "
                        + name
                        + ", expected auto, parquet, jsonl, csv or openai-batch"));
  }

  /** Whether a file's name says nothing but that its lines are JSON, of manifest or of batch. */
  public static boolean isJsonLines(String file) {
    return ends(file, ".jsonl", ".ndjson", ".json");
  }

  /**
   * The format that names and content tell.
   *
   * @param file the manifest, or the first file of its folder
   * @param firstLine of that file; only looked at if {@link #isJsonLines}
   */
  public static ManifestFormat detect(String file, String firstLine) {
    if (ends(file, ".csv")) {
      return CSV;
    }
    if (!isJsonLines(file)) {
      return PARQUET;
    }
    try {
      JsonNode line = new ObjectMapper().readTree(firstLine);
      return line != null && line.has("custom_id") && line.has("body") ? OPENAI_BATCH : JSONL;
    } catch (JsonProcessingException e) {
      // A bad first line is a bad row, no reason to refuse the others.
      return JSONL;
    }
  }

  private static boolean ends(String file, String... endings) {
    String name = file.toLowerCase(Locale.ROOT);
    return List.of(endings).stream().anyMatch(name::endsWith);
  }
}
