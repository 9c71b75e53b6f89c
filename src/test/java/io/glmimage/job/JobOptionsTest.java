package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.glmimage.error.UsageException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;

class JobOptionsTest {
  private static JobOptions options(String... more) {
    List<String> arguments = new ArrayList<>(List.of("--manifest=m.parquet", "--output=out"));
    arguments.addAll(List.of(more));
    return EditCommand.options(new Console(null, null, false, null, null), arguments);
  }

  @Test
  void everyOptionOfTheCommandLineIsReported() {
    TreeSet<String> expected = new TreeSet<>(List.of("packing"));
    var edit = OptionTables.commandLine().getSubcommands().get("edit").getCommandSpec();
    for (ArgSpec argument : OptionTables.arguments(edit)) {
      expected.add(((OptionSpec) argument).names()[0].substring(2));
    }
    assertEquals(expected, new TreeSet<>(options().byName().keySet()));
  }

  @Test
  void valuesAreThoseOfTheRunDefaultsIncluded() {
    Map<String, String> values =
        options(
                "--steps=3",
                "--output-format=webdataset",
                "--columns=prompt=caption",
                "--overwrite")
            .byName();
    assertEquals("3", values.get("steps"));
    assertEquals("1.5", values.get("guidance"));
    assertEquals("glm-image-tiny", values.get("model"));
    assertEquals("webdataset", values.get("output-format"));
    assertEquals("webdataset", values.get("packing"));
    assertEquals("png", values.get("image-format"));
    assertEquals("{prompt=caption}", values.get("columns"));
    assertEquals("true", values.get("overwrite"));
    assertEquals("true", values.get("resume"));
    assertEquals("files", values.get("resume-check"));
    assertEquals("null", values.get("height"));
    assertEquals("url", values.get("batch-response"));
  }

  @Test
  void theDemonstrationModelIsNotedUnlessItWasNamedAndNeverUsedUnaskedOnACluster() {
    assertEquals(
        Optional.of(
            "No --model is given: images are edited by the embedded demonstration model, which"
                + " knows coloured shapes only"),
        options().demonstrationNote(false));
    UsageException refused =
        assertThrows(UsageException.class, () -> options().demonstrationNote(true));
    assertEquals(
        "Cannot edit on a cluster without --model: the default is the embedded demonstration model,"
            + " which knows coloured shapes only. Give --model DIR with a GLM-Image checkpoint, or"
            + " --model demo for the demonstration model",
        refused.getMessage());
    for (String named : List.of("--model=demo", "--model=s3a://bucket/model", "--engine=noop")) {
      assertEquals(Optional.empty(), options(named).demonstrationNote(true), named);
    }
    assertEquals("glm-image-tiny", options("--model=demo").byName().get("model"));
    assertEquals(options().fingerprint(), options("--model=demo").fingerprint());
  }

  @Test
  void theFingerprintCoversWhatDeterminesTheEditedImages() {
    String standard = options().fingerprint();
    assertEquals(standard, options("--batch-size=16", "--commit-seconds=1").fingerprint());
    assertEquals(standard, options("--steps=50").fingerprint());
    assertNotEquals(standard, options("--steps=49").fingerprint());
    assertNotEquals(standard, options("--quality=90").fingerprint());
    assertNotEquals(standard, options("--exact-size=off").fingerprint());
    assertNotEquals(standard, options("--large-sources=fail").fingerprint());
    assertNotEquals(standard, options("--preset=fast").fingerprint());
    assertNotEquals(
        options("--preset=balanced").fingerprint(), options("--preset=fast").fingerprint());
  }
}
