package io.glmimage.manifest;

import java.util.List;

/** The outcome of reading a row: a row that can be edited, or the reason why it cannot. */
public sealed interface RowOutcome permits ManifestRow, Rejection {
  /** Position in the manifest, from 0. */
  long index();

  /** Unique in the manifest. */
  String id();

  /** The prompt of the manifest; may be null in a rejection. */
  String prompt();

  /** Source images as the manifest names them, data URLs shortened; empty for text-to-image. */
  List<String> imagePaths();
}
