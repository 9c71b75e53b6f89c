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
 * Ids and seeds of rows. They depend only on the content of the row and on the seed of the job.
 * Partitions, the order of execution and repeated attempts do not change them.
 */
public final class RowIds {
  /** 80 bits: two different rows of ten million get the same id with a probability below 1e-10. */
  private static final int CONTENT_HEX_DIGITS = 20;

  /** Seeds stay below 2^53, so that JSON and spreadsheets, which use doubles, keep them exact. */
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
    return Texts.isBlank(id) ? null : id;
  }

  /** Like {@link #ofFields(FieldValues)}, for a row that could be read. */
  public static String ofFields(Map<ManifestField, ?> fields) {
    return ofFields(FieldValues.of(fields));
  }

  /**
   * The id of a row that gives none. It is derived from the other fields, so equal rows get equal
   * ids; {@link #numbered} tells them apart.
   */
  static String ofFields(FieldValues fields) {
    List<Object> content = new ArrayList<>();
    for (ManifestField field : ManifestField.values()) {
      if (field != ManifestField.ID) {
        Object value = fields.value(field);
        // Rows without a mask keep the ids that they had before there were masks.
        if (field != ManifestField.MASK_PATH || value != null) {
          content.add(field == ManifestField.IMAGE_PATHS ? ImagePaths.list(value) : value);
        }
      }
    }
    if (fields.problem() != null) {
      // Names the line, so two unreadable rows get different ids.
      content.add(fields.problem());
    }
    return "row-" + digest(content).substring(0, CONTENT_HEX_DIGITS);
  }

  /** The SHA-256 of a list of texts, numbers and lists of texts, in hexadecimal digits. */
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
   * The id of one of several rows with the same content. The first row keeps the key, the others
   * get a number. A manifest can therefore repeat a row to get several different images.
   *
   * @param copy number of the row among the equal rows, from 1
   */
  public static String numbered(String key, int copy) {
    return copy == 1 ? key : key + "-" + copy;
  }

  /**
   * The id of an image of a folder that is edited with a prompt. It does not depend on where the
   * folder is or on its other files. It starts with the readable part of the path, with letters and
   * digits of all scripts.
   *
   * @param path relative to the folder
   * @param seed the row's seed, or null
   */
  public static String ofImage(String path, String prompt, Long seed) {
    MessageDigest digest = Sha256.start();
    add(digest, path);
    add(digest, prompt);
    add(digest, String.valueOf(seed));
    String readable =
        path.replaceAll("\\.[A-Za-z0-9]{1,5}$", "").replaceAll("[^\\p{L}\\p{M}\\p{N}]+", "-");
    String head = readable.replaceAll("^-+", "");
    // The end of a long path is more specific than its start. It may start with half a character.
    String end = head.substring(Math.max(0, head.length() - 48)).replaceAll("^\\p{Cs}", "");
    String name = end.replaceAll("^-+|-+$", "");
    return (name.isEmpty() ? "image" : name) + "-" + Sha256.hex(digest).substring(0, 16);
  }

  /**
   * The seed of a row that gives none. The job, {@code ImageEditor} and DJL all use it for rows
   * that have an id.
   *
   * @param jobSeed 0 in DJL
   * @param id the row's own id, or the id derived from its fields
   */
  public static long seed(long jobSeed, String id) {
    MessageDigest digest = Sha256.start();
    digest.update(ByteBuffer.allocate(Long.BYTES).putLong(jobSeed).array());
    digest.update(id.getBytes(StandardCharsets.UTF_8));
    return ByteBuffer.wrap(digest.digest()).getLong() & SEED_MASK;
  }

  /** All types of numbers are one kind, so ids survive a change of the column's type. */
  private static String kind(Object value) {
    return value instanceof Number ? "number" : "text";
  }

  private static void add(MessageDigest digest, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    // The length comes first, so different lists of texts never give the same bytes.
    digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(bytes.length).array());
    digest.update(bytes);
  }
}
