package io.glmimage.manifest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.UsageException;
import java.util.List;
import org.junit.jupiter.api.Test;

class ManifestFormatTest {
  private static ManifestFormat detect(String file, List<String> firstLines) {
    return ManifestFormat.detect(file, firstLines.iterator());
  }

  @Test
  void detectsTheFormatByNameAndFirstLine() {
    String batch = "{\"custom_id\":\"a\",\"body\":{}}";
    assertEquals(ManifestFormat.CSV, detect("s3a://b/x.CSV", List.of()));
    assertEquals(ManifestFormat.TSV, detect("s3a://b/x.TSV", List.of()));
    assertEquals(ManifestFormat.OPENAI_BATCH, detect("x.jsonl", List.of(batch)));
    assertEquals(ManifestFormat.JSONL, detect("x.ndjson", List.of("{\"prompt\":\"p\"}")));
    assertEquals(ManifestFormat.JSONL, detect("x.jsonl", List.of("{")));
    assertEquals(ManifestFormat.PARQUET, detect("x", List.of(batch)));
    assertEquals(ManifestFormat.CSV, detect("x.csv.gz", List.of()));
    assertEquals(ManifestFormat.PARQUET, detect("x.gz.parquet", List.of()));
  }

  @Test
  void onlyJsonFilesNeedTheirFirstLine() {
    assertTrue(ManifestFormat.needsFirstLines("a.JSONL"));
    assertFalse(ManifestFormat.needsFirstLines("a.csv"));
    assertFalse(ManifestFormat.needsFirstLines("a"));
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

  @Test
  void aBatchIsRecognisedByTheFirstLineThatCanBeRead() {
    String good = "{\"custom_id\":\"a\",\"url\":\"/v1/images/edits\",\"body\":{}}";
    String broken = "{\"custom_id\":\"a\",\"url\":\"/v1/images/edits\",";
    for (List<String> lines :
        List.of(
            List.of("{", good), List.of("x", "[1]", good), List.of(broken), List.of("", broken))) {
      assertEquals(ManifestFormat.OPENAI_BATCH, detect("x.jsonl", lines));
    }
    assertEquals(ManifestFormat.JSONL, detect("x.jsonl", List.of("{\"prompt\":1}", good)));
  }
}
