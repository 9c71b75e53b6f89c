package io.glmimage.manifest;

import java.util.List;

/** What reading a manifest row gives: something to do, or a reason why nothing can be done. */
public sealed interface RowOutcome permits ManifestRow, Rejection {
  /** Position in the manifest, from 0. */
  long index();

  String id();

  /** As the manifest gives it; may be null in a rejection. */
  String prompt();

  /** As the manifest gives them; empty for text-to-image. */
  List<String> imagePaths();
}
