package io.glmimage.output;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.ErrorClass;
import io.glmimage.error.Redaction;
import io.glmimage.manifest.EditSettings;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.manifest.MaskSource;
import io.glmimage.manifest.Rejection;
import io.glmimage.quality.QualityFigures;
import io.glmimage.quality.QualityFlag;
import io.glmimage.request.Preset;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class LedgerJsonTest {
  private static final ResultRow.Origin ORIGIN =
      new ResultRow.Origin("f", "s", "run", Preset.BALANCED);
  private static final ResultRow DONE =
      ResultRow.done(
          new ManifestRow(
              3,
              "a\n\"b\"",
              "p",
              List.of("x.png"),
              List.of("/x.png"),
              new EditSettings(64, 96, 20, 1.5, 7, 0),
              new MaskSource("/mask.png", true)),
          new ResultRow.EditedFile("out/a.png", "sha", 64, 96, 0.5),
          new Verdict(QualityFlag.OK, new QualityFigures(0.25, 0.5, 20.0, 0.125)),
          new RowTimes(0.5, 2, 0.25, 1, 0.125, 0.25),
          "m",
          ORIGIN);

  private static ResultRow failed(String error) {
    return ResultRow.failed(
        new Rejection(4, "b", null, List.of(), "bad"),
        ErrorClass.INVALID_ROW,
        error,
        RowTimes.NONE,
        "m",
        new ResultRow.Origin("f", null, "run"));
  }

  private static String json(ResultRow row) {
    return LedgerJson.row(row.values(Redaction.ofPatterns()));
  }

  @Test
  void columnsAreNamedAndInTheOrderOfTheTable() {
    assertEquals(
        "{\"row_index\":3,\"id\":\"a\\n\\\"b\\\"\",\"status\":\"OK\",\"output_path\":\"out/a.png\","
            + "\"width\":96,\"height\":64,\"scale\":0.5,\"quality\":\"OK\",\"changed_fraction\":0.25,\"ssim\":0.5,\"psnr\":20.0,"
            + "\"flatness\":0.125,\"seed\":7,\"num_inference_steps\":20,"
            + "\"guidance_scale\":1.5,\"preset\":\"balanced\",\"seconds\":2.75,\"read_seconds\":0.5,"
            + "\"prior_seconds\":0.25,\"denoise_seconds\":1.0,\"decode_seconds\":0.125,"
            + "\"write_seconds\":0.25,\"prompt\":\"p\",\"image_paths\":[\"x.png\"],"
            + "\"mask_path\":\"transparent:/mask.png\",\"model\":\"m\","
            + "\"output_sha256\":\"sha\",\"fingerprint\":\"f\",\"sources_fingerprint\":\"s\","
            + "\"run\":\"run\"}",
        json(DONE));
  }

  @Test
  void everyColumnHasAValueInSomeRow() {
    Set<ResultColumn> columns = EnumSet.noneOf(ResultColumn.class);
    columns.addAll(DONE.values(Redaction.ofPatterns()).keySet());
    columns.addAll(failed("why").values(Redaction.ofPatterns()).keySet());
    assertEquals(EnumSet.allOf(ResultColumn.class), columns);
  }

  @Test
  void aRejectedRowHasNoSettings() {
    assertEquals(
        Set.of(
            "row_index",
            "id",
            "status",
            "error_class",
            "error",
            "seconds",
            "read_seconds",
            "prior_seconds",
            "denoise_seconds",
            "decode_seconds",
            "write_seconds",
            "image_paths",
            "model",
            "fingerprint",
            "run"),
        failed("why").values(Redaction.ofPatterns()).keySet().stream()
            .map(ResultColumn::column)
            .collect(Collectors.toSet()));
  }

  @Test
  void longErrorsAreCut() {
    String error = failed("x".repeat(5000)).failure().message();
    assertEquals("x".repeat(2000) + "...", error);
  }

  @Test
  void aFileIsReadAsItWasWritten() throws Exception {
    List<String> rows = List.of(json(DONE), json(failed("why\rnow")));
    byte[] file = LedgerJson.file(rows);
    assertEquals(rows, LedgerJson.rows(file));
    Map<String, String> byId = LedgerJson.byId(file);
    assertEquals(List.of("a\n\"b\"", "b"), List.copyOf(byId.keySet()));
    assertFalse(LedgerJson.isFailed(byId.get("a\n\"b\"")));
    assertTrue(LedgerJson.isFailed(byId.get("b")));
  }

  /** Earlier versions wrote this; the columns of later versions are missing. */
  @Test
  void filesOfEarlierVersionsAreRead() throws Exception {
    byte[] file =
        "{\"id\":\"a\",\"status\":\"OK\"}\n\n{\"id\":\"a\",\"status\":\"FAILED\",\"new\":1}\n"
            .getBytes(StandardCharsets.UTF_8);
    assertEquals(2, LedgerJson.rows(file).size());
    assertTrue(LedgerJson.isFailed(LedgerJson.byId(file).get("a")));
  }
}
