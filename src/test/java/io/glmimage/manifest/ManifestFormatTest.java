package io.glmimage.manifest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.UsageException;
import org.junit.jupiter.api.Test;

class ManifestFormatTest {
  @Test
  void detectsTheFormatByNameAndFirstLine() {
    String batch = "{\"custom_id\":\"a\",\"body\":{}}";
    assertEquals(ManifestFormat.CSV, ManifestFormat.detect("s3a://b/x.CSV", ""));
    assertEquals(ManifestFormat.TSV, ManifestFormat.detect("s3a://b/x.TSV", ""));
    assertEquals(ManifestFormat.OPENAI_BATCH, ManifestFormat.detect("x.jsonl", batch));
    assertEquals(ManifestFormat.JSONL, ManifestFormat.detect("x.ndjson", "{\"prompt\":\"p\"}"));
    assertEquals(ManifestFormat.JSONL, ManifestFormat.detect("x.jsonl", "{"));
    assertEquals(ManifestFormat.PARQUET, ManifestFormat.detect("x", batch));
  }

  @Test
  void onlyJsonFilesNeedTheirFirstLine() {
    assertTrue(ManifestFormat.needsFirstLine("a.JSONL"));
    assertFalse(ManifestFormat.needsFirstLine("a.csv"));
    assertFalse(ManifestFormat.needsFirstLine("a"));
  }

  @Test
  void formatsHaveNames() {
    assertNull(ManifestFormat.named("auto"));
    for (ManifestFormat format : ManifestFormat.values()) {
      assertEquals(format, ManifestFormat.named(format.option()));
    }
    assertEquals(
        "Invalid --manifest-format: xml, expected one of auto, parquet, jsonl, csv, tsv,"
            + " openai-batch",
        assertThrows(UsageException.class, () -> ManifestFormat.named("xml")).getMessage());
  }
}
