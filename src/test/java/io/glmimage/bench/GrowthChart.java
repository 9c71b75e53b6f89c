package io.glmimage.bench;

import java.util.Locale;
import java.util.Map;

/** A chart of seconds over rows, both on logarithmic axes, with a line of proportional growth. */
final class GrowthChart {
  private static final int WIDTH = 640;
  private static final int HEIGHT = 400;
  private static final int LEFT = 70;
  private static final int BOTTOM = 350;
  private static final int RIGHT = 600;
  private static final int TOP = 40;

  private final double firstX;
  private final double lastX;
  private final double firstY;
  private final double lastY;

  private GrowthChart(Map<Long, Double> seconds) {
    double least = seconds.values().stream().mapToDouble(v -> v).min().orElseThrow();
    double most = seconds.values().stream().mapToDouble(v -> v).max().orElseThrow();
    firstX =
        Math.floor(
            log(seconds.keySet().stream().mapToDouble(Long::doubleValue).min().orElseThrow()));
    lastX =
        Math.ceil(
            log(seconds.keySet().stream().mapToDouble(Long::doubleValue).max().orElseThrow()));
    firstY = Math.floor(log(least));
    lastY = Math.ceil(log(most));
  }

  static String svg(Map<Long, Double> seconds) {
    return new GrowthChart(seconds).draw(seconds);
  }

  private String draw(Map<Long, Double> seconds) {
    StringBuilder svg = new StringBuilder();
    add(
        svg,
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' font-family='sans-serif'"
            + " font-size='12'>",
        WIDTH,
        HEIGHT);
    add(svg, "<rect width='%d' height='%d' fill='white'/>", WIDTH, HEIGHT);
    add(
        svg,
        "<text x='%d' y='22'>CPU seconds of a whole run that edits nothing, start of Java and Spark included</text>",
        LEFT);
    add(svg, "<text x='%d' y='%d' text-anchor='end'>rows</text>", RIGHT, HEIGHT - 8);
    for (double x = firstX; x <= lastX; x++) {
      add(
          svg,
          "<line x1='%.1f' y1='%d' x2='%.1f' y2='%d' stroke='#ddd'/>",
          x(x),
          TOP,
          x(x),
          BOTTOM);
      add(
          svg,
          "<text x='%.1f' y='%d' text-anchor='middle'>10<tspan dy='-5' font-size='9'>%.0f"
              + "</tspan></text>",
          x(x),
          BOTTOM + 20,
          x);
    }
    for (double y = firstY; y <= lastY; y++) {
      add(
          svg,
          "<line x1='%d' y1='%.1f' x2='%d' y2='%.1f' stroke='#ddd'/>",
          LEFT,
          y(y),
          RIGHT,
          y(y));
      add(svg, "<text x='%d' y='%.1f' text-anchor='end'>%.0f</text>", LEFT - 8, y(y) + 4, pow(y));
    }
    StringBuilder points = new StringBuilder();
    seconds.forEach(
        (rows, taken) -> {
          points.append(String.format(Locale.ROOT, "%.1f,%.1f ", x(log(rows)), y(log(taken))));
          add(
              svg,
              "<circle cx='%.1f' cy='%.1f' r='4' fill='#0a58ca'/>",
              x(log(rows)),
              y(log(taken)));
          add(
              svg,
              "<text x='%.1f' y='%.1f' text-anchor='middle'>%.0f s</text>",
              x(log(rows)),
              y(log(taken)) - 9,
              taken);
        });
    add(
        svg,
        "<polyline points='%s' fill='none' stroke='#0a58ca' stroke-width='2'/>",
        points.toString().strip());
    // The line of proportional growth, through the last point.
    Long rows = seconds.keySet().stream().max(Long::compare).orElseThrow();
    double taken = seconds.get(rows);
    double start = Math.max(firstX, log(rows) - (log(taken) - firstY));
    add(
        svg,
        "<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' stroke='#888' stroke-dasharray='5 4'/>",
        x(start),
        y(log(taken) - (log(rows) - start)),
        x(log(rows)),
        y(log(taken)));
    add(
        svg,
        "<text x='%d' y='%d' fill='#666' text-anchor='end'>dashed: in proportion to the rows"
            + "</text>",
        RIGHT,
        BOTTOM - 10);
    return svg.append("</svg>\n").toString();
  }

  private double x(double exponent) {
    return LEFT + (exponent - firstX) / Math.max(1, lastX - firstX) * (RIGHT - LEFT);
  }

  private double y(double exponent) {
    return BOTTOM - (exponent - firstY) / Math.max(1, lastY - firstY) * (BOTTOM - TOP);
  }

  private static double log(Number value) {
    return Math.log10(value.doubleValue());
  }

  private static double pow(double exponent) {
    return Math.pow(10, exponent);
  }

  private static void add(StringBuilder svg, String format, Object... values) {
    svg.append(String.format(Locale.ROOT, format, values)).append('\n');
  }
}
