package io.glmimage.manifest;

import java.io.Serializable;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;

/** Turns manifest rows into requests or rejections. Immutable; the same on driver and executors. */
public final class RowReader implements Serializable {
  private static final long serialVersionUID = 1L;

  private final ManifestSchema schema;
  private final EditDefaults defaults;
  private final String folder;

  /**
   * @param folder the folder that holds the manifest: relative image paths start there
   */
  public RowReader(ManifestSchema schema, EditDefaults defaults, String folder) {
    this.schema = schema;
    this.defaults = defaults;
    this.folder = folder;
  }

  public EditDefaults defaults() {
    return defaults;
  }

  public ManifestSchema schema() {
    return schema;
  }

  /** Whether the row names itself. */
  public boolean namesItself(Object[] row) {
    return RowIds.explicit(schema.value(row, ManifestField.ID)) != null;
  }

  /** The row's own id, or a name made of its content, which equal rows share. */
  public String key(Object[] row) {
    String id = RowIds.explicit(schema.value(row, ManifestField.ID));
    if (id != null) {
      return id;
    }
    List<Object> content = new ArrayList<>();
    for (ManifestField field : ManifestField.values()) {
      if (field != ManifestField.ID) {
        Object value = schema.value(row, field);
        content.add(field == ManifestField.IMAGE_PATHS ? ImagePaths.list(value) : value);
      }
    }
    String problem = schema.problem(row);
    if (problem != null) {
      // Names the line, so that two rows that cannot be read are not taken for the same.
      content.add(problem);
    }
    return RowIds.ofContent(content);
  }

  /** The row's image paths, whole wherever they can be. */
  public List<String> sources(Object[] row) {
    return ImagePaths.list(schema.value(row, ManifestField.IMAGE_PATHS)).stream()
        .map(path -> ImagePaths.problem(path) == null ? ImagePaths.resolve(folder, path) : path)
        .toList();
  }

  /**
   * @param index the row's position in the manifest
   * @param id the row's id, unique in the manifest
   * @param row the column values: texts as String, lists as List, numbers as Number
   */
  public RowOutcome read(long index, String id, Object[] row) {
    String prompt = (String) schema.value(row, ManifestField.PROMPT);
    List<String> given = ImagePaths.list(schema.value(row, ManifestField.IMAGE_PATHS));
    List<String> imagePaths = given.stream().map(DataUrl::shown).toList();
    try {
      reject(schema.problem(row));
      if (prompt == null || prompt.isBlank()) {
        throw new Unreadable(
            "its prompt is empty (write what to do; \"do nothing\" keeps the image)");
      }
      List<String> sources = new ArrayList<>();
      for (String path : given) {
        reject(ImagePaths.problem(path));
        sources.add(ImagePaths.resolve(folder, path));
      }
      Integer height = side(row, ManifestField.HEIGHT, defaults.height());
      Integer width = side(row, ManifestField.WIDTH, defaults.width());
      if (height != null && width != null) {
        reject(defaults.sizeProblem(height, width));
      }
      Long steps = whole(row, ManifestField.NUM_INFERENCE_STEPS);
      if (steps != null) {
        reject(ManifestField.NUM_INFERENCE_STEPS, EditDefaults.stepsProblem(steps));
      }
      Double guidance = number(row, ManifestField.GUIDANCE_SCALE);
      if (guidance != null) {
        reject(ManifestField.GUIDANCE_SCALE, EditDefaults.guidanceProblem(guidance));
      }
      Long seed = whole(row, ManifestField.SEED);
      return new ManifestRow(
          index,
          id,
          prompt,
          imagePaths,
          sources,
          height,
          width,
          steps == null ? defaults.steps() : steps.intValue(),
          guidance == null ? defaults.guidanceScale() : guidance,
          seed == null ? RowIds.seed(defaults.seed(), id) : seed,
          defaults.stepCache());
    } catch (Unreadable e) {
      return new Rejection(
          index, id, prompt, imagePaths, "Cannot edit row " + id + ": " + e.getMessage());
    }
  }

  private Integer side(Object[] row, ManifestField field, Integer otherwise) throws Unreadable {
    Long side = whole(row, field);
    if (side == null) {
      return otherwise;
    }
    reject(field, EditDefaults.sideProblem(side));
    return side.intValue();
  }

  private Long whole(Object[] row, ManifestField field) throws Unreadable {
    Number number = (Number) schema.value(row, field);
    if (number == null) {
      return null;
    }
    try {
      if (number instanceof Float || number instanceof Double) {
        double value = number.doubleValue();
        // Above 2^53 a double no longer says which whole number is meant.
        if (Math.rint(value) != value || Math.abs(value) > 1L << 53) {
          throw new ArithmeticException("no whole number");
        }
        return (long) value;
      }
      return number instanceof BigDecimal decimal ? decimal.longValueExact() : number.longValue();
    } catch (ArithmeticException e) {
      throw new Unreadable(field.column() + " is " + number + ", expected a whole number");
    }
  }

  private Double number(Object[] row, ManifestField field) {
    Number number = (Number) schema.value(row, field);
    // Through the text, so that a float 1.1 means 1.1 and not 1.10000002384185791.
    return number == null ? null : Double.valueOf(number.toString());
  }

  private static void reject(ManifestField field, String problem) throws Unreadable {
    if (problem != null) {
      throw new Unreadable(field.column() + " is " + problem);
    }
  }

  private static void reject(String problem) throws Unreadable {
    if (problem != null) {
      throw new Unreadable(problem);
    }
  }

  /** Leaves {@link #read} with the reason; never leaves this class. */
  private static final class Unreadable extends Exception {
    private static final long serialVersionUID = 1L;

    Unreadable(String message) {
      super(message, null, false, false);
    }
  }
}
