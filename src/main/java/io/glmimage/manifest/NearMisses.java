package io.glmimage.manifest;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** Names of columns that look like the name of a field, but are not. */
public final class NearMisses {
  /** Other words for the fields, without separators and without the s of a plural. */
  private static final Map<ManifestField, Set<String>> WORDS =
      Map.of(
          ManifestField.PROMPT, Set.of("prompt", "instruction", "caption"),
          ManifestField.IMAGE_PATHS,
              Set.of(
                  "image",
                  "imagepath",
                  "imagefile",
                  "imageurl",
                  "imageuri",
                  "img",
                  "imgpath",
                  "path",
                  "inputimage",
                  "inputpath",
                  "sourceimage",
                  "sourcepath",
                  "picture",
                  "photo"),
          ManifestField.ID, Set.of("rowid"),
          ManifestField.SEED, Set.of("seed", "randomseed"),
          ManifestField.HEIGHT, Set.of("height", "imageheight"),
          ManifestField.WIDTH, Set.of("width", "imagewidth"),
          ManifestField.NUM_INFERENCE_STEPS,
              Set.of("numinferencestep", "inferencestep", "numstep", "step"),
          ManifestField.GUIDANCE_SCALE, Set.of("guidancescale", "guidance", "cfg", "cfgscale"),
          ManifestField.MASK_PATH, Set.of("mask", "maskpath", "maskfile", "maskimage", "maskurl"));

  /** Words that also name labels: {@code photo=studio}. */
  private static final Set<String> LABELS = Set.of("path", "picture", "photo");

  private NearMisses() {}

  /** Whether a column that {@link #of} finds may hold labels instead of paths. */
  public static boolean mayBeLabel(String column) {
    return LABELS.contains(plain(column));
  }

  /** The columns that do not hold any field, but have a name that looks like this field's. */
  public static List<String> of(
      ManifestField field, List<String> columns, ManifestOptions options) {
    List<String> found = new ArrayList<>();
    for (String column : columns) {
      if (options.fieldOf(column) == null
          && options.dropped().stream().noneMatch(column::equalsIgnoreCase)
          && WORDS.get(field).contains(plain(column))) {
        found.add(column);
      }
    }
    return found;
  }

  /** Warnings about the columns that look like fields without a column of their own. */
  public static List<String> warnings(List<String> columns, ManifestOptions options) {
    List<String> warnings = new ArrayList<>();
    for (ManifestField field : ManifestField.values()) {
      String name = options.columnOf(field);
      if (columns.stream().noneMatch(name::equalsIgnoreCase)) {
        for (String column : of(field, columns, options)) {
          warnings.add(
              "column "
                  + column
                  + " passes through and is not "
                  + field.column()
                  + "; to use it, give --columns "
                  + field.column()
                  + "="
                  + column);
        }
      }
    }
    return warnings;
  }

  private static String plain(String name) {
    String plain = name.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]", "");
    return plain.endsWith("s") ? plain.substring(0, plain.length() - 1) : plain;
  }
}
