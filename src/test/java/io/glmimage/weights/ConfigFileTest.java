package io.glmimage.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.CheckpointException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

class ConfigFileTest {
  @TempDir private Path folder;

  @Test
  void everyErrorNamesFileAndKey() throws IOException {
    ConfigFile config =
        config("{\"a\":{\"n\":1.5,\"s\":\"x\",\"l\":[1,2.5],\"z\":0},\"f\":\"yes\"}");
    ConfigFile inner = config.object("a");
    refused(() -> inner.integer("n"), "a.n", "1.5", "a whole number");
    refused(() -> inner.size("z"), "a.z", "above 0");
    refused(() -> inner.integers("l"), "a.l");
    refused(() -> inner.number("s"), "a.s", "a number");
    refused(() -> inner.text("missing"), "a.missing");
    refused(() -> config.object("f"), "f", "an object");
    refused(() -> config.flag("f", true), "f", "true or false");
    refused(() -> inner.requireText("s", "p", "q"), "a.s", "p, q");
    assertEquals(7, inner.integer("missing", 7));
    inner.requireText("missing", "p");
  }

  @Test
  void missingFilesAndFilesThatAreNotJsonAreNamed() throws IOException {
    refused(() -> ConfigFile.read(folder.resolve("none.json")), "none.json", "missing");
    refused(() -> config("{\"a\":"), "config.json", "not valid JSON");
    refused(() -> config("[1]"), "config.json", "not a JSON object");
  }

  private void refused(Executable read, String... words) {
    CheckpointException e = assertThrows(CheckpointException.class, read);
    for (String word : words) {
      assertTrue(e.getMessage().contains(word), e.getMessage() + " should name " + word);
    }
  }

  private ConfigFile config(String json) throws IOException {
    return ConfigFile.read(Files.writeString(folder.resolve("config.json"), json));
  }
}
