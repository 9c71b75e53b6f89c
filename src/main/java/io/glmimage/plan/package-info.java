/** How the rows are cut into partitions and batches. Knows no Spark and no GPU. */
package io.glmimage.plan;
