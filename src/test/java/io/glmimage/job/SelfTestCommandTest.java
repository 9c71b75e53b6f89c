package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.glmimage.json.Json;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("spark")
class SelfTestCommandTest extends SharedSession {
  private final JobConsole job = new JobConsole();

  @Test
  void aHealthyMachinePassesAndNothingIsLeftBehind() throws Exception {
    Path output = folder.resolve("out");
    int code = job.run("self-test", "--device", "cpu", "--output", output.toString());
    List<String> lines = job.out().lines().toList();
    assertEquals(0, code, job.out() + job.err());
    assertEquals(3, lines.size());
    assertTrue(lines.get(0).startsWith("OK     driver: libraries: libtorch "), lines.get(0));
    assertTrue(
        lines.get(1).startsWith("OK     driver: edit: the circle became green ("), lines.get(1));
    assertTrue(lines.get(2).startsWith("OK     driver: output: wrote, read"), lines.get(2));
    try (Stream<Path> left = Files.list(output)) {
      assertEquals(List.of(), left.toList());
    }
  }

  @Test
  void aCheckThatFailsNamesTheExecutorAndTheOthersStillRun() throws Exception {
    Path file = Files.writeString(folder.resolve("file"), "not a folder");
    int code =
        job.run(
            "self-test", "--all-executors", "--json", "--device", "cpu", "--output", file + "/out");
    assertEquals(1, code);
    JsonNode findings = Json.MAPPER.readTree(job.out());
    assertEquals(3, findings.size(), "one executor, tested once");
    for (JsonNode finding : findings) {
      assertTrue(finding.get("where").asText().endsWith(" cpu"), finding.toString());
      assertEquals(!finding.get("check").asText().equals("output"), finding.get("ok").asBoolean());
    }
    assertTrue(findings.get(2).get("detail").asText().contains(file.toString()));
  }

  @Test
  void aGpuThatIsNotThereFails() {
    int code = job.run("self-test", "--device", "cuda:7");
    assertEquals(1, code);
    assertTrue(job.out().startsWith("FAILED driver: libraries: Cannot use cuda:7: "), job.out());
    assertFalse(job.out().contains("Exception"), job.out());
  }
}
