/**
 * Files on any Hadoop file system: paths, reading, whole writes, retries, model folders, and the
 * removal of secrets from texts. All access to files of users goes through this package; it knows
 * nothing of manifests, results or Spark.
 */
package io.glmimage.io;
