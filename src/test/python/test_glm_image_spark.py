"""Tests notebooks/glm_image_spark.py on a real PySpark.

Usage: python test_glm_image_spark.py JOB_JAR; needs pyspark, numpy and pandas. Tests the installed
module if there is one, otherwise that of the clone.
"""

import contextlib
import io
import os
import pathlib
import re
import shutil
import struct
import sys
import tempfile
import unittest
import zlib

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
NOTEBOOKS = os.path.join(ROOT, "notebooks")
MODEL = os.path.join(ROOT, "src/main/resources/models/glm-image-tiny")
EXAMPLES = os.path.join(MODEL, "examples")
sys.path.append(NOTEBOOKS)
JAR = os.path.abspath(sys.argv.pop(1)) if __name__ == "__main__" else None

from pyspark.ml import Pipeline, PipelineModel

import glm_image_spark as glm
from glm_image_spark import ImageEditor


def png_size(png):
    return struct.unpack(">II", bytes(png[16:24]))


def mask_png(height, width, white):
    """A grey PNG whose left columns are white."""
    lines = (b"\0" + b"\xff" * white + b"\0" * (width - white)) * height

    def chunk(kind, data):
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return bytearray(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )


def session():
    """The session of all tests; started by the module, as its users do."""
    return glm.spark_session(
        JAR,
        master="local[2]",
        config={
            "spark.ui.enabled": "false",
            "spark.sql.warehouse.dir": os.path.join(tempfile.gettempdir(), "warehouse"),
        },
    )


class CommandsTest(unittest.TestCase):
    """The job's commands: one run of two rows, one of which fails, and what is said about it."""

    @classmethod
    def setUpClass(cls):
        cls.spark = session()
        cls.folder = tempfile.mkdtemp()
        cls.rows = os.path.join(cls.folder, "rows.csv")
        with open(cls.rows, "w") as file:
            file.write("id,image_paths,prompt\n")
            file.write(f"good,{EXAMPLES}/01_recolor_green.png,Make the circle green\n")
            file.write("bad,/no/such.png,Make it dark\n")
        cls.options = {"steps": 2, "height": 64, "width": 64, "device": "cpu", "batch_size": 1}
        cls.output = os.path.join(cls.folder, "edited")
        cls.progress = io.StringIO()
        with contextlib.redirect_stderr(cls.progress):
            cls.edited = glm.edit(pathlib.Path(cls.rows), cls.output, **cls.options)

    def test_edit_returns_counts_and_the_table(self):
        run = self.edited
        self.assertEqual(("rows_failed", 2, 1, 1), (run.status, run.rows, run.ok, run.failed))
        self.assertEqual({"IMAGE_NOT_FOUND": 1}, run.failed_by_class)
        rows = {row.id: row for row in run.table().collect()}
        self.assertEqual({"good": "OK", "bad": "FAILED"}, {k: v.status for k, v in rows.items()})
        self.assertEqual(["bad"], [row.id for row in run.failures().collect()])
        self.assertEqual(2, glm.results(self.output).count())
        self.assertEqual(2, glm.results(self.output + "/results").count())
        self.assertTrue(os.path.isfile(run.metrics.replace("file:", "")))

    def test_failed_rows_raise_if_asked(self):
        with self.assertRaisesRegex(glm.JobFailedError, r"1 of 2 rows failed \(1 IMAGE_NOT_FOUND\)"):
            self.edited.raise_for_failures()

    def test_progress_and_failures_are_shown(self):
        self.assertIn("1 of 2 rows failed", self.progress.getvalue())

    def test_a_second_run_edits_only_what_failed(self):
        run = glm.edit(self.rows, self.output, progress=False, **self.options)
        self.assertEqual((1, 1), (run.kept, run.failed))

    def test_show_is_a_pandas_data_frame(self):
        frame = glm.show(self.edited)
        self.assertEqual(["good", "bad"], list(frame["id"]))
        self.assertEqual(["OK", "FAILED"], list(frame["status"]))
        self.assertEqual(1, len(glm.show(self.output, rows=1)))

    def test_validate_counts_bad_rows(self):
        found = glm.validate(self.rows, steps=2, gpu_hour_price=2.5, progress=False)
        self.assertEqual((2, 1, False), (found.rows, found.bad_rows, found.ok))
        problems = found.problems()
        self.assertEqual(["IMAGE_NOT_FOUND"], list(problems["error_class"]))
        self.assertIn("/no/such.png", problems["example"][0])
        self.assertGreater(found.cost, 0)
        self.assertTrue(found.model["demonstration_model"])

    def test_inspect_model_lists_parts_or_problems(self):
        found = glm.inspect_model("demo", progress=False)
        self.assertEqual((True, []), (found.usable, found.problems))
        self.assertIn("transformer", list(found.parts_table()["name"]))
        empty = os.path.join(self.folder, "empty-model")
        os.mkdir(empty)
        found = glm.inspect_model(empty, progress=False)
        self.assertFalse(found.usable)
        self.assertIn("no model_index.json", found.problems[0])
        with self.assertRaisesRegex(glm.UsageError, "there is no folder /no/model"):
            glm.inspect_model("/no/model", progress=False)

    def test_manifest_is_a_spark_data_frame(self):
        rows = glm.manifest(
            EXAMPLES,
            self.folder + "/manifest",
            prompt_template="make the {thing} {color}",
            values={"thing": "circle", "color": ["red", "blue"]},
        )
        images = len([name for name in os.listdir(EXAMPLES) if name.endswith(".png")])
        self.assertEqual(2 * images, rows.count())
        self.assertEqual(
            {"make the circle red", "make the circle blue"},
            {row.prompt for row in rows.select("prompt").distinct().collect()},
        )

    def test_what_cannot_start_raises_the_jobs_message(self):
        with self.assertRaisesRegex(glm.UsageError, "/no/rows.csv: there is no such file or folder"):
            glm.edit("/no/rows.csv", self.output, progress=False)
        with self.assertRaisesRegex(glm.UsageError, "--stepz"):
            glm.edit(self.rows, self.output, stepz=2, progress=False)
        with self.assertRaisesRegex(glm.UsageError, "Missing required option: '--output=DIR'"):
            glm.edit(self.rows, progress=False)
        with self.assertRaisesRegex(glm.UsageError, "/no/rows.csv: there is no such file or folder"):
            glm.validate("/no/rows.csv", progress=False)
        with self.assertRaisesRegex(glm.UsageError, "--seeds"):
            glm.manifest(EXAMPLES, self.folder + "/x", prompt="x", seeds=0, progress=False)
        with self.assertRaisesRegex(glm.UsageError, "/no/results"):
            glm.show("/no/results")

    def test_other_commands_give_what_they_print(self):
        sheet = os.path.join(self.folder, "sheet.png")
        result = glm.run_command(
            "contact-sheet", results=self.output, output=pathlib.Path(sheet), progress=False
        )
        self.assertEqual((0, True), (result.exit_code, os.path.isfile(sheet)), result.err)

    def test_switches_that_are_on_by_default_can_be_switched_off(self):
        takes_on_off = set()
        for command in ("edit", "validate", "inspect-model", "manifest"):
            text = glm.command_help(command)
            takes_on_off |= set(re.findall(r"--([a-z-]+)=on\|off", text))
        known = {name.replace("_", "-") for name in glm._ON_OFF}
        self.assertIn("exact-size", takes_on_off)
        self.assertLessEqual(takes_on_off, known)

    def test_the_examples_of_the_documentation_run(self):
        with open(os.path.join(ROOT, "src/site/markdown/api.md")) as file:
            examples = re.findall(r"```python\n(.*?)```", file.read(), re.DOTALL)
        # The DJL Spark extension is not installed here.
        examples = [example for example in examples if "djl_spark" not in example]
        self.assertEqual(2, len(examples))
        photos = os.path.join(self.folder, "photos")
        os.mkdir(photos)
        shutil.copy(os.path.join(EXAMPLES, "01_recolor_green.png"), photos)
        names = {
            "images": self.spark.createDataFrame(
                [(photos + "/01_recolor_green.png", "make it green")], "image string, prompt string"
            )
        }
        for example in examples:
            source = (
                example.replace("/models/GLM-Image", MODEL)
                .replace("/data/", self.folder + "/")
                .replace("steps=20", "steps=1")
                .replace("numInferenceSteps=20", "numInferenceSteps=1")
            )
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                with contextlib.redirect_stderr(io.StringIO()):
                    exec(compile(source, "api.md", "exec"), names)
            names["printed"] = names.get("printed", "") + printed.getvalue()
        self.assertIn("2 of 2 rows edited", names["printed"])
        self.assertEqual(2, len(names["first"]))

    def test_values_become_arguments(self):
        self.assertEqual(
            [
                "--steps=2",
                "--full",
                "--exact-size=off",
                "--prompt=a",
                "--prompt=-b, c",
                "--values=color=red,blue",
                "--lora=dir=0.5",
                "--model=file:///x y",
            ],
            glm._arguments(
                {
                    "steps": 2,
                    "full": True,
                    "recursive": False,
                    "seed": None,
                    "exact_size": False,
                    "prompt": ["a", "-b, c"],
                    "values": {"color": ["red", "blue"]},
                    "lora": {"dir": 0.5},
                    "model": pathlib.Path("/x y"),
                }
            ),
        )


class ImageEditorTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.spark = session()

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

    def test_masks_and_quality_figures(self):
        spark = self.spark
        with open(os.path.join(EXAMPLES, "01_recolor_green.png"), "rb") as file:
            image = file.read()
        height, width = png_size(image)
        rows = spark.createDataFrame(
            [(1, bytearray(image), mask_png(height, width, width // 2), "make it green", 5)],
            "id int, image binary, mask binary, prompt string, own long",
        )
        editor = ImageEditor(
            inputCols=["image"],
            maskCol="mask",
            seedCol="own",
            figuresCol="found",
            device="cpu",
            numInferenceSteps=1,
            minChange=0.9,
        )
        model = Pipeline(stages=[editor]).fit(rows)
        row = model.transform(rows).first()
        self.assertEqual("OK", row.status, row.error)
        self.assertEqual((height, width), png_size(row.edited))
        # At most half of it may change.
        self.assertEqual("UNCHANGED", row.found.quality)
        self.assertLess(0, row.found.changed_fraction)
        self.assertLess(row.found.changed_fraction, 0.6)
        self.assertEqual(5, row.found.seed)

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
        editor = self.editor(seed=7, lora=["/adapter=0.5"], keepUnchanged=True, maxChange=0.5)
        editor.save(folder + "/editor")
        loaded = ImageEditor.load(folder + "/editor")
        self.assertEqual(editor.uid, loaded.uid)
        self.assertEqual(7, loaded.getSeed())
        self.assertEqual(["/adapter=0.5"], loaded.getLora())
        self.assertEqual((True, 0.5), (loaded.getKeepUnchanged(), loaded.getMaxChange()))
        editor.setLora([])
        Pipeline(stages=[editor]).save(folder + "/pipeline")
        stage = Pipeline.load(folder + "/pipeline").getStages()[0]
        self.assertIsInstance(stage, ImageEditor)
        self.assertEqual(7, stage.getSeed())
        Pipeline(stages=[editor]).fit(self.rows()).save(folder + "/model")
        model = PipelineModel.load(folder + "/model")
        first = model.transform(self.rows()).where("id = 1").first()
        self.assertEqual("OK", first.status)


if __name__ == "__main__":
    unittest.main(verbosity=2)
