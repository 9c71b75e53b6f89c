package io.glmimage.manifest;

import java.util.List;

/**
 * A row that has passed the checks.
 *
 * @param index position in the manifest, from 0
 * @param id unique in the manifest
 * @param prompt description of the edit, not blank
 * @param imagePaths source images as the manifest names them, data URLs shortened; empty for
 *     text-to-image
 * @param sources paths and data URLs of the source images, relative paths resolved
 * @param settings complete settings
 * @param mask where the mask is, resolved; null if there is none
 */
public record ManifestRow(
    long index,
    String id,
    String prompt,
    List<String> imagePaths,
    List<String> sources,
    EditSettings settings,
    MaskSource mask)
    implements RowOutcome {
  public ManifestRow {
    imagePaths = List.copyOf(imagePaths);
    sources = List.copyOf(sources);
  }

  /** A row without a mask. */
  public ManifestRow(
      long index,
      String id,
      String prompt,
      List<String> imagePaths,
      List<String> sources,
      EditSettings settings) {
    this(index, id, prompt, imagePaths, sources, settings, null);
  }

  /** The same row with another seed. */
  public ManifestRow withSeed(long seed) {
    return new ManifestRow(index, id, prompt, imagePaths, sources, settings.withSeed(seed), mask);
  }
}
