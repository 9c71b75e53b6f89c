package io.glmimage.fuzz;

import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.ImageDecoder;
import io.glmimage.manifest.DataUrl;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.manifest.ManifestOptions;
import io.glmimage.manifest.Rejection;
import io.glmimage.manifest.RowOutcome;
import io.glmimage.manifest.RowReader;
import io.glmimage.manifest.TextRow;
import io.glmimage.manifest.TextRows;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** Manifests in text formats, and images in data URLs. */
final class ManifestInputs {
  private static final String FILE = "s3a://bucket/fuzz";
  private static final ManifestOptions OPTIONS = new ManifestOptions(FILE, Map.of(), List.of());
  private static final RowReader ROWS =
      new RowReader(
          new EditDefaults(0, 50, 1.5, null, null, EditDefaults.DEFAULT_MAX_PIXELS),
          "s3a://bucket");

  private ManifestInputs() {}

  static void jsonLines(byte[] input) throws IOException {
    read(TextRows::jsonLines, input);
  }

  static void csv(byte[] input) throws IOException {
    read(TextRows.separatedBy(','), input);
    read(TextRows.separatedBy('\t'), input);
  }

  static void batch(byte[] input) throws IOException {
    read(TextRows::batch, input);
  }

  /** Every line becomes a row, or a row with a reason. Only the header may refuse a file. */
  private static void read(TextRows.Opener format, byte[] input) throws IOException {
    String text = new String(input, StandardCharsets.UTF_8);
    TextRows rows = format.open(new StringReader(text), FILE, OPTIONS);
    for (long index = 0; rows.hasNext(); index++) {
      TextRow row;
      try {
        row = rows.next();
      } catch (RuntimeException e) {
        throw new AssertionError("A row must not throw", e);
      }
      if (row.fatal() != null) {
        continue;
      }
      RowOutcome outcome = ROWS.read(index, ROWS.key(row), row);
      if (outcome instanceof Rejection rejection && rejection.message().isBlank()) {
        throw new AssertionError("A rejection without a reason");
      }
      ROWS.sources(row);
    }
  }

  static void dataUrl(byte[] input) {
    String url = new String(input, StandardCharsets.UTF_8);
    DataUrl.shown(url);
    if (!DataUrl.is(url)) {
      return;
    }
    byte[] file;
    try {
      file = DataUrl.bytes(url);
    } catch (IllegalArgumentException e) {
      throw new InvalidRequestException(e.getMessage(), e);
    }
    ImageDecoder.decode(file, DataUrl.shown(url), 1 << 20);
  }
}
