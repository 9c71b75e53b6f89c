package io.glmimage.spark.manifest.create;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.not;

import io.glmimage.error.UsageException;
import io.glmimage.error.Wording;
import io.glmimage.image.ImageEndings;
import io.glmimage.io.PlaceFailures;
import io.glmimage.io.Storage;
import io.glmimage.io.UnreadableText;
import io.glmimage.manifest.RowIds;
import io.glmimage.spark.manifest.LiteralPaths;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.DataFrameWriter;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * Creates a manifest from the images of a folder. The list of images is written to temporary files
 * in pieces, and Spark combines it with the prompts and seeds. Neither the list nor the manifest
 * has to fit into memory.
 */
public final class ImageFolder {
  /** Reasons that are told apart for files that are left out. */
  private static final int MOST_REASONS = 8;

  private static final String OTHERS = "other names without an image format";

  /** Files of an output folder: the first while a run is unfinished, both others after it. */
  private static final Pattern IN_OUTPUT =
      Pattern.compile("(.*/)?(_run/.+|results/_SUCCESS|summary\\.json)");

  /** The folders of an output folder with images. */
  private static final List<String> EDITED = List.of("images/", "changes/");

  private static final String AGAIN =
      "images that a run has edited: to edit them again, give its output folder as --manifest";

  /** Largest number of paths in memory. */
  private static final int PIECE = 100_000;

  private final SparkSession spark;
  private final Storage storage;

  public ImageFolder(SparkSession spark, Storage storage) {
    this.spark = spark;
    this.storage = storage;
  }

  /**
   * A manifest that was written.
   *
   * @param leftOut what is not in the manifest, and why; empty if nothing was left out
   */
  public record Written(long rows, String leftOut) {}

  /**
   * Writes a Parquet manifest with one row per image, prompt and seed, sorted by image path.
   *
   * @param images the folder of images
   * @param recursive whether to include images in subfolders
   * @param seeds number of rows per image and prompt, with the seeds 0 to seeds - 1; null for one
   *     row without a seed
   * @param manifest path of the manifest, which must not exist
   * @return number of rows, and what was left out
   * @throws UsageException if the folder has no images, or the manifest exists
   */
  public Written write(
      String images, boolean recursive, PromptList prompts, Integer seeds, String manifest)
      throws IOException {
    String root = storage.qualified(images);
    String target = storage.qualified(manifest);
    if (!storage.isFolder(root)) {
      throw new UsageException("Cannot list images: " + images + " is not a folder");
    }
    if (storage.exists(target)) {
      throw new UsageException(
          "Cannot write manifest "
              + manifest
              + ": it already exists (remove it, or choose another name)");
    }
    String prefix = root.endsWith("/") ? root : root + "/";
    String scratch = storage.parent(target) + "/.listing-" + UUID.randomUUID();
    // Spark warns of a table whose own name is hidden.
    String listing = scratch + "/paths";
    try {
      Map<String, Long> files = new TreeMap<>();
      Set<String> edited = new TreeSet<>();
      long found = list(root, prefix, recursive, listing, files, edited);
      Column own = lit(false);
      for (String folder : edited) {
        own = own.or(col("value").startsWith(folder));
      }
      long again = edited.isEmpty() || found == 0 ? 0 : listed(listing).filter(own).count();
      if (again > 0) {
        files.put(AGAIN, again);
        found -= again;
      }
      String leftOut = leftOut(recursive ? 0 : subfolders(root), files);
      if (found == 0) {
        throw new UsageException(
            "Cannot create a manifest: "
                + images
                + " holds no images ("
                + String.join(", ", ImageEndings.ALL.stream().sorted().toList())
                + ")"
                + (leftOut.isEmpty() ? "" : "; left out: " + leftOut));
      }
      // Relative paths below the manifest's folder: both can be moved together.
      String folder = storage.parent(target) + "/";
      String start = prefix.startsWith(folder) ? prefix.substring(folder.length()) : prefix;
      JavaRDD<Row> rows =
          listed(listing)
              .filter(not(own))
              .sort(col("value"))
              .javaRDD()
              .flatMap(row -> rows(row.getAs("value"), start, prompts, seeds).iterator());
      StructType schema =
          new StructType()
              .add("id", DataTypes.StringType)
              .add("image_paths", DataTypes.StringType)
              .add("prompt", DataTypes.StringType)
              .add("seed", DataTypes.LongType);
      for (String name : prompts.names()) {
        schema = schema.add(name, DataTypes.StringType);
      }
      DataFrameWriter<Row> writer =
          spark.createDataFrame(rows, schema).write().mode(SaveMode.ErrorIfExists);
      PlaceFailures.run("write " + target, () -> writer.parquet(target));
      return new Written(found * prompts.prompts().size() * (seeds == null ? 1 : seeds), leftOut);
    } finally {
      storage.delete(scratch);
    }
  }

  /** The paths that {@link #list} has written. */
  private Dataset<Row> listed(String listing) {
    return LiteralPaths.reader(spark)
        .schema(new StructType().add("value", DataTypes.StringType))
        .parquet(listing);
  }

  /** What was left out as a text, such as {@code "2 files (.txt is not an image format)"}. */
  private static String leftOut(long subfolders, Map<String, Long> files) {
    List<String> parts = new ArrayList<>();
    if (subfolders > 0) {
      parts.add(
          Wording.count(subfolders, "subfolder") + " (use --recursive to include subfolders)");
    }
    files.forEach((why, number) -> parts.add(Wording.count(number, "file") + " (" + why + ")"));
    return String.join(", ", parts);
  }

  private long subfolders(String root) throws IOException {
    return storage.folderNames(root).stream().filter(name -> !hidden(name)).count();
  }

  /**
   * Writes the paths of the images, relative to the folder, and counts them.
   *
   * @param edited receives the folders below which images are those that runs have edited
   */
  private long list(
      String root,
      String prefix,
      boolean recursive,
      String listing,
      Map<String, Long> leftOut,
      Set<String> edited)
      throws IOException {
    List<String> piece = new ArrayList<>();
    long[] found = {0};
    Map<String, String> seen = new HashMap<>();
    try {
      storage.forEachFile(
          root,
          recursive,
          new Storage.FileVisitor() {
            @Override
            public void file(String path) {
              String relative = path.substring(prefix.length());
              noteOutput(relative);
              String problem = problem(relative);
              if (problem != null) {
                leaveOut(problem);
                return;
              }
              piece.add(relative);
              found[0]++;
              if (piece.size() == PIECE) {
                flush(piece, listing);
              }
            }

            @Override
            public void brokenLink(String path) {
              leaveOut("symbolic links whose targets do not exist");
            }

            @Override
            public void device(String path) {
              leaveOut("pipes, sockets or devices");
            }

            private void leaveOut(String problem) {
              String why =
                  leftOut.containsKey(problem) || leftOut.size() < MOST_REASONS ? problem : OTHERS;
              leftOut.merge(why, 1L, Long::sum);
            }

            private void noteOutput(String relative) {
              Matcher output = IN_OUTPUT.matcher(relative);
              if (output.matches()) {
                String folder = output.group(1) == null ? "" : output.group(1);
                String file = output.group(2);
                String other = seen.put(folder, file);
                if (file.startsWith("_run/") || (other != null && !other.equals(file))) {
                  EDITED.forEach(name -> edited.add(folder + name));
                }
              }
            }
          });
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    if (!piece.isEmpty()) {
      flush(piece, listing);
    }
    return found[0];
  }

  private void flush(List<String> piece, String listing) {
    Dataset<String> paths = spark.createDataset(piece, Encoders.STRING());
    DataFrameWriter<String> writer = paths.coalesce(1).write().mode(SaveMode.Append);
    PlaceFailures.run("write " + listing, () -> writer.parquet(listing));
    piece.clear();
  }

  /** Why a file is not an image by its name; null if it is. */
  private static String problem(String path) {
    for (String part : path.split("/", -1)) {
      if (hidden(part)) {
        return "names that begin with . or _ are hidden";
      }
    }
    if (UnreadableText.is(path)) {
      return "their names are not text in the charset of the locale";
    }
    int dot = path.lastIndexOf('.');
    if (dot <= path.lastIndexOf('/')) {
      return "their names have no ending";
    }
    if (ImageEndings.has(path)) {
      return null;
    }
    String ending = path.substring(dot).toLowerCase(Locale.ROOT);
    return ending
        + (ImageEndings.needsConversion(path)
            ? " cannot be read: convert these to PNG or JPEG"
            : " is not an image format");
  }

  private static boolean hidden(String name) {
    return name.startsWith(".") || name.startsWith("_");
  }

  private static List<Row> rows(String path, String start, PromptList prompts, Integer seeds) {
    List<Row> rows = new ArrayList<>();
    for (PromptList.Prompt prompt : prompts.prompts()) {
      for (long seed = 0; seed < (seeds == null ? 1 : seeds); seed++) {
        Object[] values = new Object[4 + prompts.names().size()];
        Long given = seeds == null ? null : seed;
        values[0] = RowIds.ofImage(path, prompt.text(), given);
        values[1] = start + path;
        values[2] = prompt.text();
        values[3] = given;
        for (int i = 0; i < prompt.values().size(); i++) {
          values[4 + i] = prompt.values().get(i);
        }
        rows.add(RowFactory.create(values));
      }
    }
    return rows;
  }
}
