"""GLM-Image on Apache Spark, from Python.

* `ImageEditor`, a Spark ML transformer, edits the images of a DataFrame.
* `edit`, `validate`, `manifest`, `inspect_model` and `show` are the job's commands. They run in the
  Spark session of the program and return data frames or dataclasses.

    import glm_image_spark as glm

    run = glm.edit("s3a://bucket/rows.parquet", "s3a://bucket/edited", model="/models/GLM-Image")
    run.table().where("quality <> 'OK'").show()

The job jar must be on Spark's class path (`spark.jars`); `spark_session` starts a local session
that has it. Options of the commands are those of the command line with underscores: `--batch-size 16`
is `batch_size=16`. `command_help("edit")` lists them.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import sys
import tempfile
import threading
from dataclasses import dataclass, field, fields
from typing import (
    IO,
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Type,
    TypeVar,
    Union,
)

from pyspark import SparkContext, keyword_only
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.util import JavaMLReadable, JavaMLReader, JavaMLWritable
from pyspark.ml.wrapper import JavaTransformer
from pyspark.sql import DataFrame, SparkSession

if TYPE_CHECKING:
    import pandas
    from typing_extensions import TypedDict, Unpack

    class ImageEditorParams(TypedDict, total=False):
        """The parameters of `ImageEditor`, all of them optional."""

        inputCols: Sequence[str]
        promptCol: str
        maskCol: str
        idCol: str
        seedCol: str
        outputCol: str
        statusCol: str
        errorCol: str
        figuresCol: str
        engine: str
        modelUrl: str
        lora: Sequence[str]
        device: str
        precision: str
        weights: str
        batchSize: int
        preset: str
        numInferenceSteps: int
        guidanceScale: float
        stepCache: float
        solver: str
        height: int
        width: int
        maxPixels: int
        exactSize: bool
        largeSources: str
        colour: str
        transparency: str
        keepMetadata: str
        seed: int
        minChange: float
        maxChange: float
        retryFlagged: int
        keepUnchanged: bool
        imageFormat: str
        quality: int
        outputFormat: str
        outputPath: str


__all__ = [
    "CommandResult",
    "EditRun",
    "GlmImageError",
    "ImageEditor",
    "JobFailedError",
    "ModelReport",
    "UsageError",
    "Validation",
    "command_help",
    "edit",
    "inspect_model",
    "manifest",
    "results",
    "run_command",
    "show",
    "spark_session",
    "validate",
]

#: A path or URL. A `str` means what it means to Spark; a `pathlib.Path` is a local file.
PathLike = Union[str, "os.PathLike[str]"]

_Scalar = Union[str, int, float, bool, "os.PathLike[str]"]

#: The value of an option. None leaves the option out, True and False switch it on and off, a list
#: repeats it, and a mapping repeats it as NAME=VALUE (or NAME=VALUE,VALUE).
OptionValue = Union[
    None, _Scalar, Sequence[_Scalar], Mapping[str, Union[_Scalar, Sequence[_Scalar]]]
]

_T = TypeVar("_T")
_JOB_CLASS = "io.glmimage.job.EditImagesJob"
_EDITOR_CLASS = "io.glmimage.spark.ml.ImageEditor"
_RESULT = "RESULT "

# Options that take "on" or "off"; other switches are on if they are given.
_ON_OFF = frozenset(["exact_size", "memory_check"])


# ---------------------------------------------------------------------------------------- errors


class GlmImageError(RuntimeError):
    """A command that gives no result. The message says why, and what to do."""


class UsageError(GlmImageError):
    """The command cannot start as given (exit code 1). Nothing was changed."""


class JobFailedError(GlmImageError):
    """The command failed (exit code 3). Run `edit` again to continue: finished rows are kept."""


# --------------------------------------------------------------------------------------- session


def spark_session(
    jar: Optional[PathLike] = None,
    master: str = "local[*,2]",
    app_name: str = "glm-image-spark",
    driver_memory: str = "2g",
    config: Optional[Mapping[str, str]] = None,
) -> SparkSession:
    """Returns the active Spark session, or starts one that has the job jar.

    Args:
        jar: the job jar. Default: GLM_IMAGE_JAR, otherwise the jar in the target folder of the
            clone that holds this module.
        master: of a new session; the default gives every row a second attempt.
        app_name: of a new session.
        driver_memory: Java heap of a new session. Native memory of the model is extra.
        config: further settings of a new session; they have precedence.

    Raises:
        GlmImageError: if there is no jar, or the active session lacks it.
    """
    if SparkContext._active_spark_context is not None:
        # The active session is that of a thread; this is that of the process.
        active = SparkSession.builder.getOrCreate()
        _job(active)
        return active
    found = _jar(jar)
    settings = {
        "spark.jars": found,
        "spark.master": master,
        "spark.app.name": app_name,
        "spark.driver.memory": driver_memory,
        "spark.driver.extraJavaOptions": " ".join(_java_options(found)),
        "spark.ui.showConsoleProgress": "false",
    }
    if master.startswith("local"):
        settings.update(
            {"spark.driver.host": "localhost", "spark.driver.bindAddress": "127.0.0.1"}
        )
    settings.update(config or {})
    builder = SparkSession.builder
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    _job(session)
    return session


def _jar(given: Optional[PathLike]) -> str:
    named = os.environ.get("GLM_IMAGE_JAR") if given is None else os.fspath(given)
    if named:
        if "://" not in named and not os.path.isfile(named):
            raise GlmImageError(f"Cannot start Spark: the job jar {named} is not a file")
        return named
    target = pathlib.Path(__file__).resolve().parent.parent / "target"
    built = sorted(target.glob("glm-image-spark-*-job.jar"), key=lambda path: path.stat().st_mtime)
    if not built:
        raise GlmImageError(
            "Cannot start Spark: there is no job jar. Build it (mvn -DskipTests package) and give"
            " its path as jar, or in GLM_IMAGE_JAR"
        )
    return str(built[-1])


def _java_options(jar: str) -> List[str]:
    # DJL's tokenizers otherwise look for CUDA, and DJL sends usage reports.
    options = ["-DRUST_FLAVOR=cpu", "-DOPT_OUT_TRACKING=true"]
    logging = pathlib.Path(jar).parent.parent / "conf" / "log4j2.properties"
    if logging.is_file():
        options.append(f"-Dlog4j2.configurationFile={logging}")
    return options


def _job(session: SparkSession) -> Any:
    """The Java class of the command line."""
    from py4j.java_gateway import JavaClass  # type: ignore[import-untyped]

    jvm = getattr(session, "_jvm", None)
    if jvm is None:
        raise GlmImageError(
            "Cannot use this Spark session: it has no JVM in this process (Spark Connect). Use a"
            " session of classic PySpark, or jobs/edit-images.sh"
        )
    job = jvm
    for name in _JOB_CLASS.split("."):
        job = getattr(job, name)
    if not isinstance(job, JavaClass):
        raise _no_jar()
    return job


def _no_jar() -> GlmImageError:
    return GlmImageError(
        "Cannot find the job in the Spark session: set spark.jars to the job jar"
        " (glm-image-spark-VERSION-job.jar) before the session starts, or use spark_session()"
    )


# -------------------------------------------------------------------------------------- commands


@dataclass(frozen=True)
class CommandResult:
    """What a command has printed, and its exit code."""

    exit_code: int
    out: str
    err: str


def run_command(
    command: str,
    *,
    spark: Optional[SparkSession] = None,
    progress: bool = True,
    **options: OptionValue,
) -> CommandResult:
    """Runs any command of the job and returns what it prints. Does not raise for its exit code.

    Args:
        command: such as "contact-sheet".
        spark: the session. Default: the active one, otherwise that of `spark_session()`.
        progress: whether progress and warnings also go to `sys.stderr` while the command runs.
        options: the options of the command line, with underscores.
    """
    session = spark if spark is not None else spark_session()
    job = _job(session)
    context = session.sparkContext
    arguments = [command, *_arguments(options)]
    gateway: Any = context._gateway
    jvm: Any = context._jvm
    strings = gateway.new_array(jvm.java.lang.String, len(arguments))
    for i, argument in enumerate(arguments):
        strings[i] = argument
    with tempfile.TemporaryDirectory() as folder:
        out, err = os.path.join(folder, "out"), os.path.join(folder, "err")
        streams = [jvm.java.io.PrintStream(path, "UTF-8") for path in (out, err)]
        try:
            with _relay(err, sys.stderr) if progress else contextlib.nullcontext():
                code = int(job.run(streams[0], streams[1], strings))
        finally:
            for stream in streams:
                stream.close()
        return CommandResult(code, _read(out), _read(err))


def _arguments(options: Mapping[str, OptionValue]) -> List[str]:
    arguments: List[str] = []
    for name, value in options.items():
        flag = "--" + name.rstrip("_").replace("_", "-")
        if value is None:
            continue
        if isinstance(value, bool):
            if name in _ON_OFF:
                arguments.append(f"{flag}={'on' if value else 'off'}")
            elif value:
                arguments.append(flag)
        elif isinstance(value, Mapping):
            for key, one in value.items():
                many = _is_sequence(one)
                text = ",".join(map(_text, one)) if many else _text(one)  # type: ignore[arg-type]
                arguments.append(f"{flag}={key}={text}")
        elif _is_sequence(value):
            arguments.extend(f"{flag}={_text(one)}" for one in value)  # type: ignore[union-attr]
        else:
            arguments.append(f"{flag}={_text(value)}")
    return arguments


def _is_sequence(value: object) -> bool:
    return isinstance(value, (list, tuple))


def _text(value: object) -> str:
    if isinstance(value, pathlib.PurePath):
        return "file://" + os.path.abspath(value)
    if isinstance(value, os.PathLike):
        return str(os.fspath(value))
    return str(value)


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


@contextlib.contextmanager
def _relay(path: str, to: IO[str]) -> Iterator[None]:
    """Copies what is appended to a file to a stream, on another thread."""
    done = threading.Event()

    def copy() -> None:
        with open(path, encoding="utf-8", errors="replace") as file:
            last = False
            while not last:
                last = done.wait(0.2)
                text = file.read()
                if text:
                    to.write(text)
                    to.flush()

    thread = threading.Thread(target=copy, name="glm-image-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def command_help(command: str = "edit", *, spark: Optional[SparkSession] = None) -> str:
    """The help text of a command, with all options and their defaults."""
    return run_command(command, spark=spark, progress=False, help=True).out


def _failure(result: CommandResult, message: Optional[str] = None) -> GlmImageError:
    text = message or result.err.strip() or f"exit code {result.exit_code}"
    return (UsageError if result.exit_code == 1 else JobFailedError)(text)


def _json_object(result: CommandResult) -> Dict[str, Any]:
    """The JSON object that the command has printed; raises its failure if there is none."""
    start = result.out.find("{")
    if start < 0:
        raise _failure(result)
    parsed: Dict[str, Any] = json.loads(result.out[start:])
    return parsed


def _of(kind: Type[_T], values: Mapping[str, Any], **more: Any) -> _T:
    names = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in values.items() if name in names}, **more)


# ------------------------------------------------------------------------------------------ edit


@dataclass(frozen=True)
class EditRun:
    """The outcome of `edit`; see "Results" in the documentation for the files that it names."""

    #: "ok", or "rows_failed" if some rows have the status FAILED.
    status: str
    exit_code: int
    #: Rows of the manifest; `kept` of them were finished by earlier runs.
    rows: int
    ok: int
    failed: int
    kept: int
    #: Numbers of failed rows by error class.
    failed_by_class: Dict[str, int]
    #: Numbers of flagged edited images by flag.
    flagged: Dict[str, int]
    seconds: float
    edit_seconds: float
    rows_per_second: Optional[float]
    output: str
    #: The folder of the result table (Parquet).
    results: str
    #: A manifest of the failed rows; None if no row has failed.
    failed_rows: Optional[str]
    metrics: str
    summary: str

    def table(self, spark: Optional[SparkSession] = None) -> DataFrame:
        """The result table: one row per row of the manifest."""
        return _session(spark).read.parquet(self.results)

    def failures(self, spark: Optional[SparkSession] = None) -> DataFrame:
        """The result rows with the status FAILED."""
        failed: DataFrame = self.table(spark).where("status = 'FAILED'")
        return failed

    def raise_for_failures(self) -> "EditRun":
        """Raises `JobFailedError` if a row has failed; returns this run otherwise."""
        if self.failed:
            counts = ", ".join(f"{count} {name}" for name, count in self.failed_by_class.items())
            raise JobFailedError(
                f"{self.failed} of {self.rows} rows failed ({counts}); see status = 'FAILED' in"
                f" {self.results}"
            )
        return self


def edit(
    manifest: Optional[PathLike] = None,
    output: Optional[PathLike] = None,
    *,
    model: Optional[PathLike] = None,
    spark: Optional[SparkSession] = None,
    progress: bool = True,
    **options: OptionValue,
) -> EditRun:
    """Edits the images of a manifest, as `jobs/edit-images.sh edit` does.

    Rows that fail do not raise: they are counted in the result, and `EditRun.raise_for_failures`
    raises for them. A second call with the same output edits only what is not finished yet.

    Args:
        manifest: Parquet, CSV, JSON Lines or an OpenAI batch.
        output: the folder for edited images, results and report.
        model: a checkpoint folder. Default: the demonstration model, which knows coloured shapes
            only; on a cluster it must be named ("demo").
        spark: the session. Default: the active one, otherwise that of `spark_session()`.
        progress: whether progress goes to `sys.stderr`.
        options: further options of the command, such as steps=20, lora=["adapter=0.8"],
            seed=7, batch_size=16, exact_size=False; see `command_help("edit")`.

    Raises:
        UsageError: if the job cannot start as given.
        JobFailedError: if the job failed. Finished rows are kept for the next call.
    """
    result = run_command(
        "edit",
        spark=spark,
        progress=progress,
        manifest=manifest,
        output=output,
        model=model,
        **options,
    )
    lines = [line for line in result.out.splitlines() if line.startswith(_RESULT)]
    if not lines:
        raise _failure(result)
    outcome = json.loads(lines[-1][len(_RESULT) :])
    if outcome["error"] is not None:
        raise _failure(result, outcome["error"])
    return _of(EditRun, outcome)


# -------------------------------------------------------------------------------------- validate


@dataclass(frozen=True)
class Validation:
    """The findings of `validate`."""

    manifest: str
    rows: int
    bad_rows: int
    #: Numbers of bad rows by error class, and messages of the first of them.
    bad_by_class: Dict[str, int]
    examples: Dict[str, List[str]]
    text_to_image_rows: int
    notes: List[str]
    rows_with_sources_checked: int
    #: Numbers of source images by what is special about them, such as a colour profile.
    sources: Dict[str, int]
    source_notes: List[str]
    megapixel_steps_per_row: Optional[float]
    #: The estimate, on one GPU and on `gpus` GPUs. None if no row has a known size.
    gpu_hours: Optional[float]
    gpus: int
    hours: Optional[float]
    cost: Optional[float]
    estimate: Optional[str]
    #: What `inspect_model` finds in the model, if one is given.
    model: Dict[str, Any]
    #: Everything that the command reports.
    report: Dict[str, Any] = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether there is no bad row, and the model (if one is given) can be loaded."""
        return self.bad_rows == 0 and bool(self.model.get("usable", True))

    def problems(self) -> "pandas.DataFrame":
        """The bad rows by class, as a pandas data frame: error_class, count, example."""
        rows = [
            (name, count, next(iter(self.examples.get(name, [])), None))
            for name, count in self.bad_by_class.items()
        ]
        return _frame(rows, ["error_class", "count", "example"])


def validate(
    manifest: Optional[PathLike] = None,
    *,
    model: Optional[PathLike] = None,
    spark: Optional[SparkSession] = None,
    progress: bool = True,
    **options: OptionValue,
) -> Validation:
    """Checks a manifest, and a model if one is given, before they cost GPU time.

    Args:
        manifest: as that of `edit`.
        model: a checkpoint folder to inspect. Default: none.
        spark: the session. Default: the active one, otherwise that of `spark_session()`.
        progress: whether progress goes to `sys.stderr`.
        options: further options, such as full=True, sample=100, gpu_hour_price=2.5, gpus=8, and
            the defaults of rows (steps=20); see `command_help("validate")`.

    Raises:
        UsageError: if the manifest cannot be used, or an option is wrong. Bad rows and an unusable
            model do not raise.
        JobFailedError: if the check failed.
    """
    report = _json_object(
        run_command(
            "validate",
            spark=spark,
            progress=progress,
            manifest=manifest,
            model=model,
            json=True,
            **options,
        )
    )
    return _of(Validation, report, report=report)


# ------------------------------------------------------------------------------ further commands


@dataclass(frozen=True)
class ModelReport:
    """The findings of `inspect_model`."""

    model: str
    usable: bool
    #: Each problem names the file, tensor or key, and what to do.
    problems: List[str]
    warnings: List[str]
    #: name, files, tensors, parameters, parameters_by_dtype, bytes and unused_tensors of each part.
    parts: List[Dict[str, Any]]
    #: Memory for the weights: gpu_bfloat16, gpu_fp8 and cpu_float32.
    weights_bytes: Dict[str, int]
    #: adapter, scale and layers of each LoRA adapter.
    adapters: List[Dict[str, Any]]
    #: How the files compare with the published checkpoint.
    published: Dict[str, str]
    #: Everything that the command reports.
    report: Dict[str, Any] = field(repr=False)

    def parts_table(self) -> "pandas.DataFrame":
        """The parts of the model as a pandas data frame."""
        return _frame(self.parts)


def inspect_model(
    model: PathLike,
    *,
    spark: Optional[SparkSession] = None,
    progress: bool = True,
    **options: OptionValue,
) -> ModelReport:
    """Checks a model folder without loading it: its parts, memory and all problems.

    Args:
        model: a checkpoint folder, or "demo".
        spark: the session. Default: the active one, otherwise that of `spark_session()`.
        progress: whether progress goes to `sys.stderr`.
        options: such as lora=["adapter=0.8"].

    Raises:
        UsageError: if there is no such folder. A model with problems does not raise.
    """
    report = _json_object(
        run_command(
            "inspect-model", spark=spark, progress=progress, model=model, json=True, **options
        )
    )
    return _of(ModelReport, report, report=report)


def manifest(
    images: PathLike,
    output: PathLike,
    *,
    spark: Optional[SparkSession] = None,
    progress: bool = True,
    **options: OptionValue,
) -> DataFrame:
    """Writes a manifest for a folder of images, and returns it as a Spark data frame.

    Args:
        images: the folder of images.
        output: the manifest to write; it must not exist.
        spark: the session. Default: the active one, otherwise that of `spark_session()`.
        progress: whether warnings go to `sys.stderr`.
        options: such as prompt=["make it night", "make it snow"], recursive=True, seeds=3, or
            prompt_template="make the {object} {color}" with
            values={"object": ["car", "tree"], "color": "red"}; see `command_help("manifest")`.

    Raises:
        UsageError: if the folder has no images, the output exists, or an option is wrong.
    """
    result = run_command(
        "manifest", spark=spark, progress=progress, images=images, output=output, **options
    )
    if result.exit_code != 0:
        raise _failure(result)
    return _session(spark).read.parquet(_text(output))


def show(
    results: Union[PathLike, EditRun],
    *,
    rows: int = 50,
    flagged: bool = False,
    spark: Optional[SparkSession] = None,
) -> "pandas.DataFrame":
    """The first rows of a result table, in manifest order, as a pandas data frame.

    Args:
        results: a run, its output folder or its results folder.
        rows: largest number of rows, 1 to 1000.
        flagged: whether to return only rows whose edited image is flagged.
        spark: the session. Default: the active one, otherwise that of `spark_session()`.

    Raises:
        UsageError: if there are no results.
    """
    folder = results.output if isinstance(results, EditRun) else results
    result = run_command(
        "show", spark=spark, progress=False, results=folder, rows=rows, flagged=flagged, json=True
    )
    if result.exit_code != 0:
        raise _failure(result)
    lines = [json.loads(line) for line in result.out.splitlines() if line.startswith("{")]
    return _frame(lines)


def results(
    output: Union[PathLike, EditRun], *, spark: Optional[SparkSession] = None
) -> DataFrame:
    """The whole result table of a run as a Spark data frame.

    Args:
        output: a run, its output folder or its results folder.
        spark: the session. Default: the active one, otherwise that of `spark_session()`.
    """
    session = _session(spark)
    if isinstance(output, EditRun):
        return output.table(session)
    folder = _text(output).rstrip("/")
    jvm: Any = session.sparkContext._jvm
    table = jvm.org.apache.hadoop.fs.Path(folder + "/results")
    settings = session.sparkContext._jsc.hadoopConfiguration()
    exists = table.getFileSystem(settings).exists(table)
    return session.read.parquet(folder + "/results" if exists else folder)


def _session(spark: Optional[SparkSession]) -> SparkSession:
    return spark if spark is not None else spark_session()


def _frame(rows: Sequence[Any], columns: Optional[List[str]] = None) -> "pandas.DataFrame":
    try:
        import pandas
    except ImportError as e:
        raise GlmImageError("Cannot make a data frame: install pandas") from e
    return pandas.DataFrame(rows, columns=columns)


# ----------------------------------------------------------------------------------- ImageEditor


def _param(name: str, converter: Callable[[Any], _T], doc: str) -> "Param[_T]":
    # A class attribute; each Params object copies it when it is created.
    return Param(Params._dummy(), name, doc, typeConverter=converter)


def _accessors(
    param: "Param[_T]",
) -> Tuple[Callable[["ImageEditor"], _T], Callable[["ImageEditor", _T], "ImageEditor"]]:
    name = param.name

    def get(self: ImageEditor) -> _T:
        value: _T = self.getOrDefault(name)
        return value

    def set(self: ImageEditor, value: _T) -> ImageEditor:
        return self._set(**{name: value})

    get.__doc__ = f"The value of {name}: {param.doc}."
    set.__doc__ = f"Sets {name}: {param.doc}."
    return get, set


class _Reader(JavaMLReader["ImageEditor"]):
    """Names the Java class; PySpark's reader looks only below org.apache.spark."""

    @classmethod
    def _java_loader_class(cls, clazz: Any) -> str:
        return _EDITOR_CLASS


class ImageEditor(JavaTransformer, JavaMLReadable["ImageEditor"], JavaMLWritable):
    """A Spark ML transformer that edits the images of a DataFrame by prompts.

    It adds the edited image, the status (OK or FAILED), the error message and the quality figures
    to each row. It is the Java class io.glmimage.spark.ml.ImageEditor, whose Javadoc explains the
    parameters and defaults.

        editor = ImageEditor(inputCols=["image"], outputCol="edited", numInferenceSteps=20)
        edited = editor.transform(rows)
    """

    inputCols = _param(
        "inputCols", TypeConverters.toListString, "the columns of the source images"
    )
    promptCol = _param("promptCol", TypeConverters.toString, "the column of the prompts")
    maskCol = _param(
        "maskCol",
        TypeConverters.toString,
        "the column of the masks, whose white or opaque pixels are edited",
    )
    idCol = _param(
        "idCol",
        TypeConverters.toString,
        "the column of the ids that decide the seeds of rows without one",
    )
    seedCol = _param("seedCol", TypeConverters.toString, "the column of the seeds")
    outputCol = _param("outputCol", TypeConverters.toString, "the column for the edited images")
    statusCol = _param(
        "statusCol", TypeConverters.toString, "the column for the status, OK or FAILED"
    )
    errorCol = _param("errorCol", TypeConverters.toString, "the column for error messages")
    figuresCol = _param(
        "figuresCol",
        TypeConverters.toString,
        "the column for the quality figures; empty for none",
    )
    engine = _param("engine", TypeConverters.toString, "the DJL engine")
    modelUrl = _param(
        "modelUrl", TypeConverters.toString, "the checkpoint folder or DJL model URL"
    )
    lora = _param(
        "lora",
        TypeConverters.toListString,
        "LoRA adapters that are merged into the model: FOLDER or FOLDER=SCALE",
    )
    device = _param("device", TypeConverters.toString, "auto, cpu, cuda or cuda:N")
    precision = _param("precision", TypeConverters.toString, "auto or fp8 or prior-int8")
    weights = _param(
        "weights",
        TypeConverters.toString,
        "how the model reaches the executors: broadcast, direct or local:PATH",
    )
    batchSize = _param(
        "batchSize", TypeConverters.toInt, "most rows that a task has in memory"
    )
    preset = _param(
        "preset",
        TypeConverters.toString,
        "precision, solver and steps together: exact, balanced or fast",
    )
    numInferenceSteps = _param("numInferenceSteps", TypeConverters.toInt, "denoising steps")
    guidanceScale = _param("guidanceScale", TypeConverters.toFloat, "classifier-free guidance")
    stepCache = _param(
        "stepCache",
        TypeConverters.toFloat,
        "fraction of the time embedding's change after which the blocks are recomputed",
    )
    solver = _param(
        "solver", TypeConverters.toString, "solver of the denoising loop: euler or multistep2"
    )
    height = _param("height", TypeConverters.toInt, "height of the edited images in pixels")
    width = _param("width", TypeConverters.toInt, "width of the edited images in pixels")
    maxPixels = _param(
        "maxPixels", TypeConverters.toInt, "largest output, height times width"
    )
    exactSize = _param(
        "exactSize",
        TypeConverters.toBoolean,
        "whether edited images have exactly the wanted size",
    )
    largeSources = _param("largeSources", TypeConverters.toString, "fit, fail or upscale")
    colour = _param(
        "colour", TypeConverters.toString, "colour profiles of source images: convert or ignore"
    )
    transparency = _param(
        "transparency",
        TypeConverters.toString,
        "transparent pixels of source images: drop or a background colour",
    )
    keepMetadata = _param(
        "keepMetadata",
        TypeConverters.toString,
        "what edited images keep of their source images: none, exif or exif+gps",
    )
    seed = _param("seed", TypeConverters.toInt, "base of the seeds of rows that give none")
    minChange = _param(
        "minChange",
        TypeConverters.toFloat,
        "changed fraction below which an edited image is UNCHANGED",
    )
    maxChange = _param(
        "maxChange",
        TypeConverters.toFloat,
        "changed fraction above which an edited image may be DESTROYED",
    )
    retryFlagged = _param(
        "retryFlagged",
        TypeConverters.toInt,
        "how often a flagged row is edited again with another seed",
    )
    keepUnchanged = _param(
        "keepUnchanged",
        TypeConverters.toBoolean,
        "whether pixels that did not change visibly are those of the source",
    )
    imageFormat = _param("imageFormat", TypeConverters.toString, "png, jpeg or webp")
    quality = _param("quality", TypeConverters.toInt, "quality of JPEG and WebP, 1 to 100")
    outputFormat = _param("outputFormat", TypeConverters.toString, "binary or path")
    outputPath = _param(
        "outputPath",
        TypeConverters.toString,
        "the folder for edited images if outputFormat is path",
    )

    getInputCols, setInputCols = _accessors(inputCols)
    getPromptCol, setPromptCol = _accessors(promptCol)
    getMaskCol, setMaskCol = _accessors(maskCol)
    getIdCol, setIdCol = _accessors(idCol)
    getSeedCol, setSeedCol = _accessors(seedCol)
    getOutputCol, setOutputCol = _accessors(outputCol)
    getStatusCol, setStatusCol = _accessors(statusCol)
    getErrorCol, setErrorCol = _accessors(errorCol)
    getFiguresCol, setFiguresCol = _accessors(figuresCol)
    getEngine, setEngine = _accessors(engine)
    getModelUrl, setModelUrl = _accessors(modelUrl)
    getLora, setLora = _accessors(lora)
    getDevice, setDevice = _accessors(device)
    getPrecision, setPrecision = _accessors(precision)
    getWeights, setWeights = _accessors(weights)
    getBatchSize, setBatchSize = _accessors(batchSize)
    getPreset, setPreset = _accessors(preset)
    getNumInferenceSteps, setNumInferenceSteps = _accessors(numInferenceSteps)
    getGuidanceScale, setGuidanceScale = _accessors(guidanceScale)
    getStepCache, setStepCache = _accessors(stepCache)
    getSolver, setSolver = _accessors(solver)
    getHeight, setHeight = _accessors(height)
    getWidth, setWidth = _accessors(width)
    getMaxPixels, setMaxPixels = _accessors(maxPixels)
    getExactSize, setExactSize = _accessors(exactSize)
    getLargeSources, setLargeSources = _accessors(largeSources)
    getColour, setColour = _accessors(colour)
    getTransparency, setTransparency = _accessors(transparency)
    getKeepMetadata, setKeepMetadata = _accessors(keepMetadata)
    getSeed, setSeed = _accessors(seed)
    getMinChange, setMinChange = _accessors(minChange)
    getMaxChange, setMaxChange = _accessors(maxChange)
    getRetryFlagged, setRetryFlagged = _accessors(retryFlagged)
    getKeepUnchanged, setKeepUnchanged = _accessors(keepUnchanged)
    getImageFormat, setImageFormat = _accessors(imageFormat)
    getQuality, setQuality = _accessors(quality)
    getOutputFormat, setOutputFormat = _accessors(outputFormat)
    getOutputPath, setOutputPath = _accessors(outputPath)

    @keyword_only
    def __init__(self, **params: Unpack[ImageEditorParams]) -> None:
        super().__init__()
        spark_session()  # Without a session there is no JVM to create the Java object in.
        self._java_obj = self._new_java_obj(_EDITOR_CLASS, self.uid)
        self._transfer_params_from_java()
        self.setParams(**self._input_kwargs)  # type: ignore[attr-defined]

    @keyword_only
    def setParams(self, **params: Unpack[ImageEditorParams]) -> "ImageEditor":
        """Sets parameters by name. Parameters that are None stay unchanged."""
        given: Dict[str, Any] = self._input_kwargs  # type: ignore[attr-defined]
        unknown = sorted(name for name in given if not self.hasParam(name))
        if unknown:
            raise TypeError("ImageEditor has no parameter " + ", ".join(unknown))
        return self._set(**given)

    @classmethod
    def read(cls) -> JavaMLReader["ImageEditor"]:
        """Returns a reader of saved editors."""
        return _Reader(cls)


# PySpark derives the Python class of a loaded stage from the name of the Java class.
sys.modules.setdefault(_EDITOR_CLASS.rpartition(".")[0], sys.modules[__name__])
