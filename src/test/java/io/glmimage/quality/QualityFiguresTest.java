package io.glmimage.quality;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.error.UsageException;
import io.glmimage.image.RgbImage;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;

/**
 * Figures of images made from formulas. The expected values in quality.json are scikit-image's;
 * make_quality.py in the Python tests makes them from the same formulas.
 */
class QualityFiguresTest {
  private static final QualityLimits LIMITS = new QualityLimits(0.002, 0.95);

  private static RgbImage source(int height, int width) {
    byte[] pixels = new byte[height * width * 3];
    for (int y = 0, at = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        pixels[at++] = (byte) ((3 * x + 2 * y) / 4);
        pixels[at++] = (byte) (x * y / 97);
        pixels[at++] = (byte) (40 * ((x / 16 + y / 16) % 5));
      }
    }
    return new RgbImage(height, width, pixels);
  }

  private static RgbImage edited(String edit, RgbImage source) {
    return switch (edit) {
      case "noisy" -> noisy(source, 12);
      case "very noisy" -> noisy(source, 200);
      case "box" -> box(source);
      case "shifted" -> shifted(source);
      case "inverted" -> inverted(source);
      default -> throw new IllegalArgumentException(edit);
    };
  }

  private static RgbImage noisy(RgbImage image, int strength) {
    byte[] pixels = image.pixels().clone();
    for (int i = 0; i < pixels.length; i++) {
      long n = i;
      long noise = (n * n * 31 + n * 7919) % 9973 % (2L * strength + 1) - strength;
      pixels[i] = (byte) Math.max(0, Math.min(255, (pixels[i] & 255) + noise));
    }
    return new RgbImage(image.height(), image.width(), pixels);
  }

  private static RgbImage box(RgbImage image) {
    byte[] pixels = image.pixels().clone();
    for (int y = image.height() / 4; y < image.height() / 2; y++) {
      for (int x = image.width() / 3; x < image.width() / 2; x++) {
        int at = (y * image.width() + x) * 3;
        pixels[at] = (byte) 200;
        pixels[at + 1] = 30;
        pixels[at + 2] = 60;
      }
    }
    return new RgbImage(image.height(), image.width(), pixels);
  }

  private static RgbImage shifted(RgbImage image) {
    int line = image.width() * 3;
    byte[] pixels = new byte[image.pixels().length];
    for (int y = 0; y < image.height(); y++) {
      for (int i = 0; i < line; i++) {
        pixels[y * line + (i + 9) % line] = image.pixels()[y * line + i];
      }
    }
    return new RgbImage(image.height(), image.width(), pixels);
  }

  private static RgbImage inverted(RgbImage image) {
    byte[] pixels = image.pixels().clone();
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (byte) (255 - (pixels[i] & 255));
    }
    return new RgbImage(image.height(), image.width(), pixels);
  }

  private static RgbImage plain(int height, int width, int level) {
    byte[] pixels = new byte[height * width * 3];
    Arrays.fill(pixels, (byte) level);
    return new RgbImage(height, width, pixels);
  }

  @Test
  void figuresEqualThoseOfScikitImage() throws IOException {
    int checked = 0;
    try (InputStream in = QualityFiguresTest.class.getResourceAsStream("/quality.json")) {
      for (JsonNode wanted : new ObjectMapper().readTree(in)) {
        RgbImage source = source(wanted.get("height").asInt(), wanted.get("width").asInt());
        JudgedImage judged =
            JudgedImage.of(source, edited(wanted.get("edit").asText(), source), false);
        QualityFigures figures = judged.figures();
        String what = wanted.toString();
        assertEquals(wanted.get("ssim").asDouble(), figures.ssim(), 1e-5, what);
        assertEquals(wanted.get("psnr").asDouble(), figures.psnr(), 1e-6, what);
        // The tables of the colour space move a few pixels over the threshold.
        assertEquals(
            wanted.get("changed_fraction").asDouble(), figures.changedFraction(), 0.004, what);
        assertEquals(wanted.get("flatness").asDouble(), figures.flatness(), 1e-4, what);
        double mean = 0;
        for (byte level : judged.changes().levels()) {
          // Levels are rounded down.
          mean += Math.min(254.5, (level & 255) + 0.5) / 12.8;
        }
        mean /= judged.changes().levels().length;
        assertEquals(wanted.get("mean_delta_e").asDouble(), mean, 0.1, what);
        checked++;
      }
    }
    assertEquals(20, checked);
  }

  @Test
  void anEqualImageIsUnchanged() {
    RgbImage image = source(40, 50);
    QualityFigures figures = JudgedImage.of(image, image, false).figures();
    assertEquals(0, figures.changedFraction());
    assertEquals(1, figures.ssim(), 1e-9);
    assertEquals(100, figures.psnr());
    assertEquals(QualityFlag.UNCHANGED, LIMITS.flag(figures));
  }

  @Test
  void slightNoiseIsNoChange() {
    RgbImage image = source(256, 256);
    QualityFigures figures = JudgedImage.of(image, noisy(image, 6), false).figures();
    assertEquals(QualityFlag.UNCHANGED, LIMITS.flag(figures), figures.toString());
    assertEquals(QualityFlag.OK, new QualityLimits(0, 0.95).flag(figures));
  }

  @Test
  void noiseInsteadOfTheImageIsDestroyedAndAnInvertedImageIsNot() {
    RgbImage image = plain(128, 128, 0);
    RgbImage busy = noisy(plain(128, 128, 128), 127);
    QualityFigures figures = JudgedImage.of(image, busy, false).figures();
    assertEquals(1, figures.changedFraction());
    assertEquals(QualityFlag.DESTROYED, LIMITS.flag(figures), figures.toString());
    assertEquals(QualityFlag.OK, new QualityLimits(0, 1).flag(figures));
    RgbImage photo = source(300, 300);
    assertEquals(QualityFlag.OK, LIMITS.flag(JudgedImage.of(photo, box(photo), false).figures()));
  }

  @Test
  void oneColourIsFlatEvenWithNoise() {
    QualityFigures figures = JudgedImage.of(null, noisy(plain(600, 600, 90), 8), false).figures();
    assertNull(figures.changedFraction());
    assertNull(figures.ssim());
    assertNull(figures.psnr());
    assertEquals(1, figures.flatness(), 0.001);
    assertEquals(QualityFlag.FLAT, LIMITS.flag(figures));
    assertEquals(
        QualityFlag.OK, LIMITS.flag(JudgedImage.of(null, source(300, 300), false).figures()));
  }

  @Test
  void limitsAreExclusive() {
    assertEquals(QualityFlag.OK, LIMITS.flag(new QualityFigures(0.002, 0.9, 40.0, 0.5)));
    assertEquals(QualityFlag.UNCHANGED, LIMITS.flag(new QualityFigures(0.0019, 0.9, 40.0, 0.5)));
    assertEquals(QualityFlag.OK, LIMITS.flag(new QualityFigures(0.95, 0.1, 8.0, 0.5)));
    assertEquals(QualityFlag.DESTROYED, LIMITS.flag(new QualityFigures(0.951, 0.199, 8.0, 0.5)));
    assertEquals(QualityFlag.OK, LIMITS.flag(new QualityFigures(0.951, 0.2, 8.0, 0.5)));
    assertEquals(QualityFlag.FLAT, LIMITS.flag(new QualityFigures(1.0, 0.1, 8.0, 0.995)));
    assertEquals(QualityFlag.OK, LIMITS.flag(new QualityFigures(null, null, null, 0.9949)));
    assertEquals(QualityFlag.FLAT, LIMITS.flag(new QualityFigures(0.5, 0.9, 20.0, 1.0)));
    assertEquals(QualityFlag.OK, LIMITS.flag(new QualityFigures(0.499, 0.9, 20.0, 1.0)));
  }

  @Test
  void worseFlagsAndFiguresHaveMoreBadness() {
    double[] badness =
        Arrays.stream(
                new QualityFigures[] {
                  new QualityFigures(0.5, 0.5, 20.0, 0.5),
                  new QualityFigures(0.0015, 1.0, 50.0, 0.5),
                  new QualityFigures(0.0, 1.0, 100.0, 0.5),
                  new QualityFigures(0.99, 0.19, 8.0, 0.5),
                  new QualityFigures(0.99, -0.1, 8.0, 0.5),
                  new QualityFigures(0.99, 0.5, 8.0, 0.996),
                  new QualityFigures(null, null, null, 1.0)
                })
            .mapToDouble(LIMITS::badness)
            .toArray();
    double[] sorted = badness.clone();
    Arrays.sort(sorted);
    assertArrayEquals(sorted, badness);
    assertEquals(badness.length, Arrays.stream(badness).distinct().count());
    assertEquals(0, badness[0]);
  }

  @Test
  void limitsOutOfRangeAreRefused() {
    assertEquals(
        "Invalid --min-change: -0.1, expected 0 to 1",
        assertThrows(UsageException.class, () -> new QualityLimits(-0.1, 1)).getMessage());
    assertEquals(
        "Invalid --max-change: NaN, expected 0 to 1",
        assertThrows(UsageException.class, () -> new QualityLimits(0, Double.NaN)).getMessage());
    assertEquals(
        "Invalid --min-change: 0.5, expected at most --max-change 0.4",
        assertThrows(UsageException.class, () -> new QualityLimits(0.5, 0.4)).getMessage());
  }

  @Test
  void aSourceOfAnotherSizeIsStretchedFirst() {
    JudgedImage judged = JudgedImage.of(plain(70, 130, 200), plain(64, 128, 200), false);
    assertEquals(0, judged.figures().changedFraction());
    assertEquals(64, judged.changes().height());
    assertEquals(128, judged.changes().width());
  }

  @Test
  void theMapIsAnEightBitGreyscalePng() throws IOException {
    RgbImage image = source(60, 90);
    ChangeMap map = JudgedImage.of(image, box(image), false).changes();
    BufferedImage read = ImageIO.read(new ByteArrayInputStream(map.png()));
    assertEquals(8, read.getColorModel().getPixelSize());
    byte[] levels =
        (byte[]) read.getRaster().getDataElements(0, 0, map.width(), map.height(), null);
    assertArrayEquals(map.levels(), levels);
    assertEquals(0, levels[0]);
    assertTrue((levels[20 * 90 + 35] & 255) >= ChangeMap.VISIBLE_LEVEL);
  }

  @Test
  void whatDidNotChangeIsTheSourceByteForByte() {
    RgbImage source = source(256, 300);
    RgbImage edited = noisy(box(source), 6);
    JudgedImage kept = JudgedImage.of(source, edited, true);
    int width = source.width();
    // The box is from row 64 to 128 and from column 100 to 150; the feather is 2 pixels.
    int equal = 0;
    for (int y = 0; y < source.height(); y++) {
      for (int x = 0; x < width; x++) {
        int at = (y * width + x) * 3;
        boolean far = x < 90 || x >= 160 || y < 54 || y >= 138;
        boolean inside = x >= 104 && x < 146 && y >= 68 && y < 124;
        for (int i = at; i < at + 3; i++) {
          if (far) {
            assertEquals(source.pixels()[i], kept.image().pixels()[i], x + ", " + y);
            equal++;
          } else if (inside) {
            assertEquals(edited.pixels()[i], kept.image().pixels()[i], x + ", " + y);
          }
        }
      }
    }
    assertTrue(equal > 190_000);
    assertTrue(kept.figures().psnr() > JudgedImage.of(source, edited, false).figures().psnr());
    assertEquals(QualityFlag.OK, LIMITS.flag(kept.figures()));
  }

  @Test
  void anUnchangedImageBecomesItsSource() {
    RgbImage source = source(100, 64);
    JudgedImage kept = JudgedImage.of(source, noisy(source, 4), true);
    assertArrayEquals(source.pixels(), kept.image().pixels());
    assertEquals(100, kept.figures().psnr());
  }
}
