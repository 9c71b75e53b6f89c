package io.glmimage.manifest;

import io.glmimage.request.EditRequest;
import java.util.List;

/**
 * A valid row, every setting resolved.
 *
 * @param index position in the manifest, from 0
 * @param id unique in the manifest
 * @param prompt what to do, not blank
 * @param imagePaths sources as the manifest gives them; empty for text-to-image
 * @param sources the same with relative paths resolved
 * @param height output height in pixels, or null for the first source's
 * @param width output width in pixels, or null for the first source's
 * @param steps denoising steps
 * @param guidanceScale classifier-free guidance
 * @param seed keys all random numbers of the row
 * @param stepCache see {@link EditDefaults}
 */
public record ManifestRow(
    long index,
    String id,
    String prompt,
    List<String> imagePaths,
    List<String> sources,
    Integer height,
    Integer width,
    int steps,
    double guidanceScale,
    long seed,
    double stepCache)
    implements RowOutcome {
  public ManifestRow {
    imagePaths = List.copyOf(imagePaths);
    sources = List.copyOf(sources);
  }

  /** Every step computed. */
  public ManifestRow(
      long index,
      String id,
      String prompt,
      List<String> imagePaths,
      List<String> sources,
      Integer height,
      Integer width,
      int steps,
      double guidanceScale,
      long seed) {
    this(
        index,
        id,
        prompt,
        imagePaths,
        sources,
        height,
        width,
        steps,
        guidanceScale,
        seed,
        EditRequest.DEFAULT_STEP_CACHE);
  }
}
