package io.glmimage.error;

/** Phrases that many messages share. */
public final class Wording {
  private Wording() {}

  /** A number with its noun: {@code "1 row"}, {@code "2 rows"}. The noun's plural ends in s. */
  public static String count(long number, String noun) {
    return number + " " + noun + (number == 1 ? "" : "s");
  }

  /**
   * Why a row cannot be edited. A reason that a component has begun in the same way, for the row as
   * its request, is not begun again.
   */
  public static String rowFailure(String id, String why) {
    String start = "Cannot edit row " + id + ": ";
    String request = "Cannot edit request " + id + ": ";
    String reason = why;
    while (reason.startsWith(start) || reason.startsWith(request)) {
      reason = reason.substring(reason.startsWith(start) ? start.length() : request.length());
    }
    return start + reason;
  }
}
