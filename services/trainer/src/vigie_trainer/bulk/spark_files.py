"""Files wherever Spark reads them: this machine's disk, HDFS, S3 (s3a://), through Hadoop's own file systems."""

from pathlib import Path
from typing import Any

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.sql import SparkSession

from vigie_trainer.bulk.spark_journal import InputFile
from vigie_trainer.bulk.spark_session import first_line
from vigie_trainer.errors import Misuse, Unavailable


class HadoopFiles:
    """The few things that a job does with files, outside of Spark's own readers and writers.

    Raises, everywhere: Unavailable, when the storage does not answer or does not let us in.
    """

    def __init__(self, spark: SparkSession) -> None:
        self._jvm: Any = spark.sparkContext._jvm
        self._settings: Any = spark.sparkContext._jsc.hadoopConfiguration()

    def address(self, name: str) -> str:
        """The whole address of a file or folder: with its scheme, and not relative to where the command runs."""
        default = str(self._settings.get("fs.defaultFS", "file:///"))
        if ":" not in name.partition("/")[0] and default.startswith("file:"):
            name = str(Path(name).absolute())
        return str(self._asked(name, lambda fs, path: fs.makeQualified(path).toString()))

    def find(self, name: str) -> list[InputFile]:
        """The files that a file, a folder (with the folders in it) or a pattern names, ordered by address.

        What starts with `_` or `.` is Spark's or the system's, and is no input.
        """
        found = self._asked(name, self._listed)
        return sorted(found, key=lambda file: file.path)

    def exists(self, name: str) -> bool:
        """Whether there is a file or folder of this name."""
        return bool(self._asked(name, lambda fs, path: fs.exists(path)))

    def names(self, folder: str) -> list[str]:
        """Names of what is in a folder; none when there is no such folder."""
        if not self.exists(folder):
            return []
        return [str(status.getPath().getName()) for status in self._asked(folder, lambda fs, path: fs.listStatus(path))]

    def read(self, name: str, at_most: int | None = None) -> bytes:
        """The content of a small file, or its first bytes."""

        def content(fs: Any, path: Any) -> bytes:
            stream = fs.open(path)
            try:
                return bytes(stream.readNBytes(at_most) if at_most is not None else stream.readAllBytes())
            finally:
                stream.close()

        return bytes(self._asked(name, content))

    def write(self, name: str, content: bytes) -> None:
        """Write a small file: whoever looks sees all of it or none."""

        def put(fs: Any, path: Any) -> None:
            draft = self._path(f"{path.getParent().toString()}/.{path.getName()}.draft")
            stream = fs.create(draft, True)
            try:
                stream.write(bytearray(content))
            finally:
                stream.close()
            fs.delete(path, False)
            if not fs.rename(draft, path):
                raise Unavailable(f"{name} cannot be written.")

        self._asked(name, put)

    def delete(self, name: str) -> None:
        """Remove a folder and what is in it."""
        self._asked(name, lambda fs, path: fs.delete(path, True))

    def _path(self, name: str) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(name)

    def _listed(self, fs: Any, path: Any) -> list[InputFile]:
        named = [fs.getFileStatus(path)] if fs.exists(path) else list(fs.globStatus(path) or [])
        found = []
        for status in named:
            if not status.isDirectory():
                found.append(_stored(status))
                continue
            base = str(status.getPath().toString()).rstrip("/") + "/"
            within = fs.listFiles(status.getPath(), True)
            while within.hasNext():
                file = _stored(within.next())
                if not any(part.startswith(("_", ".")) for part in file.path.removeprefix(base).split("/")):
                    found.append(file)
        return found

    def _asked(self, name: str, ask: Any) -> Any:
        try:
            path = self._path(name)
            return ask(path.getFileSystem(self._settings), path)
        except Py4JJavaError as error:
            kind = str(error.java_exception.getClass().getSimpleName())
            reason = first_line(error)
            if (
                kind == "UnsupportedFileSystemException"
                or "ClassNotFoundException" in reason
                or "No FileSystem" in reason
            ):
                raise Misuse(
                    f"Spark has no connector for {name}: add its package to PYSPARK_SUBMIT_ARGS, as docs/spark.md says."
                ) from None
            if kind == "IllegalArgumentException":
                raise Misuse(f"{name} is no address of a file: {reason}") from None
            raise Unavailable(f"{name} cannot be reached: {reason}") from None
        except Py4JError as error:
            raise Unavailable(f"{name} cannot be reached: {first_line(error)}") from None


def _stored(status: Any) -> InputFile:
    return InputFile(str(status.getPath().toString()), int(status.getLen()), int(status.getModificationTime()))
