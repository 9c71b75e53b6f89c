package io.glmimage.spark.weights;

/**
 * The block manager of a process that has chunks in memory: the driver's or a receiving executor's.
 *
 * @param executor Spark's name of the process
 */
record ChunkPeer(String host, int port, String executor) {}
