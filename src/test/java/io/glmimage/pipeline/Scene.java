package io.glmimage.pipeline;

import io.glmimage.image.RgbImage;
import java.awt.geom.AffineTransform;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Path2D;
import java.awt.geom.Rectangle2D;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * An image in the bundled model's domain, and one edit of it, phrased as in the model's card. The
 * domain is one to three shapes of different form and colour on a plain background.
 */
final class Scene {
  enum Edit {
    RECOLOUR,
    BACKGROUND,
    REMOVE,
    GRAYSCALE
  }

  /** The palette of the model's card. */
  static final Map<String, int[]> PALETTE = new LinkedHashMap<>();

  static {
    PALETTE.put("red", new int[] {220, 38, 38});
    PALETTE.put("green", new int[] {34, 160, 70});
    PALETTE.put("blue", new int[] {40, 80, 220});
    PALETTE.put("yellow", new int[] {245, 220, 50});
    PALETTE.put("orange", new int[] {245, 135, 30});
    PALETTE.put("purple", new int[] {135, 50, 170});
    PALETTE.put("pink", new int[] {245, 150, 195});
    PALETTE.put("cyan", new int[] {60, 210, 225});
    PALETTE.put("white", new int[] {245, 245, 245});
    PALETTE.put("black", new int[] {20, 20, 20});
  }

  /** Four samples across a pixel. */
  private static final double[] OFFSETS = {0.125, 0.375, 0.625, 0.875};

  private record Shape(
      String form,
      String colour,
      java.awt.Shape outline,
      java.awt.Shape inside,
      java.awt.Shape near) {}

  private final int size;
  private final String background;
  private final List<Shape> shapes = new ArrayList<>();
  final Edit edit;
  final String prompt;
  final String wanted;
  private final Shape target;

  /**
   * Creates scene number {@code index}. The kinds of edits alternate; recolouring is twice as
   * frequent as each other kind.
   */
  Scene(int index, int size) {
    this.size = size;
    Random random = new Random(7919L * index + 13);
    for (int i = 0; i < 5; i++) {
      random.nextInt();
    }
    List<String> colours = new ArrayList<>(PALETTE.keySet());
    java.util.Collections.shuffle(colours, random);
    List<String> forms = new ArrayList<>(List.of("circle", "square", "triangle", "diamond"));
    java.util.Collections.shuffle(forms, random);
    background = colours.get(0);
    int count = 1 + random.nextInt(3);
    for (int tries = 0; shapes.size() < count && tries < 400; tries++) {
      place(forms.get(shapes.size()), colours.get(1 + shapes.size()), random);
    }
    edit =
        switch (index % 5) {
          case 0, 2 -> Edit.RECOLOUR;
          case 1 -> Edit.BACKGROUND;
          case 3 -> Edit.REMOVE;
          default -> Edit.GRAYSCALE;
        };
    target = shapes.get(random.nextInt(shapes.size()));
    String other = colours.get(9 - random.nextInt(5));
    int phrase = random.nextInt(100);
    Wish wish = wish(phrase, other);
    wanted = wish.wanted;
    prompt = wish.prompt;
  }

  /** The colour that the edited region is to have, and the edit in words. */
  private record Wish(String wanted, String prompt) {}

  private Wish wish(int phrase, String other) {
    return switch (edit) {
      case RECOLOUR ->
          new Wish(
              other,
              pick(
                  phrase,
                  "Change the color of the " + target.form + " to " + other,
                  "make the " + target.form + " " + other,
                  "Turn the " + target.colour + " " + target.form + " " + other + ".",
                  "change the color of the "
                      + target.form
                      + " from "
                      + target.colour
                      + " to "
                      + other,
                  "make the " + target.colour + " shape " + other));
      case BACKGROUND ->
          new Wish(
              other,
              pick(
                  phrase,
                  "Change the background to " + other,
                  "make the background " + other,
                  "use a " + other + " background"));
      case REMOVE ->
          new Wish(
              background,
              pick(
                  phrase,
                  "remove the " + target.form,
                  "delete the " + target.colour + " " + target.form,
                  "get rid of the " + target.form));
      case GRAYSCALE ->
          new Wish(
              null,
              pick(
                  phrase,
                  "make it grayscale",
                  "convert to black and white",
                  "desaturate the image"));
    };
  }

  private static String pick(int n, String... phrases) {
    return phrases[n % phrases.length];
  }

  private void place(String form, String colour, Random random) {
    double radius = size * (0.14 + 0.08 * random.nextDouble());
    double x = radius + 4 + random.nextDouble() * (size - 2 * radius - 8);
    double y = radius + 4 + random.nextDouble() * (size - 2 * radius - 8);
    double turn = (random.nextDouble() - 0.5) * 0.3;
    Shape shape =
        new Shape(
            form,
            colour,
            outline(form, x, y, radius, turn),
            outline(form, x, y, radius * 0.72, turn),
            outline(form, x, y, radius * 1.3 + 4, turn));
    for (Shape s : shapes) {
      if (s.near.getBounds2D().intersects(shape.outline.getBounds2D())) {
        return;
      }
    }
    shapes.add(shape);
  }

  private static java.awt.Shape outline(String form, double x, double y, double r, double turn) {
    java.awt.Shape plain;
    switch (form) {
      case "circle" -> plain = new Ellipse2D.Double(-r, -r, 2 * r, 2 * r);
      case "square" -> plain = new Rectangle2D.Double(-0.85 * r, -0.85 * r, 1.7 * r, 1.7 * r);
      case "triangle" -> plain = polygon(0, -r, r, 0.85 * r, -r, 0.85 * r);
      default -> plain = polygon(0, -1.1 * r, 0.8 * r, 0, 0, 1.1 * r, -0.8 * r, 0);
    }
    AffineTransform place = AffineTransform.getTranslateInstance(x, y);
    if (!form.equals("diamond")) {
      place.rotate(turn);
    }
    return place.createTransformedShape(plain);
  }

  private static java.awt.Shape polygon(double... xy) {
    Path2D path = new Path2D.Double();
    path.moveTo(xy[0], xy[1]);
    for (int i = 2; i < xy.length; i += 2) {
      path.lineTo(xy[i], xy[i + 1]);
    }
    path.closePath();
    return path;
  }

  RgbImage draw() {
    byte[] rgb = new byte[size * size * 3];
    for (int y = 0; y < size; y++) {
      for (int x = 0; x < size; x++) {
        // 4 x 4 samples a pixel, as an antialiased drawing would have.
        double[] sum = new double[3];
        for (int s = 0; s < 16; s++) {
          int[] c = PALETTE.get(colourAt(x + OFFSETS[s % 4], y + OFFSETS[s / 4]));
          for (int i = 0; i < 3; i++) {
            sum[i] += c[i] / 16.0;
          }
        }
        for (int i = 0; i < 3; i++) {
          rgb[(y * size + x) * 3 + i] = (byte) Math.round(sum[i]);
        }
      }
    }
    return new RgbImage(size, size, rgb);
  }

  private String colourAt(double x, double y) {
    for (Shape s : shapes) {
      if (s.outline.contains(x, y)) {
        return s.colour;
      }
    }
    return background;
  }

  /**
   * Whether the edited region of {@code image} has the wanted colour; for grayscale, whether the
   * whole image has none.
   */
  boolean right(RgbImage image) {
    if (edit == Edit.GRAYSCALE) {
      double chroma = 0;
      for (int i = 0; i < image.pixels().length; i += 3) {
        int r = image.pixels()[i] & 255;
        int g = image.pixels()[i + 1] & 255;
        int b = image.pixels()[i + 2] & 255;
        chroma += Math.max(r, Math.max(g, b)) - Math.min(r, Math.min(g, b));
      }
      return chroma / (image.pixels().length / 3.0) < 16;
    }
    double[] mean = new double[3];
    int count = 0;
    for (int y = 0; y < size; y++) {
      for (int x = 0; x < size; x++) {
        if (edited(x + 0.5, y + 0.5)) {
          count++;
          for (int i = 0; i < 3; i++) {
            mean[i] += image.pixels()[(y * size + x) * 3 + i] & 255;
          }
        }
      }
    }
    for (int i = 0; i < 3; i++) {
      mean[i] /= count;
    }
    return nearest(mean).equals(wanted);
  }

  /** PSNR in dB to the source in the region that the edit should keep; NaN if it keeps none. */
  double keptDecibels(RgbImage source, RgbImage image) {
    if (edit == Edit.GRAYSCALE) {
      return Double.NaN;
    }
    double square = 0;
    int count = 0;
    for (int y = 0; y < size; y++) {
      for (int x = 0; x < size; x++) {
        if (kept(x + 0.5, y + 0.5)) {
          for (int i = 0; i < 3; i++) {
            int at = (y * size + x) * 3 + i;
            double d = (source.pixels()[at] & 255) - (image.pixels()[at] & 255);
            square += d * d;
            count++;
          }
        }
      }
    }
    return 10 * Math.log10(255 * 255 / Math.max(square / count, 1e-9));
  }

  private boolean edited(double x, double y) {
    if (edit == Edit.BACKGROUND) {
      return shapes.stream().noneMatch(s -> s.near.contains(x, y));
    }
    return target.inside.contains(x, y);
  }

  private boolean kept(double x, double y) {
    if (edit == Edit.BACKGROUND) {
      return shapes.stream().anyMatch(s -> s.inside.contains(x, y));
    }
    return !target.near.contains(x, y);
  }

  static String nearest(double[] rgb) {
    String best = null;
    double least = Double.MAX_VALUE;
    for (Map.Entry<String, int[]> e : PALETTE.entrySet()) {
      double d = 0;
      for (int i = 0; i < 3; i++) {
        d += Math.pow(rgb[i] - e.getValue()[i], 2);
      }
      if (d < least) {
        least = d;
        best = e.getKey();
      }
    }
    return best;
  }

  @Override
  public String toString() {
    return prompt + " (" + background + " background, " + shapes.size() + " shapes)";
  }
}
