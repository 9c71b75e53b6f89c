package io.glmimage.weights;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class CheckpointFilesTest {
  @Test
  void onlyCheckpointFilesBelong() {
    for (String yes :
        List.of(
            "model_index.json",
            "transformer/diffusion_pytorch_model-00001-of-00003.safetensors",
            "vision_language_encoder/fixture.model().safetensors.index.json",
            "processor/chat_template.jinja",
            "tokenizer/merges.txt")) {
      assertTrue(CheckpointFiles.belongs(yes), yes);
    }
    for (String no :
        List.of(
            "transformer/fixture.model().bin",
            "vae/weights.pt",
            "secrets/keys.json",
            ".git/config.json",
            "transformer/.hidden.json",
            "transformer/../../etc/x.json",
            "..\\x.json",
            "run.py",
            "README.md",
            "vae/a/b.json")) {
      assertFalse(CheckpointFiles.belongs(no), no);
    }
  }
}
