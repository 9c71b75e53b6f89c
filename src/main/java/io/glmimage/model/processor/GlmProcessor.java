package io.glmimage.model.processor;

import io.glmimage.error.CheckpointException;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.PixelSize;
import io.glmimage.model.Grid;
import io.glmimage.model.OutputLimits;
import io.glmimage.weights.CheckpointFolder;
import java.util.List;

/**
 * Requests to inputs of the prior model: the prompt's frame, its token ids and grids; and, through
 * {@link #images()}, the pixels of source images.
 *
 * <p>A prompt is, for every source, start token, placeholders, end token; the text; {@code
 * <sop>ROWS COLUMNS<eop>} of the target; for text-to-image the same of the small draft; the image
 * start token. Ported from transformers' processing_glm_image.py (5.17) with the checkpoint's chat
 * template. Deviation: a prompt that itself holds a start, end or placeholder token is refused,
 * where the reference fails on shapes.
 *
 * <p>Safe for several threads until closed.
 */
public final class GlmProcessor implements AutoCloseable {
  private final SpecialTokens tokens;
  private final PromptTokenizer tokenizer;
  private final ImageProcessor images;
  private final int imageId;

  private GlmProcessor(SpecialTokens tokens, PromptTokenizer tokenizer, ImageProcessor images) {
    this.tokens = tokens;
    this.tokenizer = tokenizer;
    this.images = images;
    this.imageId = tokenizer.id(tokens.image());
  }

  /**
   * @throws CheckpointException if a file of {@code processor/} is missing, damaged or of an
   *     unknown form
   */
  public static GlmProcessor load(CheckpointFolder checkpoint) {
    SpecialTokens tokens = SpecialTokens.load(checkpoint);
    ChatTemplate.check(checkpoint, tokens);
    ImageProcessor images = ImageProcessor.load(checkpoint);
    PromptTokenizer tokenizer = PromptTokenizer.load(checkpoint);
    try {
      tokenizer.id(tokens.imageStart());
      tokenizer.id(tokens.imageEnd());
      tokenizer.id(tokens.gridStart());
      tokenizer.id(tokens.gridEnd());
      return new GlmProcessor(tokens, tokenizer, images);
    } catch (RuntimeException e) {
      tokenizer.close();
      throw e;
    }
  }

  public ImageProcessor images() {
    return images;
  }

  public PromptTokenizer tokenizer() {
    return tokenizer;
  }

  /** The id that stands for one token of a source image. */
  public int imageTokenId() {
    return imageId;
  }

  /** The id in front of every image's tokens. */
  public int imageStartId() {
    return tokenizer.id(tokens.imageStart());
  }

  /** The id behind every image's tokens. */
  public int imageEndId() {
    return tokenizer.id(tokens.imageEnd());
  }

  /**
   * @param prompt the text
   * @param sourceGrids of the source images ({@link SourcePixels#grid}); none for text-to-image
   * @param target the picture's size; sides are floored to whole tokens of 32 pixels
   * @throws InvalidRequestException if the prompt holds a token that frames images
   */
  public ProcessedPrompt process(String prompt, List<Grid> sourceGrids, PixelSize target) {
    checkPrompt(prompt);
    List<Grid> targetGrids = targetGrids(target, sourceGrids.isEmpty());
    String text = chatText(prompt, sourceGrids.size()) + suffix(targetGrids);
    return new ProcessedPrompt(
        placeholders(tokenizer.encode(text), sourceGrids), sourceGrids, targetGrids);
  }

  private void checkPrompt(String prompt) {
    for (String token : List.of(tokens.imageStart(), tokens.imageEnd(), tokens.image())) {
      if (prompt.contains(token)) {
        throw new InvalidRequestException(
            "Cannot use the prompt: it contains "
                + token
                + ", which the model reserves for images; remove it");
      }
    }
  }

  /** What the chat template prints for a message of images and a text. */
  String chatText(String prompt, int sources) {
    return tokens.sourceFrame().repeat(sources) + prompt;
  }

  private String suffix(List<Grid> targetGrids) {
    StringBuilder out = new StringBuilder();
    for (Grid grid : targetGrids) {
      out.append(tokens.gridStart())
          .append(grid.rows())
          .append(' ')
          .append(grid.columns())
          .append(tokens.gridEnd());
    }
    return out.append(tokens.imageStart()).toString();
  }

  /** Repeats the k-th placeholder for every token of the k-th source. */
  private int[] placeholders(int[] ids, List<Grid> sourceGrids) {
    int length = ids.length - sourceGrids.size();
    for (Grid grid : sourceGrids) {
      length += images.tokens(grid);
    }
    int[] out = new int[length];
    int source = 0;
    int o = 0;
    for (int id : ids) {
      int times = id == imageId ? images.tokens(sourceGrids.get(source++)) : 1;
      for (int k = 0; k < times; k++) {
        out[o++] = id;
      }
    }
    return out;
  }

  /** The picture's grid and, for text-to-image, the draft's: about 16 x 16 tokens of its shape. */
  static List<Grid> targetGrids(PixelSize target, boolean textToImage) {
    int rows = target.height() / OutputLimits.TOKEN_PIXELS;
    int columns = target.width() / OutputLimits.TOKEN_PIXELS;
    if (rows == 0 || columns == 0) {
      throw new IllegalArgumentException(
          "Invalid target: " + target + " pixels, a side is under " + OutputLimits.TOKEN_PIXELS);
    }
    Grid grid = new Grid(rows, columns);
    if (!textToImage) {
      return List.of(grid);
    }
    double ratio = (double) rows / columns;
    int side = OutputLimits.TOKEN_PIXELS / 2;
    return List.of(
        grid, new Grid((int) (Math.sqrt(ratio) * side), (int) (Math.sqrt(1 / ratio) * side)));
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
