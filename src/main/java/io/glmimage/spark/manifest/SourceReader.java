package io.glmimage.spark.manifest;

import io.glmimage.error.ErrorClass;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.error.JobException;
import io.glmimage.image.ColourRules;
import io.glmimage.image.ExifCopy;
import io.glmimage.image.ImageDecoder;
import io.glmimage.image.Mask;
import io.glmimage.image.PixelSize;
import io.glmimage.image.RgbImage;
import io.glmimage.image.SourceImage;
import io.glmimage.image.SourceOptions;
import io.glmimage.image.SourceTrait;
import io.glmimage.io.Retries;
import io.glmimage.io.Storage;
import io.glmimage.io.StoredBytes;
import io.glmimage.manifest.DataUrl;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.manifest.EditSettings;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.manifest.RowFingerprint;
import io.glmimage.model.OutputLimits;
import io.glmimage.model.processor.OutputSize;
import io.glmimage.request.EditRequest;
import io.glmimage.request.LargeSources;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Reads and decodes source images. */
public final class SourceReader {
  /** No image within the limits of the decoder needs more. */
  static final long MAX_FILE_BYTES = 256L << 20;

  /**
   * What to do about a path that cannot be read.
   *
   * @param missing for a file that does not exist
   * @param folder for a path that is a folder
   */
  public record Advice(String missing, String folder) {
    private static Advice ofColumn(String column) {
      return new Advice(
          "check " + column + "; relative paths start at the manifest's folder",
          "name a file in " + column);
    }
  }

  private static final Advice SOURCE = Advice.ofColumn("image_paths");
  private static final Advice MASK = Advice.ofColumn("mask_path");

  /** The version of a source image inside the manifest. */
  private static final String INLINE = "inline";

  private final Storage storage;
  private final EditDefaults limits;
  private final SourceOptions options;
  private final List<String> written;

  /**
   * @param written folders that the run writes to; no files are read from them
   */
  public SourceReader(
      Storage storage, EditDefaults limits, SourceOptions options, List<String> written) {
    this.storage = storage;
    this.limits = limits;
    this.options = options;
    this.written = written;
  }

  /**
   * A request with its source images.
   *
   * @param fingerprint of the source images when they were read; null if they were not read
   * @param exif what the edited image keeps of the first source image; may be empty
   * @param traits of each source image
   */
  public record Read(
      EditRequest request, String fingerprint, byte[] exif, List<Set<SourceTrait>> traits) {}

  /**
   * Reads the source images of a row.
   *
   * @throws RowFailure naming the source image that cannot be used
   */
  public Read request(ManifestRow row) throws RowFailure {
    // First, because the other check may open the file system of a path.
    AllowedInputs.check(storage, options.folders(), row);
    AllowedInputs.checkWritten(storage, written, row);
    List<RgbImage> sources = new ArrayList<>();
    List<Set<SourceTrait>> traits = new ArrayList<>();
    List<String> versions = new ArrayList<>();
    byte[] exif = {};
    for (String path : row.sources()) {
      byte[] bytes = read(path, SOURCE, versions);
      SourceImage source = decode(bytes, DataUrl.shown(path), options.colours());
      exif = sources.isEmpty() ? ExifCopy.of(bytes, options.metadata()) : exif;
      sources.add(source.image());
      traits.add(source.traits());
    }
    checkSize(row.settings(), sizes(sources), limits);
    Mask mask = mask(row, sources, versions);
    return new Read(
        request(row, sources, mask), RowFingerprint.ofSources(versions), exif, List.copyOf(traits));
  }

  /** Reads the mask of a row and adds its version; null if there is none. */
  private Mask mask(ManifestRow row, List<RgbImage> sources, List<String> versions)
      throws RowFailure {
    if (row.mask() == null) {
      return null;
    }
    String path = row.mask().path();
    byte[] bytes = read(path, MASK, versions);
    return mask(bytes, DataUrl.shown(path), row.mask().transparent(), sources.get(0));
  }

  /** Reads a source image or a mask, and adds its version. */
  private byte[] read(String path, Advice advice, List<String> versions) throws RowFailure {
    if (DataUrl.is(path)) {
      versions.add(INLINE);
      return inlineBytes(path);
    }
    StoredBytes file = open(storage, path, advice);
    versions.add(file.file().version());
    return file.bytes();
  }

  /**
   * Decodes a mask.
   *
   * @param name for messages
   * @param transparent whether its transparent pixels are edited; see {@link Mask#decode}
   * @param source the image that it is for
   * @throws RowFailure if it cannot be used
   */
  public static Mask mask(byte[] file, String name, boolean transparent, RgbImage source)
      throws RowFailure {
    try {
      return Mask.of(file, name, transparent, source);
    } catch (InvalidRequestException e) {
      throw new RowFailure(ErrorClass.IMAGE_INVALID, e.getMessage(), e);
    }
  }

  /** The sizes of source images. */
  public static List<PixelSize> sizes(List<RgbImage> sources) {
    return sources.stream().map(s -> new PixelSize(s.height(), s.width())).toList();
  }

  /**
   * Checks the size of an output that has a side of the first source image.
   *
   * @param sources sizes of the source images; empty for text-to-image
   * @throws RowFailure if the output has too many pixels
   */
  public static void checkSize(EditSettings settings, List<PixelSize> sources, EditDefaults limits)
      throws RowFailure {
    if (sources.isEmpty()) {
      return;
    }
    boolean fits = settings.sizing().largeSources() != LargeSources.FAIL;
    if (fits && settings.height() == null && settings.width() == null) {
      return;
    }
    PixelSize first =
        fits
            ? OutputSize.fitted(sources.get(0), OutputLimits.MAX_SIDE, limits.maxPixels())
            : sources.get(0);
    String problem =
        limits.sizeProblem(
            settings.height() == null ? first.height() : settings.height(),
            settings.width() == null ? first.width() : settings.width());
    if (problem != null) {
      throw new RowFailure(ErrorClass.INVALID_ROW, problem, null);
    }
  }

  /** A request without its source images, for an engine that ignores them. */
  public static Read withoutSources(ManifestRow row) {
    return new Read(request(row, List.of(), null), null, new byte[0], List.of());
  }

  private static EditRequest request(ManifestRow row, List<RgbImage> sources, Mask mask) {
    EditSettings settings = row.settings();
    return new EditRequest(
        row.id(),
        row.prompt(),
        sources,
        settings.height(),
        settings.width(),
        settings.steps(),
        settings.guidanceScale(),
        settings.seed(),
        settings.stepCache(),
        settings.solver(),
        settings.sizing(),
        mask);
  }

  /** The fingerprint of the present source images, or null if one of them cannot be found. */
  public static String fingerprint(ManifestRow row, Storage storage) {
    List<String> versions = new ArrayList<>();
    try {
      for (String path : row.sources()) {
        versions.add(presentVersion(path, storage));
      }
      if (row.mask() != null) {
        versions.add(presentVersion(row.mask().path(), storage));
      }
    } catch (IOException e) {
      return null;
    }
    return RowFingerprint.ofSources(versions);
  }

  private static String presentVersion(String path, Storage storage) throws IOException {
    return DataUrl.is(path) ? INLINE : storage.stat(path).version();
  }

  /**
   * Reads one file.
   *
   * @param path a path or a data URL
   * @throws RowFailure if it cannot be read
   */
  public static byte[] bytes(Storage storage, String path, Advice advice) throws RowFailure {
    return DataUrl.is(path) ? inlineBytes(path) : open(storage, path, advice).bytes();
  }

  /** The file of a data URL. */
  static byte[] inlineBytes(String url) throws RowFailure {
    try {
      return DataUrl.bytes(url);
    } catch (IllegalArgumentException e) {
      throw new RowFailure(
          ErrorClass.IMAGE_INVALID,
          DataUrl.shown(url) + " cannot be decoded: " + e.getMessage(),
          e);
    }
  }

  /** The first bytes of the file of a row. The failures are those of an edit. */
  static byte[] head(Storage storage, String path, int bytes) throws RowFailure {
    try {
      return storage.head(path, bytes, MAX_FILE_BYTES);
    } catch (JobException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      throw failure(storage, path, SOURCE, e);
    }
  }

  /** The whole file of a row. */
  static byte[] file(Storage storage, String path) throws RowFailure {
    return open(storage, path, SOURCE).bytes();
  }

  private static StoredBytes open(Storage storage, String path, Advice advice) throws RowFailure {
    try {
      return storage.open(path, MAX_FILE_BYTES);
    } catch (JobException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      throw failure(storage, path, advice, e);
    }
  }

  private static RowFailure failure(Storage storage, String path, Advice advice, Exception e)
      throws RowFailure {
    if (e instanceof FileNotFoundException || e instanceof NoSuchFileException) {
      return isFolder(storage, path)
          ? new RowFailure(
              ErrorClass.IMAGE_UNREADABLE, path + " is a folder (" + advice.folder() + ")", e)
          : new RowFailure(
              ErrorClass.IMAGE_NOT_FOUND,
              path + " does not exist (" + missing(storage, path, advice) + ")",
              e);
    }
    if (Retries.isCredentials(e, path)) {
      // Not a failure of the row: all other rows would fail in the same way.
      throw new JobException("Cannot read " + path + ": " + Retries.why(e, path), e);
    }
    String why = Retries.why(e, path);
    return new RowFailure(
        ErrorClass.IMAGE_UNREADABLE,
        why.contains(path) ? why : path + " cannot be read: " + why,
        e);
  }

  /** Names that look the same may have accents as characters of their own, as on macOS. */
  private static String missing(Storage storage, String path, Advice advice) throws RowFailure {
    for (Normalizer.Form form : List.of(Normalizer.Form.NFC, Normalizer.Form.NFD)) {
      String other = Normalizer.normalize(path, form);
      try {
        if (!other.equals(path) && storage.exists(other)) {
          return "a file exists whose name looks the same, in the Unicode form "
              + form
              + "; write the path in this form, or rename the file";
        }
      } catch (IOException e) {
        throw new RowFailure(
            ErrorClass.IMAGE_UNREADABLE, path + " cannot be read: " + e.getMessage(), e);
      }
    }
    return advice.missing();
  }

  /**
   * Decodes a source image.
   *
   * @param path for messages
   * @throws RowFailure if it cannot be used
   */
  public static SourceImage decode(byte[] bytes, String path, ColourRules rules) throws RowFailure {
    try {
      return ImageDecoder.read(bytes, path, rules);
    } catch (InvalidRequestException e) {
      throw new RowFailure(ErrorClass.IMAGE_INVALID, e.getMessage(), e);
    }
  }

  /** Some file systems report a folder as not found when it is opened as a file. */
  private static boolean isFolder(Storage storage, String path) throws RowFailure {
    try {
      return storage.isFolder(path);
    } catch (IOException e) {
      throw new RowFailure(
          ErrorClass.IMAGE_UNREADABLE, path + " cannot be read: " + e.getMessage(), e);
    }
  }
}
