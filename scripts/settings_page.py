"""Write docs/settings.md from the settings classes; --check fails when the page is not what they say."""

from pathlib import Path
from typing import Any

from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from generated_page import write_or_check

PAGE = Path(__file__).resolve().parent.parent / "docs" / "settings.md"
INTRODUCTION = """# Settings

<!-- Written by scripts/settings_page.py from the settings classes: change those, then run `make format`. -->

Every setting is an environment variable. In the embedded mode (`make demo`) none is needed; for compose, `make env`
writes those without a default into `.env`.
"""


def classes() -> dict[str, type[BaseSettings]]:
    """The settings class of each service, by the title of its section."""
    import vigie_api.settings
    import vigie_mlflow.settings
    import vigie_trainer.settings
    import vigie_ui.settings

    return {
        "API": vigie_api.settings.Settings,
        "Page": vigie_ui.settings.UiSettings,
        "Trainer": vigie_trainer.settings.Settings,
        "MLflow server": vigie_mlflow.settings.Settings,
    }


def variable(prefix: str, name: str, field: FieldInfo) -> str:
    """The environment variable of a field."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        names = [choice for choice in alias.choices if isinstance(choice, str) and choice.isupper()]
        return names[0] if names else (prefix + name).upper()
    if isinstance(alias, str):
        return alias.upper()
    return (prefix + name).upper()


def default(field: FieldInfo) -> str:
    """The default as a reader would write it."""
    if field.default_factory is not None:
        return "below `VIGIE_HOME`"
    value: Any = field.default
    if value is PydanticUndefined:
        return "required"
    if value is None or value in ((), "", {}):
        return "none"
    return f"`{value}`"


def page() -> str:
    """The whole page."""
    sections = [INTRODUCTION]
    for title, settings in classes().items():
        prefix = settings.model_config.get("env_prefix", "")
        rows = ["| variable | default | meaning |", "|---|---|---|"]
        for name, field in settings.model_fields.items():
            if not field.description:
                raise SystemExit(f"{settings.__module__}.{name} has no description")
            meaning = " ".join(field.description.split()).replace("|", "\\|")
            rows.append(f"| `{variable(prefix, name, field)}` | {default(field)} | {meaning} |")
        sections.append(f"## {title}\n\n" + "\n".join(rows) + "\n")
    return "\n".join(sections)


if __name__ == "__main__":
    raise SystemExit(write_or_check(PAGE, page, __doc__))
