package io.glmimage.spark.results;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonProcessingException;
import io.glmimage.io.Storage;
import io.glmimage.json.Json;
import io.glmimage.output.OutputLayout;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The content of {@code results/_SUCCESS}, which exists only while the result table is complete.
 *
 * @param run the run that wrote the table
 * @param rows rows of the manifest, each of which has one result row
 * @param ok how many of them succeeded
 * @param failed how many of them failed
 * @param committer how the files were committed
 * @param madeOf digest of everything that decides the table, except earlier result rows; null from
 *     older versions
 */
@JsonIgnoreProperties(ignoreUnknown = true)
record TableMarker(
    @JsonProperty("run") String run,
    @JsonProperty("rows") long rows,
    @JsonProperty("ok") long ok,
    @JsonProperty("failed") long failed,
    @JsonProperty("committer") String committer,
    @JsonProperty("made_of") String madeOf) {
  private static final int MAX_BYTES = 1 << 20;

  /** Reads the marker; null if there is none, or if another program wrote it. */
  static TableMarker read(Storage storage, OutputLayout output) throws IOException {
    try {
      TableMarker marker =
          Json.MAPPER.readValue(storage.read(output.success(), MAX_BYTES), TableMarker.class);
      return marker == null || marker.run() == null ? null : marker;
    } catch (FileNotFoundException | JsonProcessingException e) {
      // Other programs write an empty file of this name.
      return null;
    }
  }

  /** The content of a file that says what other files were made of: the present table, and how. */
  static byte[] madeOf(Storage storage, OutputLayout output, String how) throws IOException {
    TableMarker table = read(storage, output);
    return (how + " of " + (table == null ? "no table" : table.run()))
        .getBytes(StandardCharsets.UTF_8);
  }

  /** Whether a file has this content. */
  static boolean isMadeOf(Storage storage, String path, byte[] content) throws IOException {
    try {
      return Arrays.equals(content, storage.read(path, MAX_BYTES));
    } catch (FileNotFoundException e) {
      return false;
    }
  }

  void write(Storage storage, OutputLayout output) throws IOException {
    storage.write(output.success(), Json.MAPPER.writeValueAsBytes(this));
  }
}
