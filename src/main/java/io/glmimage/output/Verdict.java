package io.glmimage.output;

import io.glmimage.quality.QualityFigures;
import io.glmimage.quality.QualityFlag;

/** What was found about an edited image. */
public record Verdict(QualityFlag flag, QualityFigures figures) {}
