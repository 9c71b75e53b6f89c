package io.glmimage.manifest;

import io.glmimage.error.UsageException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;

/** The file format of a manifest. */
public enum ManifestFormat {
  /** The format of files without a known extension. */
  PARQUET("parquet"),
  /** One JSON object a line. */
  JSONL("jsonl", ".jsonl", ".ndjson", ".json"),
  /** Comma-separated values with a header (RFC 4180). */
  CSV("csv", ".csv"),
  /** Tab-separated values with a header, quoted as in CSV. */
  TSV("tsv", ".tsv"),
  /** The requests of an OpenAI batch, one a line. Recognised by the first line, not by the name. */
  OPENAI_BATCH("openai-batch");

  /** The option value that lets the job detect the format. */
  public static final String AUTO = "auto";

  private static final String GZIP = ".gz";

  private final String option;

  @SuppressWarnings("ImmutableEnumChecker") // Made by List.of.
  private final List<String> extensions;

  ManifestFormat(String option, String... extensions) {
    this.option = option;
    this.extensions = List.of(extensions);
  }

  /** The name of the format on the command line. */
  public String option() {
    return option;
  }

  /** All values of the option, {@link #AUTO} first. */
  public static List<String> options() {
    List<String> options = new ArrayList<>(List.of(AUTO));
    Arrays.stream(values()).map(ManifestFormat::option).forEach(options::add);
    return options;
  }

  /**
   * The format of this name, or null for {@code auto}.
   *
   * @throws UsageException if no format has this name
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
                        + ", expected one of "
                        + String.join(", ", options())));
  }

  /** Whether {@link #detect} needs the first lines of the file. */
  public static boolean needsFirstLines(String file) {
    return ofExtension(file) == JSONL;
  }

  /**
   * The format that the name and the first lines of a file show.
   *
   * @param file the manifest, or the first file of its folder
   * @param firstLines first lines that are not blank; only read if {@link #needsFirstLines}. One
   *     line is held at a time, because lines may be long
   */
  public static ManifestFormat detect(String file, Iterator<String> firstLines) {
    ManifestFormat format = ofExtension(file);
    return format == JSONL && isBatch(firstLines) ? OPENAI_BATCH : format;
  }

  private static ManifestFormat ofExtension(String file) {
    String lower = file.toLowerCase(Locale.ROOT);
    String name = lower.endsWith(GZIP) ? lower.substring(0, lower.length() - GZIP.length()) : lower;
    return Arrays.stream(values())
        .filter(format -> format.extensions.stream().anyMatch(name::endsWith))
        .findFirst()
        .orElse(PARQUET);
  }

  /** Decides by the first line that can be read: a bad first line is one bad row. */
  private static boolean isBatch(Iterator<String> lines) {
    boolean marked = false;
    while (lines.hasNext()) {
      String line = lines.next();
      JsonObjectLine object = JsonObjectLine.of(line, key -> true);
      if (object.problem() == null) {
        return object.has("custom_id") && object.has("body");
      }
      marked |= line.contains("\"custom_id\"") && line.contains("\"/v1/images/");
    }
    return marked;
  }
}
