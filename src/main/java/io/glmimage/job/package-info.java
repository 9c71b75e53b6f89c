/** The command line. */
package io.glmimage.job;
