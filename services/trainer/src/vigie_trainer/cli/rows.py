"""Reading the labelled rows of a command, with progress, and telling what was set aside."""

from pathlib import Path
from typing import TYPE_CHECKING

from vigie_trainer.cli.terminal import Terminal
from vigie_trainer.errors import Misuse

if TYPE_CHECKING:
    from vigie_trainer.data.reading import ReadOptions
    from vigie_trainer.data.rows import Posts
    from vigie_trainer.data.source import DataSource
    from vigie_trainer.data.splitting import Split
    from vigie_trainer.material import LanguageRows, Material

_FRENCH_ENOUGH = 0.05  # of the train rows; from here on they calibrate French themselves
_LANGUAGE_ROWS = 2_000


def read_material(
    terminal: Terminal,
    data: Path | None,
    extra: list[Path],
    sample: int | None,
    options: "ReadOptions",
    calibration: Path | None = None,
    folder: Path | None = None,
) -> "Material":
    """Read and split what is to be trained on, and tell what was set aside.

    Args:
        folder: of the data, where word vectors may lie.

    Raises:
        Misuse: a file that cannot be used.
    """
    from vigie_trainer.data.demo import demo_posts
    from vigie_trainer.data.source import DataSource, absolute
    from vigie_trainer.data.splitting import sample as take
    from vigie_trainer.data.splitting import split
    from vigie_trainer.material import Material

    if data is None:
        posts = demo_posts()
        terminal.say(f"No --data: the built-in demo corpus serves ({len(posts.texts):,} synthetic posts)")
    else:
        posts = read_file(terminal, data, options)
    more = [read_file(terminal, path, options) for path in extra]
    rows = len(posts.texts)
    if sample is not None:
        posts = take(posts, sample)
    sides = split(posts, more)
    _tell_split(terminal, sides)
    own = read_file(terminal, calibration, options) if calibration is not None else None
    french = None if data is None or _speaks_french(sides) else _demo_french()
    languages = _calibration(terminal, [one for one in (own, french) if one is not None], sides)
    source = DataSource(
        data=absolute(data),
        folder=absolute(folder),
        extra=tuple(str(path.resolve()) for path in extra),
        calibration=absolute(calibration),
        sample=sample,
        text_column=options.text_column,
        label_column=options.label_column,
        labels=options.labels,
    )
    return Material(posts, more, sides, rows, languages, folder=folder, source=source)


def read_protocol(terminal: Terminal, protocol: str, folder: Path) -> "Material":
    """The rows that a protocol fixes.

    Args:
        folder: as protocol_folder gives it.

    Raises:
        Misuse: a file of the folder cannot be used.
    """
    from vigie_trainer.data.protocols import FRENCH, MANUAL_TEST, SAMPLE, extra_files
    from vigie_trainer.data.reading import ReadOptions
    from vigie_trainer.data.source import DataSource, absolute
    from vigie_trainer.data.splitting import split
    from vigie_trainer.material import Material

    def there(name: str, effect: str, layout: ReadOptions) -> "Posts | None":
        if (folder / name).is_file():
            return read_file(terminal, folder / name, layout)
        terminal.say(f"{folder} has no {name}: {effect}")
        return None

    options = ReadOptions()
    posts = read_file(terminal, folder / SAMPLE, options)
    more = [read_file(terminal, folder / name, options) for name in extra_files(protocol)]
    sides = split(posts, more)
    _tell_split(terminal, sides)
    manual = there(MANUAL_TEST, "no figure on tweets that people labelled", options)
    # Its 0, 1 and 2 could mean other things; this file is known.
    three = ReadOptions(labels="negative,neutral,positive")
    french = there(FRENCH, "French is calibrated on the demo corpus alone", three)
    languages = _calibration(terminal, [one for one in (french, _demo_french()) if one is not None], sides)
    source = DataSource(protocol=protocol, folder=absolute(folder))
    return Material(posts, more, sides, len(posts.texts), languages, protocol, manual, french, folder, source)


def read_source(terminal: Terminal, source: "DataSource") -> "Material":
    """The rows that an earlier command read.

    Raises:
        Misuse: a file of them is not there, or cannot be used.
    """
    from vigie_trainer.data.protocols import protocol_folder
    from vigie_trainer.data.reading import ReadOptions

    folder = Path(source.folder) if source.folder else None
    if source.protocol is not None:
        return read_protocol(terminal, source.protocol, protocol_folder(source.protocol, folder))
    return read_material(
        terminal,
        Path(source.data) if source.data else None,
        [Path(path) for path in source.extra],
        source.sample,
        ReadOptions(source.text_column, source.label_column, source.labels),
        Path(source.calibration) if source.calibration else None,
        folder,
    )


def read_file(terminal: Terminal, path: Path, options: "ReadOptions") -> "Posts":
    """Read one labelled file with progress, and tell its faulty rows.

    Raises:
        Misuse: the file cannot be used.
    """
    from vigie_trainer.data.reading import read_labelled
    from vigie_trainer.data.rows import REASONS

    with terminal.working(path.name) as report:
        posts = read_labelled(path, options, progress=lambda share: report("reading", share))
    terminal.bad_rows(path.name, posts.set_aside.bad, REASONS)
    if neutral := posts.set_aside.counts.get("neutral"):
        terminal.say(f"{path.name}: {neutral:,} neutral rows set aside")
    return posts


def _tell_split(terminal: Terminal, sides: "Split") -> None:
    removed = sides.duplicates_removed + sides.extra_duplicates
    also = f"; {removed:,} left out of training because their text is held out" if removed else ""
    terminal.say(f"{len(sides.train.texts):,} rows to train on, {len(sides.test.texts):,} held out{also}")


def _calibration(terminal: Terminal, posts: "list[Posts]", sides: "Split") -> "dict[str, LanguageRows]":
    """Rows that calibrate their own language, by language.

    Raises:
        Misuse: a file of which no row can serve.
    """
    from vigie_model import detect_language
    from vigie_trainer.data.protocols import FRENCH as FRENCH_FILE
    from vigie_trainer.material import FRENCH, language_rows

    def language_of(text: str, one: "Posts") -> str:
        return FRENCH if one.synthetic or one.name == FRENCH_FILE else detect_language(text)

    usable, left = language_rows(posts, sides, language_of)
    for language, rows in usable.items():
        terminal.say(f"{len(rows.texts):,} rows calibrate {language} and train nothing")
    for language, count in left.items():
        terminal.say(f"{count:,} calibration rows not used: too few, or of unknown language ({language})")
    served = {source["name"] for rows in usable.values() for source in rows.sources}
    for one in posts:
        if not one.synthetic and one.name not in served:
            raise Misuse(
                f"no row of {one.name} can calibrate: ten of each class in one language, not trained on, are needed."
            )
    return usable


def _demo_french() -> "Posts":
    """The French rows of the demo corpus."""
    from vigie_trainer.data.demo import demo_posts
    from vigie_trainer.data.rows import Posts, SetAside
    from vigie_trainer.material import FRENCH

    posts = demo_posts()
    chosen = [at for at, language in enumerate(posts.columns["language"]) if language == FRENCH]
    return Posts(
        posts.name,
        [posts.texts[at] for at in chosen],
        [posts.labels[at] for at in chosen],
        [posts.lines[at] for at in chosen],
        SetAside(),
        synthetic=True,
    )


def _speaks_french(sides: "Split") -> bool:
    """Whether the train side has French enough to calibrate French by itself."""
    from vigie_model import detect_language
    from vigie_trainer.material import FRENCH

    texts = sides.train.texts[:: max(1, len(sides.train.texts) // _LANGUAGE_ROWS)]
    return sum(detect_language(text) == FRENCH for text in texts) >= _FRENCH_ENOUGH * len(texts)
