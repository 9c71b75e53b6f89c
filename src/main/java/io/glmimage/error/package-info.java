/**
 * The failures that the program reports deliberately: exceptions with messages for users, the error
 * classes of failed rows, finding a root cause, and removing secrets from messages. A message reads
 * "Cannot X: why; what to do" or "Invalid X: value". Other packages decide which failures to retry.
 */
package io.glmimage.error;
