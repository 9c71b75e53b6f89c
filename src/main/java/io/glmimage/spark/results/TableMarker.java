package io.glmimage.spark.results;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.io.Storage;
import io.glmimage.output.OutputLayout;
import java.io.FileNotFoundException;
import java.io.IOException;

/**
 * What {@code results/_SUCCESS} says of the result table, while that is whole.
 *
 * @param run that made it
 * @param rows of the manifest, each with one line
 * @param ok of them
 * @param failed of them
 * @param committer of its files
 * @param madeOf digest of what decides its lines, besides earlier lines; null from older versions
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

  /** Null where there is none of this program: the table is not whole, or there is no table. */
  static TableMarker read(Storage storage, OutputLayout output) throws IOException {
    try {
      TableMarker marker =
          new ObjectMapper()
              .readValue(storage.read(output.success(), MAX_BYTES), TableMarker.class);
      return marker == null || marker.run() == null ? null : marker;
    } catch (FileNotFoundException | JsonProcessingException e) {
      // Other programs leave an empty file of this name.
      return null;
    }
  }

  void write(Storage storage, OutputLayout output) throws IOException {
    storage.write(output.success(), new ObjectMapper().writeValueAsBytes(this));
  }
}
