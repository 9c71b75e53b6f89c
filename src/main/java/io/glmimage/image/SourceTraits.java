package io.glmimage.image;

import java.io.IOException;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;

/** Finds the traits of a source image in its headers. */
final class SourceTraits {
  // Tags of TIFF 6.0.
  private static final int SUBFILE_TYPE = 0xFE;
  private static final int PHOTOMETRIC = 0x106;
  private static final int SAMPLES_PER_PIXEL = 0x115;
  private static final int EXTRA_SAMPLES = 0x152;
  private static final int RGB = 2;
  private static final int INKS = 5;

  /** Bit of the subfile type: a smaller copy of another image. */
  private static final int REDUCED = 1;

  private SourceTraits() {}

  /**
   * The traits of a decoded image.
   *
   * @param profile what its profile is good for
   */
  static Set<SourceTrait> of(ImageFormat format, byte[] file, IccConversion.Known profile) {
    Set<SourceTrait> traits = EnumSet.noneOf(SourceTrait.class);
    switch (profile.use()) {
      case CONVERT -> traits.add(SourceTrait.PROFILE);
      case UNUSABLE -> traits.add(SourceTrait.UNUSABLE_PROFILE);
      case SRGB -> {
        // Nothing to say.
      }
    }
    try {
      addPixels(traits, format, file);
    } catch (IOException e) {
      // The first frame begins after the part that was read: nothing more is known.
      return traits;
    }
    return traits;
  }

  /**
   * What the headers say, without the pixels.
   *
   * @param file from its start
   * @param name of the image, for the log
   */
  static Set<SourceTrait> ofHeader(ImageFormat format, byte[] file, String name) {
    MetadataBlocks blocks = MetadataBlocks.of(file, format);
    IccConversion.Known profile =
        model(format, file)
            .map(model -> ColourProfile.of(blocks, model, name))
            .orElse(IccConversion.Known.SRGB);
    return of(format, file, profile);
  }

  private static void addPixels(Set<SourceTrait> traits, ImageFormat format, byte[] file)
      throws IOException {
    boolean alpha = false;
    boolean more = false;
    switch (format) {
      case PNG -> {
        PngHeader png = new PngHeader(file);
        PngChunks.visit(file, png);
        alpha = png.alpha;
        more = png.frames > 1;
      }
      case WEBP -> {
        more = WebpFile.isAnimated(file);
        alpha = WebpFile.claimsAlpha(file) || WebpFile.of(file).hasAlpha(file);
      }
      case GIF -> {
        more = GifFrame.hasMore(file);
        alpha = GifFrame.of(file).transparent();
      }
      case TIFF -> {
        TiffTags first = TiffTags.of(file);
        long extra = first.number(EXTRA_SAMPLES, -1);
        alpha = extra == 1 || extra == 2 || (extra < 0 && hasFourthSample(first));
        TiffTags next = first.following();
        more = !next.entries().isEmpty() && (next.number(SUBFILE_TYPE, 0) & REDUCED) == 0;
      }
      case BMP -> alpha = hasAlphaMask(file);
      case JPEG -> {
        // Neither alpha nor frames.
      }
    }
    if (alpha) {
      traits.add(SourceTrait.TRANSPARENCY);
    }
    if (more) {
      traits.add(SourceTrait.MORE_FRAMES);
    }
  }

  /** RGB with a sample too many, of which nothing is said. Readers take it for alpha. */
  private static boolean hasFourthSample(TiffTags tags) {
    return tags.number(PHOTOMETRIC, 0) == RGB && tags.number(SAMPLES_PER_PIXEL, 0) == 4;
  }

  /** A mask of alpha is in headers from BITMAPV3INFOHEADER on, and counts with BI_BITFIELDS. */
  private static boolean hasAlphaMask(byte[] file) {
    return file.length >= 70
        && little(file, 14) >= 56
        && (little(file, 30) == 3 || little(file, 30) == 6)
        && little(file, 66) != 0;
  }

  private static int little(byte[] file, int at) {
    return (file[at] & 255)
        | (file[at + 1] & 255) << 8
        | (file[at + 2] & 255) << 16
        | (file[at + 3] & 255) << 24;
  }

  /** Chunks in front of the pixels. */
  private static final class PngHeader implements PngChunks.Visitor {
    private final byte[] file;
    private boolean alpha;
    private int frames;
    private boolean pixels;

    PngHeader(byte[] file) {
      this.file = file;
      alpha = file.length > 25 && (file[25] & 4) != 0;
    }

    @Override
    public void visit(String kind, int body, int end) {
      switch (kind) {
        case "IDAT" -> pixels = true;
        case "tRNS" -> alpha = true;
        case "acTL" -> {
          if (!pixels && end - body >= 4) {
            frames =
                file[body] == 0 && file[body + 1] == 0
                    ? (file[body + 2] & 255) << 8 | (file[body + 3] & 255)
                    : Integer.MAX_VALUE;
          }
        }
        default -> {
          // Not needed.
        }
      }
    }
  }

  /** What the colour samples are, as far as the headers tell. */
  private static Optional<Samples.Model> model(ImageFormat format, byte[] file) {
    return switch (format) {
      case PNG -> {
        int kind = file.length > 25 ? file[25] & 255 : 0;
        yield Optional.of(kind == 0 || kind == 4 ? Samples.Model.GREY : Samples.Model.RGB);
      }
      case JPEG -> JpegPixels.model(file);
      case TIFF -> {
        long kind = TiffTags.of(file).number(PHOTOMETRIC, 2);
        yield Optional.of(
            kind == INKS ? Samples.Model.CMYK : kind <= 1 ? Samples.Model.GREY : Samples.Model.RGB);
      }
      case WEBP, BMP, GIF -> Optional.of(Samples.Model.RGB);
    };
  }
}
