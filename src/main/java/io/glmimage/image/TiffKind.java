package io.glmimage.image;

import javax.imageio.IIOException;

/**
 * Kinds of TIFF files whose first image would be read, but is not the image that people see. Tags:
 * TIFF 6.0 and DNG 1.7.
 */
final class TiffKind {
  private static final int NEW_SUBFILE_TYPE = 254;
  private static final int PHOTOMETRIC = 262;
  private static final int DNG_VERSION = 50706;

  /** CIE, ICC and ITU Lab. */
  private static final int FIRST_LAB = 8;

  private static final int LAST_LAB = 10;

  /** In a CR2 file, letters follow the position of the first directory. */
  private static final int CR2_MARK = 8;

  private TiffKind() {}

  /**
   * Checks the first directory of a file.
   *
   * @param file from its start; tags that are missing are not checked
   * @throws IIOException if the first image must not be read
   */
  static void check(byte[] file) throws IIOException {
    TiffTags tags = TiffTags.of(file);
    long photometric = tags.number(PHOTOMETRIC, -1);
    if (photometric >= FIRST_LAB && photometric <= LAST_LAB) {
      throw new IIOException("Lab colours; convert it to RGB");
    }
    boolean preview = (tags.number(NEW_SUBFILE_TYPE, 0) & 1) == 1;
    boolean cr2 = file.length > CR2_MARK + 1 && file[CR2_MARK] == 'C' && file[CR2_MARK + 1] == 'R';
    if (preview || cr2 || tags.entries().containsKey(DNG_VERSION)) {
      throw new IIOException(
          "its first image is only a preview, as in the raw files of cameras (DNG, NEF, ARW, CR2);"
              + " convert it to JPEG or TIFF first");
    }
  }
}
