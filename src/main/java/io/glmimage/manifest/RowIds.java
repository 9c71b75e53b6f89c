package io.glmimage.manifest;

import io.glmimage.digest.Sha256;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Names and seeds of rows. They depend on the row's content and on the job's seed only, never on
 * partitions, order of execution or attempt.
 */
public final class RowIds {
  /** 80 bits: two different rows of ten million share a name with a chance below 1e-10. */
  private static final int CONTENT_HEX_DIGITS = 20;

  /** Seeds stay below this, so that they survive JSON and spreadsheets, which hold doubles. */
  private static final long SEED_MASK = (1L << 53) - 1;

  private RowIds() {}

  /** The id that a row gives itself, or null if its id is null or blank. */
  public static String explicit(Object value) {
    if (value == null) {
      return null;
    }
    String id =
        value instanceof BigDecimal decimal
            ? decimal.stripTrailingZeros().toPlainString()
            : value.toString();
    return id.isBlank() ? null : id;
  }

  /** A name made of everything that decides the picture; equal rows have equal ones. */
  static String ofContent(List<?> values) {
    return "row-" + digest(values).substring(0, CONTENT_HEX_DIGITS);
  }

  /**
   * The id of a row that gives none: made of its other fields, as they are given. A manifest gives
   * the same id to the first of several equal rows.
   *
   * @param fields the values that the row gives; paths as a text or a list of texts
   */
  public static String ofFields(Map<ManifestField, ?> fields) {
    List<Object> content = new ArrayList<>();
    for (ManifestField field : ManifestField.values()) {
      if (field != ManifestField.ID) {
        Object value = fields.get(field);
        content.add(field == ManifestField.IMAGE_PATHS ? ImagePaths.list(value) : value);
      }
    }
    return ofContent(content);
  }

  /** The SHA-256 of a list of texts, numbers and lists of texts, in hex. */
  static String digest(List<?> values) {
    MessageDigest digest = Sha256.start();
    for (Object value : values) {
      if (value instanceof List<?> list) {
        add(digest, "list " + list.size());
        list.forEach(item -> add(digest, String.valueOf(item)));
      } else {
        add(digest, value == null ? "null" : kind(value) + " " + value);
      }
    }
    return Sha256.hex(digest);
  }

  /**
   * The id of the {@code copy}-th of several rows with the same content: the first keeps the name,
   * the others get a number, so that a manifest may ask for the same thing several times and get
   * different pictures.
   *
   * @param copy from 1
   */
  public static String numbered(String key, int copy) {
    return copy == 1 ? key : key + "-" + copy;
  }

  /**
   * A name for an image of a folder, edited with a prompt: the same wherever the folder lies and
   * whatever else is in it. Starts with what is readable of the path.
   *
   * @param path below the folder
   * @param seed the row's seed, or null
   */
  public static String ofImage(String path, String prompt, Long seed) {
    MessageDigest digest = Sha256.start();
    add(digest, path);
    add(digest, prompt);
    add(digest, String.valueOf(seed));
    String readable = path.replaceAll("\\.[A-Za-z0-9]{1,5}$", "").replaceAll("[^A-Za-z0-9]+", "-");
    String head = readable.replaceAll("^-+", "");
    // The end of a long path tells more than its start.
    String name = head.substring(Math.max(0, head.length() - 48)).replaceAll("^-+|-+$", "");
    return (name.isEmpty() ? "image" : name) + "-" + Sha256.hex(digest).substring(0, 16);
  }

  /**
   * The seed of a row that gives none. The job, {@code ImageEditor} and DJL all use it for rows
   * that have an id.
   *
   * @param jobSeed 0 in DJL
   * @param id given by the row, or made of its fields
   */
  public static long seed(long jobSeed, String id) {
    MessageDigest digest = Sha256.start();
    digest.update(ByteBuffer.allocate(Long.BYTES).putLong(jobSeed).array());
    digest.update(id.getBytes(StandardCharsets.UTF_8));
    return ByteBuffer.wrap(digest.digest()).getLong() & SEED_MASK;
  }

  /** A number keeps its name when the column's type changes. */
  private static String kind(Object value) {
    return value instanceof Number ? "number" : "text";
  }

  private static void add(MessageDigest digest, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    // The length first, so that no two lists of texts give the same bytes.
    digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(bytes.length).array());
    digest.update(bytes);
  }
}
