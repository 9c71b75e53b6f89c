package io.glmimage.output;

import io.glmimage.image.RgbImage;
import java.awt.Color;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;

/** Draws a contact sheet: source image, prompt and edited image of each row. */
public final class ContactSheet {
  /** The longest side of an image on the sheet, in pixels. */
  private static final int CELL = 160;

  private static final int TEXT_WIDTH = 300;
  private static final int GAP = 10;
  private static final Color INK = new Color(0x202020);
  private static final Color FAINT = new Color(0x707070);
  private static final Color ALERT = new Color(0xb00020);
  private static final Font FONT = new Font(Font.SANS_SERIF, Font.PLAIN, 13);
  private static final Font SMALL = new Font(Font.SANS_SERIF, Font.PLAIN, 11);
  private static final Font BOLD = new Font(Font.SANS_SERIF, Font.BOLD, 12);

  private ContactSheet() {}

  /**
   * One row of the sheet.
   *
   * @param title the id of the row
   * @param prompt the prompt of the row
   * @param detail one line with size, seed and seconds
   * @param source the first source image; null if there is none to show
   * @param sourceNote text in place of a missing source image
   * @param edit the edited image; null if the row failed
   * @param error why the row failed; null if it succeeded
   */
  public record Entry(
      String title,
      String prompt,
      String detail,
      RgbImage source,
      String sourceNote,
      RgbImage edit,
      String error) {}

  /** Draws the entries from top to bottom, below a line of headings. */
  public static RgbImage draw(List<Entry> entries) {
    int header = 30;
    int rowHeight = CELL + GAP;
    int width = GAP + CELL + GAP + TEXT_WIDTH + GAP + CELL + GAP;
    int height = header + Math.max(1, entries.size()) * rowHeight + GAP;
    BufferedImage sheet = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    Graphics2D g = sheet.createGraphics();
    try {
      g.setRenderingHint(
          RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
      g.setRenderingHint(
          RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BICUBIC);
      g.setColor(Color.WHITE);
      g.fillRect(0, 0, width, height);
      int textX = GAP + CELL + GAP;
      int editX = textX + TEXT_WIDTH + GAP;
      text(g, BOLD, FAINT, "source", GAP, 8, CELL, header);
      text(g, BOLD, FAINT, "prompt", textX, 8, TEXT_WIDTH, header);
      text(g, BOLD, FAINT, "edit", editX, 8, CELL, header);
      int y = header;
      for (Entry entry : entries) {
        row(g, entry, y, textX, editX);
        y += rowHeight;
      }
    } finally {
      g.dispose();
    }
    return rgb(sheet);
  }

  private static void row(Graphics2D g, Entry entry, int y, int textX, int editX) {
    if (entry.source() == null) {
      text(g, SMALL, FAINT, entry.sourceNote(), GAP, y, CELL, CELL);
    } else {
      image(g, entry.source(), GAP, y);
    }
    int at = text(g, BOLD, INK, entry.title(), textX, y, TEXT_WIDTH, 32);
    at = text(g, FONT, INK, entry.prompt(), textX, at + 4, TEXT_WIDTH, y + CELL - 24 - at);
    text(g, SMALL, FAINT, entry.detail(), textX, at + 4, TEXT_WIDTH, y + CELL - at);
    if (entry.edit() == null) {
      g.setColor(ALERT);
      g.drawRect(editX, y, CELL - 1, CELL - 1);
      int below = text(g, BOLD, ALERT, "FAILED", editX + 6, y + 6, CELL - 12, 20);
      text(g, SMALL, ALERT, entry.error(), editX + 6, below, CELL - 12, y + CELL - 6 - below);
    } else {
      image(g, entry.edit(), editX, y);
    }
  }

  /** Draws an image scaled into its cell, with its proportions. */
  private static void image(Graphics2D g, RgbImage image, int x, int y) {
    double scale = (double) CELL / Math.max(image.height(), image.width());
    int width = Math.max(1, (int) Math.round(image.width() * scale));
    int height = Math.max(1, (int) Math.round(image.height() * scale));
    g.drawImage(
        buffered(image), x + (CELL - width) / 2, y + (CELL - height) / 2, width, height, null);
  }

  /** Draws as many lines of a text as fit. Returns the y below the text. */
  private static int text(
      Graphics2D g, Font font, Color color, String text, int x, int y, int width, int height) {
    g.setFont(font);
    g.setColor(color);
    FontMetrics metrics = g.getFontMetrics();
    int lineHeight = metrics.getHeight();
    List<String> lines = lines(text == null ? "" : text, metrics, width);
    int fitting = Math.max(1, height / lineHeight);
    int at = y;
    for (int i = 0; i < Math.min(lines.size(), fitting); i++) {
      boolean cut = i == fitting - 1 && lines.size() > fitting;
      g.drawString(cut ? lines.get(i) + " ..." : lines.get(i), x, at + metrics.getAscent());
      at += lineHeight;
    }
    return at;
  }

  /** Breaks a text at spaces, and inside words that are wider than a line, such as paths. */
  private static List<String> lines(String text, FontMetrics metrics, int width) {
    List<String> lines = new ArrayList<>();
    StringBuilder line = new StringBuilder();
    int lastSpace = -1;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i) < ' ' ? ' ' : text.charAt(i);
      line.append(c);
      if (c == ' ') {
        lastSpace = line.length() - 1;
      }
      if (metrics.stringWidth(line.toString()) > width && line.length() > 1) {
        int end = lastSpace > 0 ? lastSpace : line.length() - 1;
        lines.add(line.substring(0, end));
        line.delete(0, lastSpace > 0 ? end + 1 : end);
        lastSpace = -1;
      }
    }
    if (line.length() > 0) {
      lines.add(line.toString());
    }
    return lines;
  }

  private static BufferedImage buffered(RgbImage image) {
    BufferedImage buffered =
        new BufferedImage(image.width(), image.height(), BufferedImage.TYPE_INT_RGB);
    byte[] pixels = image.pixels();
    int[] line = new int[image.width()];
    for (int y = 0, at = 0; y < image.height(); y++) {
      for (int x = 0; x < line.length; x++, at += 3) {
        line[x] =
            ((pixels[at] & 0xff) << 16) | ((pixels[at + 1] & 0xff) << 8) | (pixels[at + 2] & 0xff);
      }
      buffered.setRGB(0, y, line.length, 1, line, 0, line.length);
    }
    return buffered;
  }

  private static RgbImage rgb(BufferedImage image) {
    int width = image.getWidth();
    int height = image.getHeight();
    byte[] pixels = new byte[height * width * 3];
    int at = 0;
    for (int color : image.getRGB(0, 0, width, height, null, 0, width)) {
      pixels[at++] = (byte) (color >> 16);
      pixels[at++] = (byte) (color >> 8);
      pixels[at++] = (byte) color;
    }
    return new RgbImage(height, width, pixels);
  }
}
