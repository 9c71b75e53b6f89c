package io.glmimage.manifest;

import io.glmimage.error.UsageException;
import java.util.Collection;
import java.util.Locale;

/**
 * Names of the columns that the job adds to tables while it works. None of them is written to a
 * result. The prefix keeps them apart from the columns of a manifest.
 */
public final class InternalColumns {
  private static final String PREFIX = "__glm_image_";

  /** Why a row of a text manifest could not be read; null if it could. */
  public static final String PROBLEM = "__glm_image_problem";

  /** Why a text manifest must be refused as a whole; null for nearly all rows. */
  public static final String FATAL = "__glm_image_fatal";

  /** A line of JSON, and then the columns of that line that pass through. */
  public static final String JSON_LINE = "__glm_image_json_line";

  /** Position of a row in the manifest, from 0. */
  public static final String INDEX = "__glm_image_index";

  /** The partition that a row is in, or goes to. */
  public static final String PART = "__glm_image_part";

  /** Position of a row in its {@link #PART}, from 0. */
  public static final String POSITION = "__glm_image_position";

  /** {@link #PART} in the table of the partitions. */
  public static final String PARTITION = "__glm_image_partition";

  /** {@link #INDEX} of the first row of a {@link #PARTITION}. */
  public static final String FIRST = "__glm_image_first";

  /** Number of rows of a {@link #PARTITION}. */
  public static final String COUNT = "__glm_image_count";

  /** The id that a row gives itself, or a name made from its content. */
  public static final String KEY = "__glm_image_key";

  /** Whether {@link #KEY} is the row's own id. */
  public static final String NAMED = "__glm_image_named";

  /** Whether a row has no source image. */
  public static final String TEXT_ONLY = "__glm_image_text_only";

  /** Which of the rows with the same {@link #KEY} a row is, from 1. */
  public static final String COPY = "__glm_image_copy";

  /** The id of a row, unique in the manifest. */
  public static final String ID = "__glm_image_id";

  /** The values of the manifest's fields, as the manifest gives them. */
  public static final String FIELDS = "__glm_image_fields";

  /** The result of planning a row: {@link #FINGERPRINT} and {@link #ROW}. */
  public static final String PLANNED = "__glm_image_planned";

  /** Fingerprint of a row, the options and the model. */
  public static final String FINGERPRINT = "__glm_image_fingerprint";

  /** A row as typed values; null if the row needs no editing. */
  public static final String ROW = "__glm_image_row";

  /** The newest result of a row; null if there is none. */
  public static final String RESULT = "__glm_image_result";

  /** Id of {@link #RESULT}. */
  public static final String RESULT_ID = "__glm_image_result_id";

  /** Whether {@link #RESULT} is the result of the present row, so that nothing is to do. */
  public static final String FINISHED = "__glm_image_finished";

  /** Id of a newer result of the same row; null for the newest result. */
  public static final String NEWER = "__glm_image_newer";

  /** Hash of an id, for samples. */
  public static final String HASH = "__glm_image_hash";

  /** Number of a row among the rows to do, from 0. */
  public static final String NUMBER = "__glm_image_number";

  /** Sends a row to a chosen partition. */
  public static final String PLACE = "__glm_image_place";

  /** What Spark could not read while it inferred the types of JSON. */
  public static final String CORRUPT = "__glm_image_corrupt";

  private InternalColumns() {}

  /**
   * Refuses columns of a manifest that have such names.
   *
   * @param manifest its path, for the message
   */
  public static void check(Collection<String> columns, String manifest) {
    for (String column : columns) {
      if (column.toLowerCase(Locale.ROOT).startsWith(PREFIX)) {
        throw new UsageException(
            "Cannot use manifest "
                + manifest
                + ": column "
                + column
                + " has a name of this program's own columns, which begin with "
                + PREFIX
                + " (rename it)");
      }
    }
  }
}
