package io.glmimage.spark.results;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;

/** What a run makes of the edited images at its end. */
public enum Packing {
  /** Nothing: the files of the edited images are the result. */
  FILES(null),
  /** WebDataset shards: tar files of edited images, prompts and JSON. */
  WEBDATASET(new WebDatasetWriter()),
  /** A Parquet table with the edited images in a binary column. */
  PARQUET(new ParquetWriter());

  @SuppressWarnings("ImmutableEnumChecker") // Writers have no state.
  private final PackWriter writer;

  Packing(PackWriter writer) {
    this.writer = writer;
  }

  /** Writes the packed images; null if nothing is packed. */
  PackWriter writer() {
    return writer;
  }

  /** The name in options, such as {@code webdataset}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The packing with this label; empty if there is none, and for {@code files}. */
  static Optional<Packing> named(String name) {
    return Arrays.stream(values())
        .filter(packing -> packing.writer != null && packing.label().equalsIgnoreCase(name))
        .findFirst();
  }

  /** The labels of all packings with a writer, in order. */
  static List<String> labels() {
    return Arrays.stream(values())
        .filter(packing -> packing.writer != null)
        .map(Packing::label)
        .toList();
  }

  /** The folders of packed images, by name, in the output folder. */
  static List<String> folders() {
    return Arrays.stream(values())
        .map(Packing::writer)
        .filter(Objects::nonNull)
        .map(PackWriter::folder)
        .toList();
  }
}
