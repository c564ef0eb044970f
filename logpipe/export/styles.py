r"""Template text rewritten in the style of a truth, for parsers that know classes of slots.

Truths disagree on what is written down of a variable (`logpipe.metrics.styles`). The templates of
a parser do not: they are exact. What is here turns the form of a group (masked text with a class
per variable, see `logpipe.parsers.iterative`) into the text that a labeller of a style would write;
it changes nothing but print.

**loghub-2k** (the corrected 2k sets; Khan et al.): states, switches and class names are text.

- A time is written in parts: `<*>:<*>:<*>` a clock, `<*>-<*>-<*>` a date.
- A remark in parentheses that repeats a quantity in other units is left out.
- A request target and the protocol behind it are one variable.
- Then the eight rules of `logpipe.metrics.styles.loghub_2k`.

**loghub-2.0** (the full sets): what can vary does.

- Behind `=` is a variable, also where nothing is.
- A field with a variable in it is one as a whole; only what ends in `#`, `@` or `/` stays before
  it.
- Names of classes and packages (two dots or more) are variables, exceptions and errors are not.
- Names of network interfaces are variables, an address with its scheme is one, date and clock too.
- Accounts are variables: what is behind "for user", and the usual names behind "for" and "by".
- Switches and states are variables: on/off, yes/no, words in capitals where a value stands.
- Variables joined by `: , | + - #` are one, and so are four or more in a row or in a token.
- Then the rules of `logpipe.metrics.styles.loghub_2_0`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from logpipe.metrics.styles import SLOT, loghub_2_0, loghub_2k, style
from logpipe.parsers.iterative.mask import BASE, MARKS, mark
from logpipe.parsers.iterative.mask_rules import Mask
from logpipe.template import TemplateTable, readable

__all__ = ["STYLE_RULES", "group_texts", "restyler", "rewritten"]

STYLE_RULES: Mapping[str, str] = {
    "times-in-parts": "2k: clocks and dates in parts",
    "drop-remarks": "2k: no quantities in parentheses",
    "urls": "2.0: an address with its scheme is one",
    "date-and-clock": "2.0: so are date and clock",
    "values-after-equals": "2.0: what is behind =",
    "class-names": "2.0: names of classes and packages",
    "interfaces": "2.0: names of network interfaces",
    "switches": "2.0: switches and states",
    "accounts": "2.0: names of accounts",
    "whole-fields": "2.0: fields with a variable in them",
    "joined": "2.0: variables joined by punctuation",
    "dense-tokens": "2.0: four variables or more in a token",
    "rows": "2.0: four variables or more in a row",
}
"""The rules by name; each can be switched off."""

_V = f"[{MARKS[0]}-{MARKS[-1]}]"
_F = mark(Mask.FIELD)
_MARK = re.compile(_V)
_BLANKS = re.compile(r"[ \t]+")

_PARTS = {
    Mask.CLOCK: f"{SLOT}:{SLOT}:{SLOT}",
    Mask.CTIME: f"{SLOT}:{SLOT}:{SLOT}",
    Mask.DATE: f"{SLOT}-{SLOT}-{SLOT}",
    Mask.DATE_SLASH: f"{SLOT}/{SLOT}/{SLOT}",
}


def group_texts(
    parser: object, template_style: str, off: Iterable[str] = ()
) -> dict[int, str] | None:
    """Text per group in a style; None if the parser has no forms, or the style is `exact`.

    Args:
        parser: a fitted parser.
        template_style: a name of `logpipe.metrics.STYLES`.
        off: names in `STYLE_RULES` that are not to be used, for measuring.
    """
    forms: Mapping[int, str] | None = getattr(parser, "forms_", None)
    if forms is None or template_style == "exact":
        return None
    return {number: rewritten(form, template_style, off) for number, form in forms.items()}


def restyler(
    template_style: str, templates: TemplateTable, forms: Mapping[int, str]
) -> Callable[[str], str] | None:
    """The rewriting of template text that a style asks for; None for `exact`.

    Args:
        template_style: a name of `logpipe.metrics.STYLES`.
        templates: those of a parse.
        forms: the form per group, for groups that have one; all others are rewritten as text.

    Raises:
        UnknownStyle: there is none of this name.
    """
    plain = style(template_style)
    if template_style == "exact":
        return None
    by_group = {number: rewritten(form, template_style) for number, form in forms.items()}
    known = {
        _BLANKS.sub(" ", template.text()): by_group[template.group]
        for template in templates
        if template.group in by_group
    }
    return lambda text: known.get(_BLANKS.sub(" ", text)) or plain(text)


def rewritten(form: str, template_style: str, off: Iterable[str] = ()) -> str:
    """The text of a form in a style.

    >>> from logpipe.parsers.iterative.mask import masked
    >>> rewritten(masked("up since 04:05:06 (2 KB)"), "loghub-2k")
    'up since <*>:<*>:<*>'
    >>> rewritten(masked("node-7 state=ready error="), "loghub-2.0")
    '<*> state=<*> error=<*>'
    """
    without = frozenset(off)
    if template_style == "loghub-2k":
        return _loghub_2k(form, lambda rule: rule not in without)
    if template_style == "loghub-2.0":
        return _loghub_2_0(form, lambda rule: rule not in without)
    return style(template_style)(_text(form, {}))


def _text(form: str, names: Mapping[Mask, str]) -> str:
    """The form with a text for each mark; bytes that are no UTF-8 are escaped."""
    parts, at = [], 0
    for match in _MARK.finditer(form):
        parts.append(readable(form[at : match.start()].encode("latin-1")))
        parts.append(names.get(Mask(ord(match[0]) - BASE), SLOT))
        at = match.end()
    return "".join(parts) + readable(form[at:].encode("latin-1"))


_REMARK = re.compile(rf" \({mark(Mask.QUANTITY)}\)")
_REQUEST = re.compile(rf"(?<=[A-Z] )({_V}) (?:{mark(Mask.PROTOCOL)}|HTTPS?/{_V})")


def _loghub_2k(form: str, on: Callable[[str], bool]) -> str:
    form = _REQUEST.sub(r"\1", form)
    if on("drop-remarks"):
        form = _REMARK.sub("", form)
    return loghub_2k(_text(form, _PARTS if on("times-in-parts") else {}))


_URL = re.compile(rf"(?:[a-z]+:)*[A-Za-z][A-Za-z0-9+.-]*://{_V}")
_DATE = f"[{mark(Mask.DATE)}{mark(Mask.DATE_SLASH)}]"
_STAMP = re.compile(rf"{_DATE} {mark(Mask.CLOCK)}|{mark(Mask.CLOCK)} {_DATE}")
_VALUE = re.compile(
    r"(?<![=!<>])=( ?)(?![=<>])((?>\"[^\"]*\"|'[^']*'|\[\]|[^\s,;)\]}\"'(\[{=<>&]+))(?![\[({=])"
)
_NO_VALUE = re.compile(r"(?<=[0-9A-Za-z_])( ?)=(?=\s*$|[,;)\]}]|\s+[0-9A-Za-z_.-]+=)")
_CLASS = re.compile(
    r"(?<![0-9A-Za-z_./@-])(?>[A-Za-z_][0-9A-Za-z_]*(?:\.[A-Za-z_$][0-9A-Za-z_$]*){2,})"
    r"(?![0-9A-Za-z_.-]*[=/])(?![0-9A-Za-z_-])(?<!Exception)(?<!Error)"
)
_INTERFACE = re.compile(
    r"(?<![0-9A-Za-z_-])(?:en|eth|wl|wlan|lo|em|ib|bond|br|tun|tap|awdl|p2p|utun|veth|vlan)"
    r"[0-9]{1,3}(?![0-9A-Za-z_])|(?<=interface )[a-z]+[0-9]{1,3}(?![0-9A-Za-z_])"
)
_ON_OFF = (
    r"(?:on|off|On|Off|ON|OFF|yes|no|Yes|No|YES|NO|active|inactive|Active|Inactive|open|closed|"
    r"enabled?|disabled?|Enabled?|Disabled?|up|down|UP|DOWN)"
)
# In prose, where the shorter ones are ordinary words.
_IN_PROSE = r"(?:open|closed|active|inactive|enabled|disabled|on|off)"
_CAPITALS = r"(?:[A-Z]{2,}(?:ING|ED)|[A-Z]{2,}(?:_[A-Z]+)+|[A-Z]{3,})"
_ANY_SWITCH = rf"(?:{_ON_OFF}|{_CAPITALS})"
_SWITCH = re.compile(
    rf"(?<=\(){_ANY_SWITCH}(?=\))|(?<=\[){_ANY_SWITCH}(?=\])"
    rf"|(?<='){_ANY_SWITCH}(?=')|(?<=\"){_ANY_SWITCH}(?=\")"
    rf"|(?<=[0-9A-Za-z_)\]][:=]){_ANY_SWITCH}(?=[\s,;\])}}]|$)"
    rf"|(?:(?<= is )|(?<= status: )|(?<=[a-z]: )){_IN_PROSE}(?=[\s,;.]|$)"
    r"|(?:(?<= is )|(?<= to )|(?<= from )|(?<= state )|(?<= mode )|(?<= status )|(?<=[a-z]: ))"
    rf"{_CAPITALS}(?=[\s,;\])}}'\"]|$|\.$)(?! [A-Z]{{2}})"
    r"|(?<=[a-z] )(?:On|Off|ON|OFF)(?=$)"
    rf"|(?<=[a-z{MARKS[0]}-{MARKS[-1]}),;:] )(?:[A-Z]{{2,}}(?:ING|ED)|[A-Z]{{2,}}(?:_[A-Z]+)+)"
    r"(?=[\s,;\])}'\"]|$)(?! [A-Z]{2})"
)
_ACCOUNT = re.compile(
    r"(?<= for user )[0-9A-Za-z_.-]+(?=[\s,;]|$)"
    r"|(?:(?<= for )|(?<= user )|(?<=user=)|(?<= by ))(?:root|admin|administrator|guest|nobody)"
    r"(?=[\s,;)\]]|$)"
)
_QUOTED = re.compile(rf"""(?<= )(["'])({_V})\1(?=$|\])""")
_LEADING = re.compile(rf"(?<![0-9A-Za-z_.\-{MARKS[0]}-{MARKS[-1]}])/(?={_V})")
_FIELD = re.compile(r"""[^\s,;:=|"'()\[\]{}<>]+""")
_JOINED = re.compile(rf"{_V}(?:[:,|+-]{_V})+|{_V}(?:##?{_V})+")
_OTHER = rf"[^\s={MARKS[0]}-{MARKS[-1]}]*"
_DENSE = re.compile(rf"(?<!\S){_OTHER}(?:{_V}{_OTHER}){{4,}}(?=\s|$)")
_ROW = re.compile(rf"{_V}(?:,? (?:{_V}|[*-]+)){{3,}}")


def _loghub_2_0(form: str, on: Callable[[str], bool]) -> str:
    for rule, pattern, replacement in _STEPS:
        if on(rule):
            form = pattern.sub(replacement, form)
    return loghub_2_0(_text(form, {}))


def _value(match: re.Match[str]) -> str:
    return f"={match[1]}{_F}" + ("." if match[2].endswith(".") else "")


def _no_value(match: re.Match[str]) -> str:
    return f"{match[1]}={_F}"


def _field(match: re.Match[str]) -> str:
    field = match[0]
    first = _MARK.search(field)
    if first is None:
        return field
    before = field[: first.start()]
    stays = max(before.rfind("#"), before.rfind("@"), before.rfind("/")) + 1
    return before[:stays] + _F + ("." if field.endswith(".") else "")


def _dense(match: re.Match[str]) -> str:
    return _F + match[0][len(match[0].rstrip(".,;:")) :]


_STEPS: tuple[tuple[str, re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    ("urls", _URL, _F),
    ("date-and-clock", _STAMP, _F),
    ("values-after-equals", _VALUE, _value),
    ("values-after-equals", _NO_VALUE, _no_value),
    ("class-names", _CLASS, _F),
    ("interfaces", _INTERFACE, _F),
    ("switches", _SWITCH, _F),
    ("accounts", _ACCOUNT, _F),
    ("whole-fields", _QUOTED, r"\2"),
    ("whole-fields", _LEADING, ""),
    ("whole-fields", _FIELD, _field),
    ("joined", _JOINED, _F),
    ("dense-tokens", _DENSE, _dense),
    ("rows", _ROW, _F),
)
