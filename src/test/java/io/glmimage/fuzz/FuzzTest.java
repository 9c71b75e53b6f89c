package io.glmimage.fuzz;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.InvalidRequestException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Reads the corpus of each fuzz target, and then changed copies of it. {@code .ci/fuzz.sh} searches
 * for new inputs, guided by coverage.
 */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class FuzzTest {
  private static final long MUTATING = TimeUnit.SECONDS.toNanos(1);

  /** Bounds the sequence, so that one long run covers every input that any machine can reach. */
  private static final int MOST_MUTATIONS = 5_000;

  @ParameterizedTest
  @EnumSource(FuzzTarget.class)
  void theCorpusAndItsMutationsAreReadOrRefused(FuzzTarget target) {
    List<byte[]> inputs = target.inputs();
    assertFalse(inputs.isEmpty(), "a corpus");
    inputs.forEach(input -> feed(target, input));
    Mutations mutations = new Mutations(inputs, /* seed= */ 1);
    long end = System.nanoTime() + MUTATING;
    for (int i = 0; i < MOST_MUTATIONS && System.nanoTime() < end; i++) {
      feed(target, mutations.next());
    }
  }

  private static void feed(FuzzTarget target, byte[] input) {
    try {
      target.feed(input);
    } catch (RuntimeException | Error e) {
      throw new AssertionError(
          target + " fails on this input (Base64): " + Base64.getEncoder().encodeToString(input),
          e);
    }
  }

  @Test
  void anExceptionOfAnotherKindIsAFinding() {
    byte[] any = {1};
    assertThrows(
        IllegalStateException.class,
        () ->
            FuzzTarget.feed(
                input -> {
                  throw new IllegalStateException("foreign");
                },
                any));
    assertThrows(
        AssertionError.class,
        () ->
            FuzzTarget.feed(
                input -> {
                  throw new InvalidRequestException(" ");
                },
                any));
    FuzzTarget.feed(
        input -> {
          throw new InvalidRequestException("Cannot read this: it is 1");
        },
        any);
  }

  @Test
  void mutationsRepeatWithTheirSeedAndDiffer() {
    List<byte[]> inputs = List.of("{\"id\":1}".getBytes(StandardCharsets.UTF_8), new byte[0]);
    Mutations one = new Mutations(inputs, 7);
    Mutations two = new Mutations(inputs, 7);
    boolean longer = false;
    for (int i = 0; i < 100; i++) {
      byte[] next = one.next();
      assertArrayEquals(next, two.next());
      longer |= next.length > 8;
    }
    assertTrue(longer);
  }
}
