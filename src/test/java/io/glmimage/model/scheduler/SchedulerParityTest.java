package io.glmimage.model.scheduler;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import io.glmimage.golden.GoldenCase;
import io.glmimage.golden.Goldens;
import io.glmimage.golden.Tolerance;
import io.glmimage.weights.ConfigFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Tag("parity")
class SchedulerParityTest {
  private static final Pattern STRIDE = Pattern.compile("every (\\d+)\\w* value");

  @TempDir private Path folder;

  static List<GoldenCase> cases() {
    return Goldens.cases("08_scheduler");
  }

  @ParameterizedTest
  @MethodSource("cases")
  void timestepsSigmasAndStepsMatchTheReference(GoldenCase golden) throws IOException {
    Path config = folder.resolve("scheduler_config.json");
    Files.writeString(config, golden.json().get("scheduler_config").toString());
    FlowMatchEulerScheduler scheduler = FlowMatchEulerScheduler.of(ConfigFile.read(config));
    int compared = 0;
    for (JsonNode call : golden.json().get("cases")) {
      String name = call.get("name").asText();
      int steps = call.get("num_inference_steps").asInt();
      int tokens = call.get("image_seq_len").asInt();
      Schedule schedule = scheduler.schedule(steps, tokens);
      assertEquals(call.get("mu").asDouble(), scheduler.mu(tokens), 1e-15);
      assertEquals(steps, schedule.steps());
      check(golden, name + "/timesteps", schedule.timesteps());
      check(golden, name + "/passed_timesteps", schedule.timesteps());
      check(golden, name + "/sigmas", schedule.sigmas());
      for (int k = 0; k < steps; k++) {
        assertEquals(schedule.timesteps()[k] - 1, schedule.networkTimesteps()[k]);
        if (golden.has(name + "/sample_" + k)) {
          float[] sample = golden.floats(name + "/sample_" + k);
          float[] noise = golden.floats(name + "/model_output_" + k);
          float delta = schedule.sigmas()[k + 1] - schedule.sigmas()[k];
          for (int i = 0; i < sample.length; i++) {
            sample[i] += delta * noise[i];
          }
          golden
              .tolerance()
              .check(
                  golden.name(), name + "/next_" + k, golden.floats(name + "/next_" + k), sample);
          compared++;
        }
      }
    }
    Goldens.require(compared > 0, "Euler steps in " + golden);
  }

  /** Long lists are stored in part. The note says which n-th value is stored. */
  private static void check(GoldenCase golden, String tensor, float[] all) {
    Matcher note =
        STRIDE.matcher(golden.json().at("/tensors").path(tensor).path("note").asText(""));
    float[] expected = golden.floats(tensor);
    int stride =
        note.find()
            ? Integer.parseInt(note.group(1))
            : expected.length == all.length
                ? 1
                : (all.length + expected.length - 1) / expected.length;
    float[] some = new float[(all.length + stride - 1) / stride];
    for (int i = 0; i < some.length; i++) {
      some[i] = all[i * stride];
    }
    new Tolerance(golden.tolerance().atol(), golden.tolerance().rtol())
        .check(golden.name(), tensor, expected, some);
  }
}
