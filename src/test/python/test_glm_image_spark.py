"""Tests notebooks/glm_image_spark.py and runs the notebook, on a real PySpark.

Usage: python test_glm_image_spark.py JOB_JAR; needs pyspark and numpy.
"""

import contextlib
import io
import json
import os
import struct
import sys
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
NOTEBOOKS = os.path.join(ROOT, "notebooks")
EXAMPLES = os.path.join(ROOT, "src/main/resources/models/glm-image-tiny/examples")
sys.path.insert(0, NOTEBOOKS)
JAR = os.path.abspath(sys.argv.pop(1)) if __name__ == "__main__" else None

from pyspark.ml import Pipeline, PipelineModel
from pyspark.sql import SparkSession

from glm_image_spark import ImageEditor


def png_size(png):
    return struct.unpack(">II", bytes(png[16:24]))


class ImageEditorTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.spark = (
            SparkSession.builder.master("local[2]")
            .config("spark.jars", JAR)
            .config("spark.ui.enabled", "false")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.sql.warehouse.dir", tempfile.mkdtemp())
            .getOrCreate()
        )

    def rows(self):
        path = os.path.join(EXAMPLES, "01_recolor_green.png")
        return self.spark.createDataFrame(
            [(1, path, "Change the color of the circle to green"), (2, "/no/such.png", "x")],
            "id int, image string, prompt string",
        )

    def editor(self, **more):
        return ImageEditor(
            inputCols=["image"], device="cpu", numInferenceSteps=2, height=64, width=64, **more
        )

    def test_edits_and_keeps_failures_apart(self):
        rows = {row.id: row for row in self.editor().transform(self.rows()).collect()}
        self.assertEqual("OK", rows[1].status)
        self.assertEqual((64, 64), png_size(rows[1].edited))
        self.assertEqual("FAILED", rows[2].status)
        self.assertIsNone(rows[2].edited)
        self.assertIn("/no/such.png does not exist", rows[2].error)

    def test_parameters(self):
        editor = self.editor(guidanceScale=2, seed=7).setBatchSize(3).setOutputCol("picture")
        self.assertEqual("prompt", editor.getPromptCol())
        self.assertEqual(2.0, editor.getGuidanceScale())
        self.assertEqual(3, editor.getBatchSize())
        self.assertEqual(["image"], editor.getInputCols())
        self.assertEqual(64, editor.copy({editor.width: 96}).getHeight())
        self.assertEqual(96, editor.copy({editor.width: 96}).getWidth())
        self.assertFalse(editor.isDefined("modelUrl"))
        self.assertIn("picture", editor.transform(self.rows()).columns)
        with self.assertRaisesRegex(TypeError, "no parameter steps"):
            ImageEditor(steps=3)
        with self.assertRaisesRegex(TypeError, "Invalid param value"):
            editor.setHeight("tall")
        with self.assertRaisesRegex(Exception, "there is no input column picture"):
            self.editor().setParams(inputCols=["picture"]).transform(self.rows())

    def test_python_and_java_have_the_same_parameters(self):
        editor = ImageEditor()
        java = {param.name() for param in editor._java_obj.params()}
        self.assertEqual(java, {param.name for param in editor.params})

    def test_is_saved_and_loaded(self):
        folder = tempfile.mkdtemp()
        editor = self.editor(seed=7)
        editor.save(folder + "/editor")
        loaded = ImageEditor.load(folder + "/editor")
        self.assertEqual(editor.uid, loaded.uid)
        self.assertEqual(7, loaded.getSeed())
        Pipeline(stages=[editor]).save(folder + "/pipeline")
        stage = Pipeline.load(folder + "/pipeline").getStages()[0]
        self.assertIsInstance(stage, ImageEditor)
        self.assertEqual(7, stage.getSeed())
        Pipeline(stages=[editor]).fit(self.rows()).save(folder + "/model")
        model = PipelineModel.load(folder + "/model")
        first = model.transform(self.rows()).where("id = 1").first()
        self.assertEqual("OK", first.status)

    def test_the_notebook_runs(self):
        with open(os.path.join(NOTEBOOKS, "edit_images.ipynb")) as file:
            notebook = json.load(file)
        self.assertEqual(4, notebook["nbformat"])
        names = {"spark": self.spark}
        folder = os.getcwd()
        os.chdir(NOTEBOOKS)
        try:
            for cell in notebook["cells"]:
                self.assertLessEqual({"cell_type", "id", "metadata", "source"}, set(cell))
                if cell["cell_type"] == "code":
                    self.assertEqual([], cell["outputs"])
                    source = "".join(cell["source"]).replace("steps = 20", "steps = 2")
                    with contextlib.redirect_stdout(io.StringIO()):
                        exec(compile(source, cell["id"], "exec"), names)
        finally:
            os.chdir(folder)
        self.assertEqual(6, len(names["results"]))
        self.assertEqual({"OK"}, {row.status for row in names["results"]})
        self.assertIn("data:image/png;base64,", names["page"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
