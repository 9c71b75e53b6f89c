package io.glmimage.model.processor;

import io.glmimage.error.CheckpointException;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.PixelSize;
import io.glmimage.model.Grid;
import io.glmimage.model.OutputLimits;
import io.glmimage.weights.CheckpointFolder;
import java.util.List;

/**
 * Turns requests into inputs of the prior model: the prompt as token ids, its grids, and, through
 * {@link #images()}, the pixels of source images.
 *
 * <p>A prompt consists of: the output of the checkpoint's {@link ChatTemplate}, with placeholders
 * for every source; {@code <sop>ROWS COLUMNS<eop>} of the target; for text-to-image the same of the
 * small draft; the image start token.
 *
 * <p>Ported from transformers src/transformers/models/glm_image/processing_glm_image.py (5.17.0),
 * Deviation: a prompt that contains a start, end or placeholder token is refused; the reference
 * fails on shapes.
 *
 * <p>Thread-safe until closed.
 */
public final class GlmProcessor implements AutoCloseable {
  private final SpecialTokens tokens;
  private final ChatTemplate template;
  private final PromptTokenizer tokenizer;
  private final ImageProcessor images;
  private final int imageId;

  private GlmProcessor(
      SpecialTokens tokens,
      ChatTemplate template,
      PromptTokenizer tokenizer,
      ImageProcessor images) {
    this.tokens = tokens;
    this.template = template;
    this.tokenizer = tokenizer;
    this.images = images;
    this.imageId = tokenizer.id(tokens.image());
  }

  /**
   * Loads the component {@code processor}.
   *
   * @throws CheckpointException if one of its files is missing, damaged or of an unknown form
   */
  public static GlmProcessor load(CheckpointFolder checkpoint) {
    SpecialTokens tokens = SpecialTokens.load(checkpoint);
    ChatTemplate template = ChatTemplate.load(checkpoint, tokens);
    ImageProcessor images = ImageProcessor.load(checkpoint);
    PromptTokenizer tokenizer = PromptTokenizer.load(checkpoint);
    try {
      tokenizer.id(tokens.imageStart());
      tokenizer.id(tokens.imageEnd());
      tokenizer.id(tokens.gridStart());
      tokenizer.id(tokens.gridEnd());
      return new GlmProcessor(tokens, template, tokenizer, images);
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

  /** The id before the tokens of every image. */
  public int imageStartId() {
    return tokenizer.id(tokens.imageStart());
  }

  /** The id after the tokens of every image. */
  public int imageEndId() {
    return tokenizer.id(tokens.imageEnd());
  }

  /**
   * The prompt as the prior model reads it.
   *
   * @param prompt the text
   * @param sourceGrids of the source images ({@link SourcePixels#grid}); empty for text-to-image
   * @param target size of the edited image; sides are floored to whole tokens of 32 pixels
   * @throws InvalidRequestException if the prompt contains a token that frames images, or the chat
   *     template fails for it
   */
  public ProcessedPrompt process(String prompt, List<Grid> sourceGrids, PixelSize target) {
    checkPrompt(prompt);
    List<Grid> targetGrids = targetGrids(target, sourceGrids.isEmpty());
    String text = chatText(prompt, sourceGrids.size(), target) + suffix(targetGrids);
    // As in the reference, the tokenizer adds tokens of its own to a text without a start token.
    int[] ids = tokenizer.encode(text, !text.startsWith(tokens.imageStart()));
    return new ProcessedPrompt(placeholders(ids, sourceGrids), sourceGrids, targetGrids);
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

  /** The output of the chat template for a message with images and one text. */
  String chatText(String prompt, int sources, PixelSize target) {
    return template.text(prompt, sources, target);
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

  /** Repeats the placeholder of each source once per token of that source. */
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

  /** The target's grid and, for text-to-image, the draft's: about 256 tokens in the same shape. */
  static List<Grid> targetGrids(PixelSize target, boolean textToImage) {
    int rows = target.height() / OutputLimits.TOKEN_PIXELS;
    int columns = target.width() / OutputLimits.TOKEN_PIXELS;
    if (rows == 0 || columns == 0) {
      throw new IllegalArgumentException(
          "Invalid target: " + target + " pixels, a side is below " + OutputLimits.TOKEN_PIXELS);
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
