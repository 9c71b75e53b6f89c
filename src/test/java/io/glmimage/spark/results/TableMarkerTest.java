package io.glmimage.spark.results;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.glmimage.io.Storage;
import io.glmimage.output.OutputLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TableMarkerTest {
  @TempDir private Path folder;
  private final Storage storage = new Storage(new Configuration());
  private OutputLayout output;

  @BeforeEach
  void open() {
    output = new OutputLayout(folder.toString());
  }

  private void write(String text) throws Exception {
    storage.write(output.success(), text.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void isReadAsItWasWritten() throws Exception {
    TableMarker marker = new TableMarker("run", 5, 3, 2, "magic", "digest");
    marker.write(storage, output);
    assertEquals(marker, TableMarker.read(storage, output));
    assertEquals(
        "{\"run\":\"run\",\"rows\":5,\"ok\":3,\"failed\":2,\"committer\":\"magic\","
            + "\"made_of\":\"digest\"}",
        new String(storage.read(output.success(), 1000), StandardCharsets.UTF_8));
  }

  @Test
  void olderVersionsSayLessAndNewerOnesMore() throws Exception {
    write("{\"run\":\"r\",\"rows\":1,\"ok\":1,\"failed\":0,\"committer\":\"rename\"}");
    assertEquals(new TableMarker("r", 1, 1, 0, "rename", null), TableMarker.read(storage, output));
    write("{\"run\":\"r\",\"rows\":1,\"ok\":1,\"failed\":0,\"new_field\":[1]}");
    assertEquals(1, TableMarker.read(storage, output).rows());
  }

  @Test
  void thereIsNoneWithoutATable() throws Exception {
    assertNull(TableMarker.read(storage, output));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "\n", "null", "{}", "[]", "7", "no JSON", "{\"rows\":3}"})
  void filesOfOtherProgramsAreNotMarkers(String content) throws Exception {
    write(content);
    assertNull(TableMarker.read(storage, output));
  }
}
