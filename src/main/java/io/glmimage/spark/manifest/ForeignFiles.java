package io.glmimage.spark.manifest;

import io.glmimage.error.UsageException;
import io.glmimage.error.Wording;
import io.glmimage.image.ImageEndings;
import io.glmimage.io.Storage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Recognises files and folders that are not manifests, and says what to do. */
final class ForeignFiles {
  static final String ENCRYPTED = "it is encrypted; write it without encryption";

  /** What files of other formats start with. */
  private static final Map<String, String> STARTS =
      Map.ofEntries(
          Map.entry("ORC", "an ORC file; write the rows as Parquet"),
          Map.entry(
              "ARROW1",
              "an Arrow (Feather) file; write the rows as Parquet, in pandas with to_parquet"),
          Map.entry("FEA1", "a Feather file; write the rows as Parquet, in pandas with to_parquet"),
          Map.entry(
              "\u00ff\u00ff\u00ff\u00ff",
              "an Arrow stream; write the rows as Parquet, in pandas with to_parquet"),
          Map.entry("Obj\u0001", "an Avro file; write the rows as Parquet or JSON Lines"),
          Map.entry("SEQ", "a Hadoop sequence file; write the rows as Parquet or JSON Lines"),
          Map.entry("\u001f\u008b", "compressed with gzip; decompress it"),
          Map.entry("(\u00b5/\u00fd", "compressed with Zstandard; decompress it"),
          Map.entry("BZh", "compressed with bzip2; decompress it"),
          Map.entry("\u00fd7zXZ", "compressed with xz; decompress it"),
          Map.entry("version https://git-lfs", "a pointer of Git LFS; fetch it with git lfs pull"),
          Map.entry("<!DOCTYPE", "an HTML page; is it the error page of a download?"),
          Map.entry("<html", "an HTML page; is it the error page of a download?"),
          Map.entry("<?xml", "an XML document; is it the error of a download?"),
          Map.entry(
              "PK\u0003\u0004",
              "a ZIP archive or a spreadsheet (.xlsx); unpack it, or save the table as CSV"),
          Map.entry("SQLite format 3", "an SQLite database; export the table as CSV"),
          Map.entry("\u0089HDF", "an HDF5 file; write the rows as Parquet"),
          Map.entry(
              "\u0080\u0004",
              "a Python pickle; write the rows as Parquet, in pandas with to_parquet"),
          Map.entry(
              "\u0080\u0005",
              "a Python pickle; write the rows as Parquet, in pandas with to_parquet"));

  private static final Pattern ICEBERG =
      Pattern.compile("(\\.metadata\\.json|^version-hint\\.text)$");

  /** The path of a table's own file, below the table's folder. */
  private static final Pattern IN_TABLE =
      Pattern.compile(
          "^(?:(.+)/)?(_delta_log/.*|\\.hoodie/.*|\\.hoodie_partition_metadata"
              + "|metadata/(?:[^/]*\\.metadata\\.json|version-hint\\.text))$");

  private ForeignFiles() {}

  /** A table format, whose Parquet files include removed rows. */
  private enum Table {
    DELTA("a Delta table"),
    HUDI("a Hudi table"),
    ICEBERG("an Iceberg table");

    private final String what;

    Table(String what) {
      this.what = what;
    }
  }

  /**
   * Refuses the folder of a table format.
   *
   * @param path with its scheme
   * @param given the path as the user gave it
   */
  static void checkFolder(Storage storage, String path, String given) throws IOException {
    Table table = table(storage, path);
    if (table != null) {
      throw refused(given, "it is", table);
    }
  }

  /**
   * Refuses a single file with the name of a hidden one, from which Spark reads no rows.
   *
   * @param path with its scheme
   * @param given the path as the user gave it
   */
  static void checkFile(String path, String given) {
    if (!isVisible(path.substring(path.lastIndexOf('/') + 1))) {
      throw new UsageException(
          "Cannot read manifest "
              + given
              + ": Spark treats a file with this name as hidden (rename it: the name must not"
              + " begin with a dot or an underscore, or end with ._COPYING_)");
    }
  }

  /**
   * Refuses folders inside a table, and folders that contain one.
   *
   * @param files all files below the folder, relative to it
   */
  static void checkTables(Storage storage, String path, List<String> files, String given)
      throws IOException {
    for (String file : files) {
      Matcher mark = IN_TABLE.matcher(file);
      if (!mark.find()) {
        continue;
      }
      String folder = mark.group(1);
      if (folder == null) {
        throw refused(given, "it is", table(mark.group(2)));
      }
      if (isVisible(folder)) {
        throw refused(given, "its folder " + folder + " is", table(mark.group(2)));
      }
    }
    // Partition folders, and the folder of Iceberg's data, are inside the folder of the table.
    String inside = path;
    boolean up = true;
    while (up) {
      String name = inside.substring(inside.lastIndexOf('/') + 1);
      String parent = storage.parent(inside);
      Table table = parent.equals(inside) ? null : table(storage, parent);
      if (table != null) {
        throw refused(given, parent + " is", table);
      }
      up = !parent.equals(inside) && (name.contains("=") || name.equals("data"));
      inside = parent;
    }
  }

  /** The format of a table with this folder, or null. */
  private static Table table(Storage storage, String folder) throws IOException {
    if (storage.exists(folder + "/_delta_log")) {
      return Table.DELTA;
    }
    if (storage.exists(folder + "/.hoodie")) {
      return Table.HUDI;
    }
    return storage.names(folder + "/metadata").stream()
            .anyMatch(name -> ICEBERG.matcher(name).find())
        ? Table.ICEBERG
        : null;
  }

  private static Table table(String mark) {
    return mark.startsWith("_delta_log")
        ? Table.DELTA
        : mark.startsWith(".hoodie") ? Table.HUDI : Table.ICEBERG;
  }

  private static UsageException refused(String given, String place, Table table) {
    return new UsageException(
        "Cannot read manifest "
            + given
            + ": "
            + place
            + " the folder of "
            + table.what
            + ", whose files may hold removed and outdated rows. Export the current rows first, for"
            + " example with spark.read.format(\""
            + table.name().toLowerCase(Locale.ROOT)
            + "\").load(...).write.parquet(...)");
  }

  /**
   * Refuses a manifest, or a folder with a file, that is a link without target. The rows of such a
   * file would be missing, because no listing has it.
   *
   * @param path with its scheme
   * @param recursive whether files in folders below are part of the manifest
   * @param given the path as the user gave it
   */
  static void checkLinks(Storage storage, String path, boolean recursive, String given)
      throws IOException {
    String prefix = path.endsWith("/") ? path : path + "/";
    List<String> broken = new ArrayList<>();
    for (String link : storage.brokenLinks(path, recursive)) {
      String name = link.startsWith(prefix) ? link.substring(prefix.length()) : "it";
      if (name.equals("it") || isVisible(name)) {
        broken.add(name);
      }
    }
    if (!broken.isEmpty()) {
      throw new UsageException(
          "Cannot read manifest "
              + given
              + ": "
              + broken.get(0)
              + (broken.size() > 1 ? " and " + Wording.count(broken.size() - 1, "other") : "")
              + (broken.size() > 1
                  ? " are symbolic links whose targets do not exist"
                  : " is a symbolic link whose target does not exist")
              + " (fetch or copy the file again together with what its link points to, or remove"
              + " the link)");
    }
  }

  /** Refuses a folder of images, or a single image. */
  static void checkImages(List<String> files, String given) {
    if (!files.isEmpty() && files.stream().allMatch(ImageEndings::has)) {
      throw new UsageException(
          "Cannot read manifest "
              + given
              + ": it holds images and no rows. Make a manifest of a folder of images with manifest"
              + " --images FOLDER --prompt TEXT --output MANIFEST");
    }
  }

  /** What a file that is not a whole Parquet file is, and what to do. */
  static String describe(byte[] head) {
    String start = new String(head, StandardCharsets.ISO_8859_1);
    String known = known(head);
    if (known != null) {
      return "it is " + known;
    }
    if (start.startsWith("PAR1")) {
      return "its end is missing (half-written, or a copy that stopped); write or copy it again";
    }
    if (start.startsWith("PARE")) {
      return ENCRYPTED;
    }
    if (start.startsWith("\u0089PNG")
        || start.startsWith("\u00ff\u00d8\u00ff")
        || start.startsWith("GIF8")
        || start.startsWith("RIFF")) {
      return "it is an image; keep images in another folder than the manifest, or make a manifest"
          + " of them with manifest --images";
    }
    if (!start.isEmpty()
        && start.chars().allMatch(c -> c >= ' ' || c == '\t' || c == '\n' || c == '\r')) {
      String first = start.strip().lines().findFirst().orElse("");
      return ImageEndings.has(first) && !first.contains(",")
          ? "it is a list of image paths without prompts; write CSV with the header"
              + " image_paths,prompt, or make a manifest of a folder of images with manifest"
              + " --images FOLDER --prompt TEXT --output MANIFEST"
          : "it is a text file; name its format with --manifest-format (jsonl, csv or tsv), or move"
              + " it out of the folder of a manifest";
    }
    return "it is not a Parquet file; move it out of the folder, or name its format with"
        + " --manifest-format";
  }

  /** The name of a binary format that no reader takes, with advice; or null. */
  private static String known(byte[] head) {
    String start = new String(head, StandardCharsets.ISO_8859_1);
    return STARTS.entrySet().stream()
        .filter(entry -> start.startsWith(entry.getKey()))
        .map(Map.Entry::getValue)
        .findFirst()
        .orElse(null);
  }

  /**
   * Refuses a file with the name of a text format and the content of another format.
   *
   * @param head the first bytes of the file
   * @param given the manifest as the user gave it
   * @throws UsageException that says what the file is
   */
  static void checkText(byte[] head, String file, String given) {
    String known = known(head);
    String start = new String(head, StandardCharsets.ISO_8859_1);
    if (start.startsWith("PAR1")) {
      known = "a Parquet file; read it with --manifest-format parquet";
    }
    // Compressed text is for the text readers to judge.
    if (known != null && !known.startsWith("compressed")) {
      throw new UsageException(
          "Cannot read manifest "
              + given
              + ": "
              + file.substring(file.lastIndexOf('/') + 1)
              + " is "
              + known);
    }
  }

  /** Whether a name is hidden from readers, as in Spark. */
  static boolean isVisible(String relative) {
    for (String part : relative.split("/", -1)) {
      if (part.startsWith(".")
          || (part.startsWith("_") && !part.contains("="))
          || part.toLowerCase(Locale.ROOT).endsWith("._copying_")) {
        return false;
      }
    }
    return true;
  }
}
