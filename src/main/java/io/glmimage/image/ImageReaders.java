package io.glmimage.image;

import com.twelvemonkeys.imageio.plugins.bmp.BMPImageReaderSpi;
import com.twelvemonkeys.imageio.plugins.jpeg.JPEGImageReaderSpi;
import com.twelvemonkeys.imageio.plugins.tiff.BigTIFFImageReaderSpi;
import com.twelvemonkeys.imageio.plugins.tiff.TIFFImageReaderSpi;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import javax.imageio.ImageReader;
import javax.imageio.spi.IIORegistry;
import javax.imageio.spi.ImageReaderSpi;
import javax.imageio.spi.ServiceRegistry;

/**
 * The ImageIO readers, in a private registry. ImageIO's shared registry depends on class loaders
 * and on other plug-ins of a cluster. A Spark task may not see this jar, and a shaded jar loses its
 * service files. Only the readers inside the JDK come from it.
 */
final class ImageReaders {
  private static final ServiceRegistry REGISTRY = registry();

  private ImageReaders() {}

  /**
   * A new reader, which the caller disposes.
   *
   * @throws IllegalArgumentException for WebP, which {@link WebpDecoder} reads
   */
  static ImageReader open(ImageFormat format) {
    ImageReaderSpi provider =
        switch (format) {
          case PNG -> inJdk("png");
          case GIF -> inJdk("gif");
          case JPEG -> REGISTRY.getServiceProviderByClass(JPEGImageReaderSpi.class);
          case BMP -> REGISTRY.getServiceProviderByClass(BMPImageReaderSpi.class);
          case TIFF -> REGISTRY.getServiceProviderByClass(TIFFImageReaderSpi.class);
          case WEBP -> throw new IllegalArgumentException("WebP files are read with libwebp");
        };
    try {
      return provider.createReaderInstance();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static ServiceRegistry registry() {
    ServiceRegistry registry =
        new ServiceRegistry(List.<Class<?>>of(ImageReaderSpi.class).iterator());
    Iterator<ImageReaderSpi> all =
        IIORegistry.getDefaultInstance().getServiceProviders(ImageReaderSpi.class, false);
    while (all.hasNext()) {
      ImageReaderSpi provider = all.next();
      if (isInJdk(provider)) {
        registry.registerServiceProvider(provider);
      }
    }
    // At its registration, the JPEG reader looks up the JDK's reader, on which it is built.
    registry.registerServiceProvider(new JPEGImageReaderSpi());
    registry.registerServiceProvider(new BMPImageReaderSpi());
    registry.registerServiceProvider(new TIFFImageReaderSpi());
    registry.registerServiceProvider(new BigTIFFImageReaderSpi());
    return registry;
  }

  private static boolean isInJdk(ImageReaderSpi provider) {
    return provider.getClass().getModule() == ImageReader.class.getModule();
  }

  private static ImageReaderSpi inJdk(String format) {
    Iterator<ImageReaderSpi> all = REGISTRY.getServiceProviders(ImageReaderSpi.class, false);
    while (all.hasNext()) {
      ImageReaderSpi provider = all.next();
      if (isInJdk(provider) && Arrays.asList(provider.getFormatNames()).contains(format)) {
        return provider;
      }
    }
    throw new IllegalStateException("This Java runtime has no reader for " + format + " images");
  }
}
