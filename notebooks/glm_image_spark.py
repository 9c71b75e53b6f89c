"""ImageEditor for PySpark: edits images of a DataFrame by prompts.

A thin wrapper around the Java class io.glmimage.spark.ml.ImageEditor, whose Javadoc explains the
parameters. The job jar must be on Spark's class path (spark.jars), and numpy, which pyspark.ml
imports, must be installed.

    from glm_image_spark import ImageEditor

    editor = ImageEditor(inputCols=["image"], outputCol="edited", numInferenceSteps=20)
    edited = editor.transform(rows)
"""

import sys

from pyspark import keyword_only
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.util import JavaMLReadable, JavaMLReader, JavaMLWritable
from pyspark.ml.wrapper import JavaTransformer

_JAVA_CLASS = "io.glmimage.spark.ml.ImageEditor"

# Name, converter, meaning. The defaults are those of the Java class.
_PARAMS = [
    ("inputCols", TypeConverters.toListString, "the columns of the source images"),
    ("promptCol", TypeConverters.toString, "the column of the prompts"),
    ("idCol", TypeConverters.toString, "the column of the ids that decide the seeds of rows without one"),
    ("seedCol", TypeConverters.toString, "the column of the seeds"),
    ("outputCol", TypeConverters.toString, "the column for the edited images"),
    ("statusCol", TypeConverters.toString, "the column for the status, OK or FAILED"),
    ("errorCol", TypeConverters.toString, "the column for error messages"),
    ("engine", TypeConverters.toString, "the DJL engine"),
    ("modelUrl", TypeConverters.toString, "the checkpoint folder or DJL model URL"),
    ("device", TypeConverters.toString, "auto, cpu, cuda or cuda:N"),
    ("precision", TypeConverters.toString, "auto or fp8"),
    (
        "weights",
        TypeConverters.toString,
        "how the model reaches the executors: broadcast, direct or local:PATH",
    ),
    ("batchSize", TypeConverters.toInt, "rows that go through the model together"),
    ("numInferenceSteps", TypeConverters.toInt, "denoising steps"),
    ("guidanceScale", TypeConverters.toFloat, "classifier-free guidance"),
    ("stepCache", TypeConverters.toFloat, "fraction of the time embedding's change after which the blocks are recomputed"),
    ("height", TypeConverters.toInt, "height of the edited images in pixels"),
    ("width", TypeConverters.toInt, "width of the edited images in pixels"),
    ("exactSize", TypeConverters.toBoolean, "whether edited images have exactly the wanted size"),
    ("largeSources", TypeConverters.toString, "fit, fail or upscale"),
    ("seed", TypeConverters.toInt, "base of the seeds of rows that give none"),
    ("imageFormat", TypeConverters.toString, "png, jpeg or webp"),
    ("quality", TypeConverters.toInt, "quality of JPEG and WebP, 1 to 100"),
    ("outputFormat", TypeConverters.toString, "binary or path"),
    ("outputPath", TypeConverters.toString, "the folder for edited images if outputFormat is path"),
]


class _Reader(JavaMLReader):
    """Names the Java class; PySpark's reader looks only below org.apache.spark."""

    @classmethod
    def _java_loader_class(cls, clazz):
        return _JAVA_CLASS


class ImageEditor(JavaTransformer, JavaMLReadable, JavaMLWritable):
    """Adds three columns: edited image, status (OK or FAILED) and error message."""

    @keyword_only
    def __init__(self, **params):
        super().__init__()
        self._java_obj = self._new_java_obj(_JAVA_CLASS, self.uid)
        self._transfer_params_from_java()
        self.setParams(**self._input_kwargs)

    @keyword_only
    def setParams(self, **params):
        """Sets parameters by name. Parameters that are None stay unchanged."""
        unknown = sorted(set(self._input_kwargs) - {name for name, _, _ in _PARAMS})
        if unknown:
            raise TypeError("ImageEditor has no parameter " + ", ".join(unknown))
        return self._set(**self._input_kwargs)

    @classmethod
    def read(cls):
        return _Reader(cls)


def _accessors(name):
    def get(self):
        return self.getOrDefault(getattr(self, name))

    def set(self, value):
        return self._set(**{name: value})

    return get, set


for _name, _converter, _doc in _PARAMS:
    # Class attributes; each Params object copies them when it is created.
    setattr(ImageEditor, _name, Param(Params._dummy(), _name, _doc, typeConverter=_converter))
    _get, _set = _accessors(_name)
    setattr(ImageEditor, "get" + _name[0].upper() + _name[1:], _get)
    setattr(ImageEditor, "set" + _name[0].upper() + _name[1:], _set)

# PySpark derives the Python class of a loaded stage from the name of the Java class.
sys.modules.setdefault(_JAVA_CLASS.rpartition(".")[0], sys.modules[__name__])
