package io.glmimage.output;

import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.ImageDecoder;
import io.glmimage.image.ImageEncoder;
import io.glmimage.image.RgbImage;
import io.glmimage.io.Storage;
import io.glmimage.manifest.ImagePaths;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Writes a contact sheet of result rows as a PNG file. */
public final class ContactSheetFile {
  private static final long MAX_FILE_BYTES = 256L << 20;

  private final Storage storage;
  private final String manifestFolder;

  /**
   * @param manifestFolder base of relative image paths
   */
  public ContactSheetFile(Storage storage, String manifestFolder) {
    this.storage = storage;
    this.manifestFolder = manifestFolder;
  }

  /**
   * Draws and writes the sheet.
   *
   * @throws IOException if an edited image cannot be read; a missing source image leaves its cell
   *     empty
   */
  public void write(List<ShownResult> rows, String path) throws IOException {
    List<ContactSheet.Entry> entries = new ArrayList<>();
    for (ShownResult row : rows) {
      entries.add(entry(row));
    }
    storage.write(path, ImageEncoder.png(ContactSheet.draw(entries)));
  }

  private ContactSheet.Entry entry(ShownResult row) throws IOException {
    RgbImage source = null;
    String note = "(text-to-image)";
    if (!row.imagePaths().isEmpty()) {
      try {
        source = image(ImagePaths.resolve(manifestFolder, row.imagePaths().get(0)));
      } catch (IOException | InvalidRequestException e) {
        // The cell says why it is empty; the other rows are drawn.
        note = "(" + row.imagePaths().get(0) + " cannot be shown)";
      }
    }
    return new ContactSheet.Entry(
        row.id(),
        row.prompt() == null ? "" : row.prompt(),
        row.ok() ? row.detail() : row.failure().errorClass(),
        source,
        note,
        row.ok() ? image(row.edited().path()) : null,
        row.ok() ? null : row.failure().message());
  }

  private RgbImage image(String path) throws IOException {
    return ImageDecoder.decode(storage.read(path, MAX_FILE_BYTES), path);
  }
}
