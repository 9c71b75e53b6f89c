package io.glmimage.spark.run;

import io.glmimage.image.SourceOptions;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.output.EditedImageEncoder;
import io.glmimage.output.OutputLayout;
import io.glmimage.quality.QualityOptions;
import io.glmimage.spark.engine.EngineOpener;
import io.glmimage.tensor.DeviceName;
import java.io.Serializable;

/**
 * What all partitions of a run have in common.
 *
 * @param limits of the rows
 * @param sources how source images are read
 * @param batchSize most rows that a task has in memory at the same time
 * @param device as requested
 * @param run id of the run
 * @param commitSeconds longest time, in seconds, that a finished row may stay unsaved
 */
record PartitionWork(
    EditDefaults limits,
    SourceOptions sources,
    int batchSize,
    EngineOpener opener,
    DeviceName device,
    OutputLayout output,
    EditedImageEncoder encoder,
    QualityOptions quality,
    String run,
    double commitSeconds)
    implements Serializable {}
