package io.glmimage.spark.run;

import io.glmimage.image.SourceOptions;
import io.glmimage.manifest.EditDefaults;
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
 */
record PartitionWork(
    EditDefaults limits,
    SourceOptions sources,
    int batchSize,
    EngineOpener opener,
    DeviceName device,
    RunOutput output,
    String run)
    implements Serializable {}
