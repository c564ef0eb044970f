"""Saved models: described, versioned JSON.

```json
{"format": "logpipe-model", "version": 1, "parser": "drain", "parameters": {"depth": 4, ...},
 "groups": [{"id": 1, "tokens": ["session", "opened", "for", null]}]}
```

`groups` is Drain's form: the tokens of each group, null where a token is wild; a token's digit-
bearing parts are an example. Any other parser is saved by its templates:

```json
 "templates": [{"group": 1, "literals": ["session opened for ", ""], "kinds": [3]}]
```

A parser that works on forms (`logpipe.parsers.iterative`) adds them, to learn on and to print:

```json
 "forms": [{"literals": ["took ", " ms"], "classes": ["number"], "lines": 9, "group": 1}],
 "printed": [{"literals": ["took ", " ms"], "classes": ["number"], "group": 1}]
```

Bytes are a string where they are UTF-8, else `{"hex": "ff00"}`. Version 1 readers refuse a higher
version and ignore keys they do not know.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logpipe.errors import InputError, ModelError, OutputError
from logpipe.parsers.base import Groups, Messages, Parser, predict_by_templates
from logpipe.template import SlotKind, Template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from logpipe.native import Matcher

__all__ = ["FORMAT", "VERSION", "TemplateModel", "load", "read", "save_templates", "write"]

FORMAT = "logpipe-model"
VERSION = 1


def encode(data: bytes) -> str | dict[str, str]:
    """Bytes in JSON."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"hex": data.hex()}


def decode(value: object, where: str) -> bytes:
    """The bytes again.

    Raises:
        ModelError: neither a string nor `{"hex": ...}`.
    """
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError:
            raise ModelError(f"{where}: half a character in {value!r:.60}") from None
    if isinstance(value, dict) and isinstance(value.get("hex"), str):
        try:
            return bytes.fromhex(value["hex"])
        except ValueError as error:
            raise ModelError(f"{where}: {error}") from None
    raise ModelError(f"{where}: expected a string or {{'hex': ...}}, found {value!r:.60}")


def write(path: str | Path, parser: str, parameters: Mapping[str, object], **body: object) -> None:
    """Writes a model under a temporary name and renames it."""
    path = Path(path)
    model = {"format": FORMAT, "version": VERSION, "parser": parser}
    text = json.dumps({**model, "parameters": parameters, **body}, ensure_ascii=False, indent=1)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text + "\n", encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"{path}: the model could not be written: {error.strerror}") from error


def read(path: str | Path) -> dict[str, Any]:
    """A model's JSON, its frame checked.

    Raises:
        InputError: the file cannot be read.
        ModelError: it is no model, or one of a newer version.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: not a logpipe model: not UTF-8 at byte {error.start}") from None
    try:
        model = json.loads(text)
    except (ValueError, RecursionError) as error:
        # ValueError: also a number of thousands of digits.
        raise ModelError(f"{path}: not a logpipe model: {error}") from None
    if not isinstance(model, dict) or model.get("format") != FORMAT:
        raise ModelError(f'{path}: not a logpipe model: "format" is not "{FORMAT}"')
    if model.get("version") != VERSION:
        raise ModelError(
            f"{path}: model version {model.get('version')!r}, this logpipe reads {VERSION}; "
            f"save it again with this version, or update logpipe"
        )
    if not isinstance(model.get("parser"), str) or not isinstance(model.get("parameters"), dict):
        raise ModelError(f'{path}: "parser" must be a name and "parameters" an object')
    return model


def entries(model: Mapping[str, Any], key: str, path: str | Path) -> list[dict[str, Any]]:
    """A list of objects in a model.

    Raises:
        ModelError: it is something else.
    """
    found = model.get(key)
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise ModelError(f'{path}: "{key}" must be a list of objects')
    return found


def template_entry(template: Template) -> dict[str, object]:
    """A template in JSON."""
    literals = [encode(literal) for literal in template.literals]
    return {"group": template.group, "literals": literals, "kinds": list(template.kinds)}


def template_of(entry: Mapping[str, Any], where: str) -> Template:
    """The template again.

    Raises:
        ModelError: it is none.
    """
    try:
        group, kinds = entry["group"], tuple(SlotKind(k) for k in _list(entry, "kinds"))
        if type(group) is not int or not 0 <= group < 2**32:
            raise ModelError(f'{where}: "group" must be a number from 0 to 2^32 - 1')
        literals = tuple(decode(value, where) for value in _list(entry, "literals"))
        return Template(0, group, literals, kinds)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"{where}: {error!r}") from None


def save_templates(path: str | Path, parser: Parser) -> None:
    """Saves a fitted parser by its templates."""
    if not hasattr(parser, "templates_"):
        raise ModelError(f"{type(parser).__name__} has not learned anything yet: fit it first")
    templates = [template_entry(template) for template in parser.templates_]
    parameters = {k: v for k, v in parser.get_params().items() if _is_json(v)}
    write(path, type(parser).__name__, parameters, templates=templates)


def _is_json(value: object) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


def _delimiters(parameters: Mapping[str, object] | None) -> list[object]:
    found = (parameters or {}).get("extra_delimiters", ())
    return list(found) if isinstance(found, list | tuple) else []


class TemplateModel(Parser):
    """A saved parser of which only the templates are left: predicts, and cannot learn.

    Args:
        templates: what the parser had learned.
        parser: its name.
        parameters: its parameters, for the record.
    """

    def __init__(
        self,
        templates: Sequence[Template],
        parser: str = "templates",
        parameters: Mapping[str, object] | None = None,
    ) -> None:
        self.templates = templates
        self.parser = parser
        self.parameters = parameters
        self.templates_ = list(templates)
        self.extra_delimiters = [str(d) for d in _delimiters(parameters)]

    def fit_predict(self, messages: Messages) -> Groups:
        """Predicts; there is nothing to learn."""
        return self.predict(messages)

    def matcher(self) -> Matcher:
        """The templates as a native table."""
        if not hasattr(self, "_matcher"):
            from logpipe.native import Matcher

            self._matcher = Matcher(self.templates_, "".join(self.extra_delimiters).encode())
        return self._matcher

    def predict(self, messages: Messages) -> Groups:
        """The group of the most literal template that fits, 0 where none does."""
        return predict_by_templates(self.templates_, messages, self.extra_delimiters)


def _list(entry: Mapping[str, Any], key: str) -> list[Any]:
    found = entry[key]
    if not isinstance(found, list):
        raise TypeError(f'"{key}" must be a list')
    return found


def load(path: str | Path) -> Parser:
    """The parser that a model file holds.

    Raises:
        InputError, ModelError: as `read`.
    """
    model = read(path)
    if "groups" in model:
        from logpipe.parsers.drain import Drain

        return Drain.from_model(model, path)
    templates = [
        template_of(entry, f"{path}: template {number}")
        for number, entry in enumerate(entries(model, "templates", path), 1)
    ]
    if "forms" in model:
        from logpipe.parsers.iterative.parser import Iterative

        for key in ("forms", "printed"):
            entries(model, key, path)
        return Iterative.from_model(model, templates, path)
    return TemplateModel(templates, model["parser"], model["parameters"])
