package io.glmimage.image;

import io.glmimage.error.InvalidRequestException;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import javax.imageio.ImageIO;

/** Decodes image files. */
public final class ImageDecoder {
  private ImageDecoder() {}

  /**
   * @param name names the image in messages
   * @throws InvalidRequestException if the bytes are no picture that can be decoded
   */
  public static RgbImage decode(byte[] bytes, String name) {
    BufferedImage image;
    try {
      image = ImageIO.read(new ByteArrayInputStream(bytes));
    } catch (IOException | RuntimeException e) {
      throw new InvalidRequestException("Cannot decode " + name + ": " + e.getMessage(), e);
    }
    if (image == null) {
      throw new InvalidRequestException("Cannot decode " + name + ": unknown format");
    }
    int height = image.getHeight();
    int width = image.getWidth();
    byte[] pixels = new byte[height * width * 3];
    int at = 0;
    for (int argb : image.getRGB(0, 0, width, height, null, 0, width)) {
      pixels[at++] = (byte) (argb >> 16);
      pixels[at++] = (byte) (argb >> 8);
      pixels[at++] = (byte) argb;
    }
    return new RgbImage(height, width, pixels);
  }
}
