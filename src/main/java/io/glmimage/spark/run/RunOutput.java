package io.glmimage.spark.run;

import io.glmimage.output.EditedImageEncoder;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.OutputOptions;
import io.glmimage.quality.QualityOptions;
import java.io.Serializable;

/**
 * Where and how the results of a run are stored.
 *
 * @param encoder writes edited images
 * @param quality how edited images are judged
 */
public record RunOutput(
    OutputLayout layout, OutputOptions options, EditedImageEncoder encoder, QualityOptions quality)
    implements Serializable {}
