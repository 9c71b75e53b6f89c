package io.glmimage.output;

import io.glmimage.image.ImageEncoder;
import io.glmimage.image.JpegEncoder;
import io.glmimage.image.RgbImage;
import java.util.Base64;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/**
 * The samples of the report: source and edited image under a slider, with buttons that show one
 * group of them. The buttons need no script.
 */
final class SampleGallery {
  private static final int THUMBNAIL_QUALITY = 82;

  /** Without the JPEG encoder, thumbnails are PNG: a missing library must not fail the report. */
  private static final boolean JPEG_THUMBNAILS = JpegEncoder.available();

  private final UnaryOperator<String> text;
  private final StringBuilder html = new StringBuilder();

  private SampleGallery(UnaryOperator<String> text) {
    this.text = text;
  }

  /**
   * The gallery as HTML.
   *
   * @param text redacts and escapes a text; takes null
   */
  static String of(List<RunFigures.Sample> samples, UnaryOperator<String> text) {
    SampleGallery gallery = new SampleGallery(text);
    gallery.groups(samples);
    gallery.add("<div class=\"grid\">");
    samples.forEach(gallery::sample);
    gallery.add("</div>");
    return gallery.html.toString();
  }

  private void groups(List<RunFigures.Sample> samples) {
    Map<SampleGroup, Long> counts = new EnumMap<>(SampleGroup.class);
    samples.forEach(sample -> sample.groups().forEach(group -> counts.merge(group, 1L, Long::sum)));
    boolean first = true;
    for (Map.Entry<SampleGroup, Long> group : counts.entrySet()) {
      add(
          "<input class=\"pick\" type=\"radio\" name=\"group\" id=\"show-%s\"%s>"
              + "<label for=\"show-%s\">%s <span class=\"faint\">%d</span></label>",
          group.getKey().css(),
          first ? " checked" : "",
          group.getKey().css(),
          group.getKey().label(),
          group.getValue());
      first = false;
    }
  }

  private void sample(RunFigures.Sample sample) {
    add(
        "<div class=\"sample %s\">",
        sample.groups().stream()
            .map(group -> "in-" + group.css())
            .collect(Collectors.joining(" ")));
    if (sample.source() != null && sample.edit() != null) {
      slider(sample.source(), sample.edit());
    } else {
      add("<div class=\"pair\">");
      image(sample.source(), "source image", sample.note());
      image(sample.edit(), "edited image", sample.note());
      add("</div>");
    }
    boolean flagged = sample.quality() != null && !sample.quality().equals("OK");
    add(
        "<p>%s</p><div class=\"faint\"><b>%s</b> %s%s</div></div>\n",
        text.apply(sample.prompt()),
        text.apply(sample.id()),
        text.apply(sample.detail()),
        flagged ? " <b class=\"bad\">" + text.apply(sample.quality()) + "</b>" : "");
  }

  /** Both images in one place; the source is on the left of the handle. */
  private void slider(RgbImage source, RgbImage edit) {
    add(
        "<div class=\"slider\" style=\"--w:%d;--h:%d\">"
            + "<img alt=\"edited image\" src=\"%s\">"
            + "<img class=\"before\" alt=\"source image\" src=\"%s\">"
            + "<i></i><span>source</span><span>edited</span>"
            + "<input type=\"range\" min=\"0\" max=\"100\" value=\"50\""
            + " aria-label=\"how much of the source image is shown\"></div>",
        edit.width(), edit.height(), data(edit), data(source));
  }

  private void image(RgbImage image, String name, String note) {
    add("<div class=\"pic\">");
    if (image == null) {
      add("%s", text.apply(note));
    } else {
      add("<img alt=\"%s\" src=\"%s\">", name, data(image));
    }
    add("</div>");
  }

  private static String data(RgbImage image) {
    byte[] file =
        JPEG_THUMBNAILS
            ? JpegEncoder.jpeg(image, THUMBNAIL_QUALITY, Map.of())
            : ImageEncoder.png(image, Map.of());
    return "data:image/"
        + (JPEG_THUMBNAILS ? "jpeg" : "png")
        + ";base64,"
        + Base64.getEncoder().encodeToString(file);
  }

  private void add(String format, Object... values) {
    html.append(values.length == 0 ? format : String.format(Locale.ROOT, format, values));
  }
}
