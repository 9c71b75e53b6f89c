/**
 * One run of the job: which rows are to be done, how they are spread over partitions, what happens
 * when rows fail or executors are lost, and progress.
 */
package io.glmimage.spark.run;
