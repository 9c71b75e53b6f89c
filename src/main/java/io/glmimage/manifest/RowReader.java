package io.glmimage.manifest;

import java.io.Serializable;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;

/** Checks manifest rows and completes their settings. Immutable, and the same on every host. */
public final class RowReader implements Serializable {
  private static final long serialVersionUID = 1L;

  /** Above 2^53, a double does not identify a single whole number. */
  private static final long LARGEST_EXACT_DOUBLE = 1L << 53;

  private final EditDefaults defaults;
  private final String folder;

  /**
   * @param folder relative image paths start there; null if they cannot be read
   */
  public RowReader(EditDefaults defaults, String folder) {
    this.defaults = defaults;
    this.folder = folder;
  }

  public EditDefaults defaults() {
    return defaults;
  }

  /** Whether the row gives its own id. */
  public boolean namesItself(FieldValues row) {
    return RowIds.explicit(row.value(ManifestField.ID)) != null;
  }

  /** Whether the row can be read and has no source image. */
  public boolean isTextToImage(FieldValues row) {
    return row.problem() == null && ImagePaths.list(row.value(ManifestField.IMAGE_PATHS)).isEmpty();
  }

  /** The row's own id, or an id derived from its content, which equal rows share. */
  public String key(FieldValues row) {
    String id = RowIds.explicit(row.value(ManifestField.ID));
    return id == null ? RowIds.ofFields(row) : id;
  }

  /** The paths of the row's source images, relative paths resolved; invalid paths unchanged. */
  public List<String> sources(FieldValues row) {
    return ImagePaths.list(row.value(ManifestField.IMAGE_PATHS)).stream()
        .map(path -> ImagePaths.problem(path) == null ? ImagePaths.resolve(folder, path) : path)
        .toList();
  }

  /**
   * Checks a row.
   *
   * @param index position of the row in the manifest, from 0
   * @param id the row's id, unique in the manifest
   */
  public RowOutcome read(long index, String id, FieldValues row) {
    String prompt = (String) row.value(ManifestField.PROMPT);
    List<String> given = ImagePaths.list(row.value(ManifestField.IMAGE_PATHS));
    List<String> imagePaths = given.stream().map(DataUrl::shown).toList();
    try {
      reject(row.problem());
      if (prompt == null || Texts.isBlank(prompt)) {
        throw new Unreadable(
            "its prompt is empty (write what to change; \"do nothing\" keeps the image)");
      }
      if (prompt.indexOf('\0') >= 0) {
        throw new Unreadable("its prompt contains a NUL character");
      }
      List<String> sources = new ArrayList<>();
      for (String path : given) {
        reject(ImagePaths.problem(path));
        reject(ImagePaths.problem(folder, path));
        sources.add(ImagePaths.resolve(folder, path));
      }
      return new ManifestRow(
          index, id, prompt, imagePaths, sources, settings(id, row), mask(row, sources));
    } catch (Unreadable e) {
      return new Rejection(
          index,
          id,
          prompt,
          imagePaths,
          "Cannot edit row " + Texts.shown(id) + ": " + Texts.reason(e.getMessage()));
    }
  }

  private MaskSource mask(FieldValues row, List<String> sources) throws Unreadable {
    String text = (String) row.value(ManifestField.MASK_PATH);
    if (text == null || Texts.isBlank(text)) {
      return null;
    }
    MaskSource mask = MaskSource.of(text);
    String problem = ImagePaths.problem(mask.path());
    problem = problem == null ? ImagePaths.problem(folder, mask.path()) : problem;
    if (problem != null) {
      throw new Unreadable(problem.replaceFirst("^image_paths", ManifestField.MASK_PATH.column()));
    }
    if (sources.isEmpty()) {
      throw new Unreadable(
          ManifestField.MASK_PATH.column() + " is given, but there is no source image");
    }
    return mask.resolved(folder);
  }

  /** The row's mask as it can be read from anywhere, relative paths resolved; null without one. */
  public String mask(FieldValues row) {
    String text = (String) row.value(ManifestField.MASK_PATH);
    if (text == null || Texts.isBlank(text)) {
      return text;
    }
    MaskSource mask = MaskSource.of(text);
    return ImagePaths.problem(mask.path()) == null ? mask.resolved(folder).text() : text;
  }

  private EditSettings settings(String id, FieldValues row) throws Unreadable {
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
    return new EditSettings(
        height,
        width,
        steps == null ? defaults.steps() : steps.intValue(),
        guidance == null ? defaults.guidanceScale() : guidance,
        seed == null ? RowIds.seed(defaults.seed(), id) : seed,
        defaults.stepCache(),
        defaults.solver(),
        defaults.sizing());
  }

  private static Integer side(FieldValues row, ManifestField field, Integer otherwise)
      throws Unreadable {
    Long side = whole(row, field);
    if (side == null) {
      return otherwise;
    }
    reject(field, EditDefaults.sideProblem(side));
    return side.intValue();
  }

  private static Long whole(FieldValues row, ManifestField field) throws Unreadable {
    Number number = (Number) row.value(field);
    if (number == null) {
      return null;
    }
    try {
      if (number instanceof Float || number instanceof Double) {
        double value = number.doubleValue();
        if (Math.rint(value) != value || Math.abs(value) > LARGEST_EXACT_DOUBLE) {
          throw new ArithmeticException("not a whole number");
        }
        return (long) value;
      }
      return number instanceof BigDecimal decimal ? decimal.longValueExact() : number.longValue();
    } catch (ArithmeticException e) {
      throw new Unreadable(
          field.column() + " is " + number + ", expected " + WholeNumbers.expected(number));
    }
  }

  private static Double number(FieldValues row, ManifestField field) {
    Number number = (Number) row.value(field);
    // Through its text, so that the float 1.1 means 1.1 and not 1.10000002384185791.
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

  /** Ends {@link #read} with the reason; never leaves this class. */
  private static final class Unreadable extends Exception {
    private static final long serialVersionUID = 1L;

    Unreadable(String message) {
      super(message, null, false, false);
    }
  }
}
