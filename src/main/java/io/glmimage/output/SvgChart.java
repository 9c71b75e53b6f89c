package io.glmimage.output;

import java.util.Locale;

/**
 * A chart of the report as SVG. Positions on both axes are fractions: x from 0 (left) to 1 (right),
 * y from 0 (the axis) to 1 (the highest value).
 */
final class SvgChart {
  private static final int WIDTH = 560;
  private static final int HEIGHT = 170;

  /** Room for the 0 of the vertical axis. */
  private static final int LEFT = 20;

  /** Room for the highest value, which may have many digits: it is above the chart. */
  private static final int TOP = 28;

  private static final int BELOW = 22;

  private final StringBuilder svg = new StringBuilder();

  SvgChart() {
    add(
        "<svg viewBox=\"0 0 %d %d\" role=\"img\">"
            + "<line x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\" stroke=\"var(--line)\"/>",
        LEFT + WIDTH + 8, HEIGHT + BELOW, LEFT, LEFT + WIDTH, HEIGHT, HEIGHT);
  }

  /**
   * Draws a line, and fills the area below it.
   *
   * @param x positions, not decreasing
   * @param y heights at these positions
   */
  void area(double[] x, double[] y) {
    StringBuilder points = new StringBuilder();
    for (int i = 0; i < x.length; i++) {
      points.append(
          String.format(Locale.ROOT, "%.1f,%.1f ", LEFT + x[i] * WIDTH, HEIGHT - height(y[i])));
    }
    add(
        "<polygon fill=\"var(--bar)\" fill-opacity=\".18\" points=\"%d,%d %s%d,%d\"/>",
        LEFT, HEIGHT, points, LEFT + WIDTH, HEIGHT);
    add("<polyline fill=\"none\" stroke=\"var(--bar)\" stroke-width=\"2\" points=\"%s\"/>", points);
  }

  /**
   * Draws a bar.
   *
   * @param index of the bar, from 0
   * @param bars number of bars in the chart
   * @param y height
   * @param title shown when the mouse is over the bar; HTML
   */
  void bar(int index, int bars, double y, String title) {
    double width = (double) WIDTH / bars;
    add(
        "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"2\" fill=\"var(--bar)\">"
            + "<title>%s</title></rect>",
        LEFT + index * width + 1, HEIGHT - height(y), Math.max(1, width - 2), height(y), title);
  }

  /** Labels the ends of both axes. The vertical axis begins at 0. */
  void labels(String highest, String left, String right) {
    label(0, TOP - 11, "start", highest);
    label(LEFT - 4, HEIGHT, "end", "0");
    label(LEFT, HEIGHT + 16, "start", left);
    label(LEFT + WIDTH, HEIGHT + 16, "end", right);
  }

  /** The chart as an element of a page. */
  String html() {
    return svg + "</svg>";
  }

  private void label(int x, int y, String anchor, String text) {
    add("<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">%s</text>", x, y, anchor, text);
  }

  private static double height(double y) {
    return y * (HEIGHT - TOP);
  }

  private void add(String format, Object... values) {
    svg.append(String.format(Locale.ROOT, format, values));
  }
}
