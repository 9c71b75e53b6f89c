package io.glmimage.spark.manifest.create;

import static org.apache.spark.sql.functions.col;

import io.glmimage.error.UsageException;
import io.glmimage.io.Storage;
import io.glmimage.manifest.RowIds;
import io.glmimage.spark.manifest.LiteralPaths;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.UUID;
import org.apache.spark.api.java.JavaRDD;
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
  private static final Set<String> ENDINGS =
      Set.of("png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "gif");

  /** Largest number of paths in memory. */
  private static final int PIECE = 100_000;

  private final SparkSession spark;
  private final Storage storage;

  public ImageFolder(SparkSession spark, Storage storage) {
    this.spark = spark;
    this.storage = storage;
  }

  /**
   * Writes a Parquet manifest with one row per image, prompt and seed, sorted by image path.
   *
   * @param images the folder of images
   * @param recursive whether to include images in subfolders
   * @param seeds number of rows per image and prompt, with the seeds 0 to seeds - 1; null for one
   *     row without a seed
   * @param manifest path of the manifest, which must not exist
   * @return number of rows
   * @throws UsageException if the folder has no images, or the manifest exists
   */
  public long write(
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
    String listing = storage.parent(target) + "/.listing-" + UUID.randomUUID();
    try {
      long found = list(root, prefix, recursive, listing);
      if (found == 0) {
        throw new UsageException(
            "Cannot create a manifest: "
                + images
                + " holds no images ("
                + String.join(", ", ENDINGS.stream().sorted().toList())
                + (recursive ? ")" : "; use --recursive to include its subfolders)"));
      }
      // Relative paths below the manifest's folder: both can be moved together.
      String folder = storage.parent(target) + "/";
      String start = prefix.startsWith(folder) ? prefix.substring(folder.length()) : prefix;
      JavaRDD<Row> rows =
          LiteralPaths.reader(spark)
              .schema(new StructType().add("value", DataTypes.StringType))
              .parquet(listing)
              .sort(col("value"))
              .javaRDD()
              .flatMap(row -> rows(row.getString(0), start, prompts, seeds).iterator());
      StructType schema =
          new StructType()
              .add("id", DataTypes.StringType)
              .add("image_paths", DataTypes.StringType)
              .add("prompt", DataTypes.StringType)
              .add("seed", DataTypes.LongType);
      for (String name : prompts.names()) {
        schema = schema.add(name, DataTypes.StringType);
      }
      spark.createDataFrame(rows, schema).write().mode(SaveMode.ErrorIfExists).parquet(target);
      return found * prompts.prompts().size() * (seeds == null ? 1 : seeds);
    } finally {
      storage.delete(listing);
    }
  }

  private long list(String root, String prefix, boolean recursive, String listing)
      throws IOException {
    List<String> piece = new ArrayList<>();
    long[] found = {0};
    try {
      storage.forEachFile(
          root,
          recursive,
          path -> {
            String relative = path.substring(prefix.length());
            if (isImage(relative)) {
              piece.add(relative);
              found[0]++;
              if (piece.size() == PIECE) {
                flush(piece, listing);
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
    paths.coalesce(1).write().mode(SaveMode.Append).parquet(listing);
    piece.clear();
  }

  /** Whether a file is an image by its name. Hidden files are not. */
  private static boolean isImage(String path) {
    for (String part : path.split("/")) {
      if (part.startsWith(".") || part.startsWith("_")) {
        return false;
      }
    }
    int dot = path.lastIndexOf('.');
    return dot >= 0 && ENDINGS.contains(path.substring(dot + 1).toLowerCase(Locale.ROOT));
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
