package io.glmimage.fuzz;

import java.util.Arrays;

/** What Jazzer runs. {@code .ci/fuzz.sh} names the target. */
public final class FuzzDriver {
  private static FuzzTarget target;

  private FuzzDriver() {}

  /** Called once, with Jazzer's {@code --target_args}. */
  public static void fuzzerInitialize(String[] args) {
    target =
        Arrays.stream(FuzzTarget.values())
            .filter(t -> args.length == 1 && t.label().equals(args[0]))
            .findFirst()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "Invalid target: "
                            + String.join(" ", args)
                            + ", expected one of "
                            + Arrays.stream(FuzzTarget.values()).map(FuzzTarget::label).toList()));
    // Classes load and native libraries unpack here, which the limit per input need not cover.
    target.inputs().forEach(target::feed);
  }

  /** Called for each input. */
  public static void fuzzerTestOneInput(byte[] input) {
    target.feed(input);
  }
}
