package io.glmimage.fuzz;

import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Changed copies of inputs; the same seed gives the same sequence. */
final class Mutations {
  private static final int LONGEST = 64 << 10;

  /** Numbers at the limits of fields. */
  private static final byte[][] NUMBERS = {
    {0},
    {1},
    {(byte) 0x7f},
    {(byte) 0x80},
    {(byte) 0xff},
    {(byte) 0xff, (byte) 0xff},
    {0, 0, 0, 0},
    {0x7f, (byte) 0xff, (byte) 0xff, (byte) 0xff},
    {(byte) 0xff, (byte) 0xff, (byte) 0xff, 0x7f},
    {(byte) 0xff, (byte) 0xff, (byte) 0xff, (byte) 0xff},
    {'"'},
    {'\\'},
    {'{'},
    {'['},
    {'\n'},
    {',', ','},
    {'1', 'e', '9', '9', '9', '9'},
  };

  private final Random random;
  private final List<byte[]> inputs;

  Mutations(List<byte[]> inputs, long seed) {
    this.inputs = inputs;
    this.random = new Random(seed);
  }

  /** One of the inputs with one to eight changes. */
  byte[] next() {
    byte[] out = any().clone();
    for (int i = 1 + random.nextInt(8); i > 0; i--) {
      out = changed(out);
    }
    return out.length > LONGEST ? Arrays.copyOf(out, LONGEST) : out;
  }

  private byte[] any() {
    return inputs.get(random.nextInt(inputs.size()));
  }

  private byte[] changed(byte[] in) {
    if (in.length == 0) {
      return any().clone();
    }
    int at = random.nextInt(in.length);
    int length = 1 + random.nextInt(Math.min(64, in.length - at));
    return switch (random.nextInt(6)) {
      case 0 -> {
        byte[] out = in.clone();
        out[at] ^= (byte) (1 << random.nextInt(8));
        yield out;
      }
      case 1 -> {
        byte[] number = NUMBERS[random.nextInt(NUMBERS.length)];
        byte[] out = in.clone();
        System.arraycopy(number, 0, out, at, Math.min(number.length, in.length - at));
        yield out;
      }
      case 2 -> replaced(in, at, at + length, new byte[0]);
      case 3 -> replaced(in, at, at, Arrays.copyOfRange(in, at, at + length));
      case 4 -> Arrays.copyOf(in, at);
      default -> {
        byte[] other = any();
        int from = other.length == 0 ? 0 : random.nextInt(other.length);
        yield replaced(in, at, at + length, Arrays.copyOfRange(other, from, other.length));
      }
    };
  }

  private static byte[] replaced(byte[] in, int from, int to, byte[] by) {
    byte[] out = new byte[in.length - (to - from) + by.length];
    System.arraycopy(in, 0, out, 0, from);
    System.arraycopy(by, 0, out, from, by.length);
    System.arraycopy(in, to, out, from + by.length, in.length - to);
    return out;
  }
}
