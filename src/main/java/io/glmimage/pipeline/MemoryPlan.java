package io.glmimage.pipeline;

import io.glmimage.error.Wording;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Where a model's weights are while it edits. The plan does not change an image.
 *
 * @param weights where they are
 * @param rows that the prior decodes at a time
 * @param keepsCache whether the prior keeps its keys and values while images are denoised
 * @param weightBytes on the device
 * @param editBytes on the device, that edits of {@link WorkingMemory#MEDIUM} take besides (an
 *     estimate)
 * @param hostBytes of weights in host memory
 * @param available bytes on the device; empty if unknown
 */
public record MemoryPlan(
    Residence weights,
    int rows,
    boolean keepsCache,
    long weightBytes,
    long editBytes,
    long hostBytes,
    OptionalLong available) {

  /** Where weights are. */
  public enum Residence {
    /** All on the device. */
    RESIDENT,

    /**
     * The prior's and the transformer's in host memory, from where they come to the device in turns
     * for each batch of rows; the others on the device.
     */
    TURNS
  }

  /** All weights on a device whose memory is not compared with the need. */
  static MemoryPlan unchecked(int rows) {
    return new MemoryPlan(Residence.RESIDENT, rows, true, 0, 0, 0, OptionalLong.empty());
  }

  /**
   * The fastest plan that fits. Edits of {@link WorkingMemory#MEDIUM} should fit; otherwise, the
   * plan with the least need, if at least one edit of {@link WorkingMemory#SMALL} fits.
   *
   * @param available bytes on the device
   * @param host free bytes of host memory, for weights that take turns; negative if they must not
   * @return empty if nothing fits
   */
  public static Optional<MemoryPlan> choose(MemoryNeed need, long available, long host) {
    WorkingMemory medium = need.medium();
    if (need.resident() + medium.bytes() <= available) {
      return Optional.of(resident(need, available));
    }
    if (need.host() <= host) {
      long weights = need.inTurns();
      if (weights + medium.bytes() <= available) {
        return Optional.of(turns(need, need.rows(), true, medium.bytes(), available));
      }
      for (int rows = need.rows(); rows >= 1; rows /= 2) {
        long edits = medium.ofRows(rows, need.rows()).inPhases();
        if (weights + edits <= available) {
          return Optional.of(turns(need, rows, false, edits, available));
        }
      }
      if (weights + need.small().countedInPhases() <= available) {
        long edits = medium.ofRows(1, need.rows()).inPhases();
        return Optional.of(turns(need, 1, false, edits, available));
      }
    }
    return need.resident() + need.small().counted() <= available
        ? Optional.of(resident(need, available))
        : Optional.empty();
  }

  private static MemoryPlan resident(MemoryNeed need, long available) {
    return new MemoryPlan(
        Residence.RESIDENT,
        need.rows(),
        true,
        need.resident(),
        need.medium().bytes(),
        0,
        OptionalLong.of(available));
  }

  private static MemoryPlan turns(
      MemoryNeed need, int rows, boolean keepsCache, long edits, long available) {
    return new MemoryPlan(
        Residence.TURNS,
        rows,
        keepsCache,
        need.inTurns(),
        edits,
        need.host(),
        OptionalLong.of(available));
  }

  /** Whether edits of {@link WorkingMemory#MEDIUM} fit, as far as this is known. */
  public boolean fits() {
    return available.isEmpty() || weightBytes + editBytes <= available.getAsLong();
  }

  /** The plan with its numbers, for logs and reports. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    text.append(
        weights == Residence.RESIDENT
            ? "all weights on the device"
            : "prior and transformer take turns on the device");
    if (weightBytes > 0) {
      text.append(
          String.format(
              Locale.ROOT,
              ": %s GB of weights, about %s GB for edits of %s pixels, %s GB available",
              gigabytes(weightBytes),
              gigabytes(editBytes),
              WorkingMemory.MEDIUM,
              available.isPresent() ? gigabytes(available.getAsLong()) : "unknown"));
    }
    if (hostBytes > 0) {
      text.append("; ").append(gigabytes(hostBytes)).append(" GB of weights in host memory");
    }
    return text.append("; the prior decodes ")
        .append(Wording.count(rows, "row"))
        .append(" at a time")
        .append(keepsCache ? "" : " and frees its keys and values after each batch")
        .toString();
  }

  static String gigabytes(long bytes) {
    return String.format(Locale.ROOT, bytes < 50_000_000 ? "%.4f" : "%.1f", bytes / 1e9);
  }
}
