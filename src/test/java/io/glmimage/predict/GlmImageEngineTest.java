package io.glmimage.predict;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.tensor.DeviceName;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class GlmImageEngineTest {
  private static final Path MODEL = Path.of("src/main/resources/models/glm-image-tiny");

  @Test
  void theProgressOfLoadingGrowsUpToTheTotal() {
    List<Long> loaded = new ArrayList<>();
    List<Long> totals = new ArrayList<>();
    EngineSettings settings = EngineSettings.of(DeviceName.parse("cpu"));
    try (GlmImageEngine engine =
        GlmImageEngine.load(
            MODEL,
            settings,
            (bytes, total) -> {
              synchronized (loaded) {
                loaded.add(bytes);
                totals.add(total);
              }
            })) {
      assertTrue(loaded.size() > 100, loaded.size() + " reports");
      assertEquals(loaded.stream().sorted().toList(), loaded);
      assertEquals(totals.get(0), loaded.get(loaded.size() - 1));
      assertTrue(engine.description().contains("cpu"), engine.description());
    }
  }
}
