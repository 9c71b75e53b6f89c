package io.glmimage.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.glmimage.request.Solver;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.CheckpointFolder;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/**
 * The least times, by hand at the real geometry: DiT of 30 layers, width 4096; text model of 40.
 */
class FloorsTest {
  private static final CheckpointFolder REAL =
      CheckpointFolder.openWithRandomWeights(
          Path.of("src/main/resources/models/glm-image-geometry"));

  private static Floors floors(Compute compute, int sources, int edits) {
    return new Floors(
        REAL,
        compute,
        new BenchSettings(
            1024,
            1024,
            50,
            1.5,
            Solver.EULER,
            0,
            edits,
            sources,
            40,
            new BenchSettings.Peak(790, 3)));
  }

  @Test
  void aBranchIsItsProductsAndItsAttention() {
    // 1024 x 1024 pixels are 64 x 64 tokens of the DiT; 32 glyph tokens.
    double tokens = 4096 + 32;
    double products = 30 * 24.0 * 4096 * 4096 * tokens;
    double attention = 30 * 4.0 * tokens * tokens * 4096;
    double withSource = 30 * 4.0 * tokens * (tokens + 4096) * 4096;
    Floors floors = floors(Compute.cpu(), 1, 1);
    assertEquals((products + attention) / 790e12, floors.branch(0), 1e-9);
    assertEquals((products + withSource) / 790e12, floors.branch(1), 1e-9);
    assertEquals(floors.branch(0) + floors.branch(1), floors.guidedStep(), 1e-12);
  }

  @Test
  void eightBitsHalveABranchWithItsAttention() {
    Floors usual = floors(Compute.cpu(), 1, 1);
    Floors fp8 = floors(Compute.cpu().withPrecision(Precision.FP8), 1, 1);
    for (int sources = 0; sources <= 2; sources++) {
      assertEquals(usual.branch(sources) / 2, fp8.branch(sources), 1e-9);
    }
    assertEquals(usual.guidedStep() / 2, fp8.guidedStep(), 1e-9);
  }

  @Test
  void aDecodingStepReadsAllWeightsOnce() {
    double attention = 4096.0 * 128 * (2 * 32 + 2 * 2);
    double mlp = 3.0 * 4096 * 13696;
    double head = 4096.0 * 16512;
    // Four bytes per weight: float32 on the CPU.
    assertEquals(
        4 * (40 * (attention + mlp) + head) / 3e12, floors(Compute.cpu(), 1, 1).decodeStep(), 1e-9);
  }

  @Test
  void aPromptIsItsProductsItsAttentionAndTheVisionTower() {
    // A source of 32 x 32 tokens between two others, 40 text tokens, and a start token.
    double tokens = 1024 + 2 + 40 + 1;
    double products = 40 * 2 * (4096.0 * 128 * (2 * 32 + 2 * 2) + 3.0 * 4096 * 13696) * tokens;
    double attention = 40 * 4 * (tokens * tokens / 2) * 4096;
    double tower = 40 * (2.0 * 1024 * 12 * 1536 * 1536 + 4.0 * 1024 * 1024 * 1536);
    Floors floors = floors(Compute.cpu(), 1, 1);
    assertEquals(tower / 790e12, floors.sourceTokens(), 1e-9);
    assertEquals((products + attention + tower) / 790e12, floors.prefill(), 1e-9);
    Floors fp8 = floors(Compute.cpu().withPrecision(Precision.FP8), 1, 1);
    assertEquals(products / 2 / 790e12, floors.prefill() - fp8.prefill(), 1e-9);
    assertEquals(0, floors(Compute.cpu(), 0, 1).sourceTokens());
  }

  @Test
  void reusedStepsCostNothing() {
    Floors floors = floors(Compute.cpu(), 1, 4);
    assertEquals(20 * floors.guidedStep(), floors.edit(1024, 10) - floors.edit(1024, 30), 1e-9);
    // The CPU decodes one row after the other, so an image pays for all of its steps.
    assertEquals(1024 * floors.decodeStep(), floors.priorPerImage(1024), 1e-9);
  }
}
