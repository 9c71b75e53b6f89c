package io.glmimage.model.scheduler;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.CheckpointException;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.weights.ConfigFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FlowMatchEulerSchedulerTest {
  private static final String USUAL =
      "\"use_dynamic_shifting\": true, \"time_shift_type\": \"linear\", \"base_shift\": 0.25,"
          + " \"max_shift\": 0.75";

  @TempDir private Path folder;

  private FlowMatchEulerScheduler scheduler(String json) throws IOException {
    Path file = folder.resolve("scheduler_config.json");
    Files.writeString(file, "{" + json + "}");
    return FlowMatchEulerScheduler.of(ConfigFile.read(file));
  }

  @Test
  void oneStepGoesFromPureNoiseToTheEnd() throws IOException {
    Schedule schedule = scheduler(USUAL).schedule(1, 16);
    assertArrayEquals(new float[] {1000}, schedule.timesteps());
    assertArrayEquals(new double[] {999}, schedule.networkTimesteps());
    assertArrayEquals(new float[] {1, 0}, schedule.sigmas());
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 7, 20, 37, 50, 333, 999, 1000})
  void timestepsAndSigmasFallStrictly(int steps) throws IOException {
    Schedule schedule = scheduler(USUAL).schedule(steps, 4096);
    assertEquals(steps, schedule.steps());
    assertEquals(steps + 1, schedule.sigmas().length);
    for (int i = 0; i < steps; i++) {
      assertTrue(schedule.sigmas()[i + 1] < schedule.sigmas()[i], "sigma " + i);
      assertTrue(i == 0 || schedule.timesteps()[i] < schedule.timesteps()[i - 1], "step " + i);
    }
    assertEquals(0, schedule.sigmas()[steps]);
    assertTrue(schedule.timesteps()[steps - 1] >= 1);
  }

  /** A line is integrated exactly over steps of any width, by all steps but the first. */
  @ParameterizedTest
  @ValueSource(ints = {2, 3, 10, 50})
  void theSecondOrderIsExactForNoiseThatChangesLinearly(int steps) throws IOException {
    Schedule schedule = scheduler(USUAL).schedule(steps, 64);
    float[] sigmas = schedule.sigmas();
    float[] factors = schedule.extrapolations();
    assertEquals(steps, factors.length);
    assertEquals(0, factors[0]);
    // The noise is 3 sigma + 1.
    double x = 0;
    for (int i = 1; i < steps; i++) {
      double noise = 3.0 * sigmas[i] + 1;
      double before = 3.0 * sigmas[i - 1] + 1;
      x += (sigmas[i + 1] - sigmas[i]) * (noise + factors[i] * (noise - before));
    }
    double from = sigmas[1];
    assertEquals(-(1.5 * from * from + from), x, 1e-6);
  }

  @Test
  void oneStepHasNothingToExtrapolate() throws IOException {
    assertArrayEquals(new float[] {0}, scheduler(USUAL).schedule(1, 16).extrapolations());
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 0, 1001, Integer.MAX_VALUE})
  void refusesStepCountsThatNoScheduleHas(int steps) throws IOException {
    FlowMatchEulerScheduler scheduler = scheduler(USUAL);
    assertEquals(
        "Cannot denoise in " + steps + " steps: expected 1 to 1000",
        assertThrows(InvalidRequestException.class, () -> scheduler.schedule(steps, 16))
            .getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"use_karras_sigmas\": true | use_karras_sigmas",
        "\"use_exponential_sigmas\": true | use_exponential_sigmas",
        "\"use_beta_sigmas\": true | use_beta_sigmas",
        "\"invert_sigmas\": true | invert_sigmas",
        "\"stochastic_sampling\": true | stochastic_sampling",
        "\"shift_terminal\": 0.02 | shift_terminal",
        "\"use_lu_lambdas\": true | use_lu_lambdas",
        "\"_class_name\": \"DDIMScheduler\" | _class_name",
        "\"base_shift\": -1 | base_shift",
        "\"num_train_timesteps\": 0 | num_train_timesteps",
      })
  void refusesSettingsItDoesNotKnow(String setting, String key) {
    String message =
        assertThrows(CheckpointException.class, () -> scheduler(USUAL + ", " + setting))
            .getMessage();
    assertTrue(message.contains("scheduler_config.json") && message.contains(key), message);
  }

  @Test
  void refusesStaticAndExponentialShifts() {
    assertThrows(CheckpointException.class, () -> scheduler("\"time_shift_type\": \"linear\""));
    assertThrows(CheckpointException.class, () -> scheduler("\"use_dynamic_shifting\": true"));
  }

  @Test
  void readsTheShiftFromTheFile() throws IOException {
    FlowMatchEulerScheduler scheduler =
        scheduler(
            USUAL
                + ", \"base_shift\": 0.5, \"max_shift\": 2, \"base_image_seq_len\": 64,"
                + " \"num_train_timesteps\": 100, \"shift_terminal\": null");
    assertEquals(4.5, scheduler.mu(256), 1e-12);
    Schedule schedule = scheduler.schedule(100, 256);
    assertEquals(100, schedule.timesteps()[0]);
    assertEquals(1, schedule.timesteps()[99]);
    assertEquals(4.5 / (4.5 + 99), schedule.sigmas()[99], 1e-6);
  }
}
