"""The table of the mask lexer: what a variable may look like. `mask` says how it is used.

`RULES` is the specification, most specific first, for this lexer and for the native one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

__all__ = ["LIST_MEMBER", "RULES", "UNIT_BEHIND", "Mask", "Rule"]


class Mask(IntEnum):
    """What a masked part looks like; the numbers are part of the ABI and of saved models."""

    FIELD = 0
    """A variable found by comparing messages, not by the lexer."""
    URL = 1
    MESSAGE_ID = 2
    EMAIL = 3
    CTIME = 4
    ISO_TIME = 5
    UUID = 6
    MAC = 7
    IPV6 = 8
    PCI = 9
    IP = 10
    HOST = 11
    PATH = 12
    REQUEST = 13
    CLOCK = 14
    MINUTES = 15
    DATE = 16
    DATE_SLASH = 17
    VERSION = 18
    HEX = 19
    SIZE = 20
    DURATION = 21
    NUMBER = 22
    ID = 23
    FLAG = 24
    QUANTITY = 25
    SIGNED_ID = 26
    LIST = 27
    PROTOCOL = 28
    WIDE = 29
    """As FIELD, and there may be blanks in it."""
    REST = 30
    """Everything behind the window."""


@dataclass(frozen=True)
class Rule:
    r"""One way to know a variable.

    Attributes:
        name: for switching it off, and in reports.
        mask: the class of what it finds.
        syntax: a regular expression; if it has a group `v`, only that is the variable, and what is
            before and behind it in the match stays literal text. What stays is not looked at again.
        examples: message -> the variables that this rule, with all others on, finds in it.
        why: what speaks for it, where the syntax does not.
    """

    name: str
    mask: Mask
    syntax: str
    examples: Mapping[str, Sequence[str]] = field(default_factory=dict)
    why: str = ""


# Word characters, and what must not stand before and behind a word.
_W = r"0-9A-Za-z_\x80-\xff"
_B = rf"(?<![{_W}])"
_E = rf"(?![{_W}])"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IP = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_LABEL = r"[0-9A-Za-z_](?:[0-9A-Za-z_-]{0,62})"
# Generic and country domains; countries whose code is a common file ending are left out.
_TLD = (
    r"(?:com|net|org|edu|gov|mil|int|info|biz|io|arpa|local|localdomain|internal|lan|"
    r"ac|ae|ar|at|au|be|bg|br|by|ca|ch|cl|cn|co|cz|de|dk|ee|eg|es|eu|fi|fr|gr|hk|hr|hu|id|ie|il|"
    r"in|ir|is|it|jp|ke|kr|kz|lt|lu|lv|ma|mx|my|nl|no|nz|pe|ph|pk|pt|ro|ru|sa|se|sg|si|sk|th|tr|"
    r"tw|ua|uk|us|uy|ve|vn|za)"
)
_CODE = (
    r"(?:c|cc|cpp|cxx|cs|css|cfg|conf|go|h|hh|hpp|html|java|jar|js|json|kt|log|m|mm|php|pl|py|rb|"
    r"rs|scala|sh|sql|swift|ts|txt|xml|yaml|yml)"
)
# Names that begin like this are names of classes and packages, not of hosts.
_PACKAGE = r"(?!(?:org|com|net|edu|io|java|javax|sun|scala)\.)"
_SIZE_UNIT = (
    r"(?:[kKMGTP]i?[bB]?(?:/s(?:ec)?)?|[bB]|[bB]ytes?|[kKMGT]?bps|[kKMG]?Hz|pages?|blocks?)"
)
_TIME_UNIT = (
    r"(?:ns|us|\xc2?\xb5s|\xce\xbcs|ms|msecs?|s|secs?|seconds?|mins?|minutes?|h|hrs?|hours?|d|days?|"
    r"milliseconds?|microseconds?|nanoseconds?)"
)
_DECIMAL = r"[0-9]{1,40}(?:\.[0-9]{1,40})?"
_OBJECT = r"(?:TABLE|INDEX|VIEW|DATABASE|SCHEMA|USER|ROLE|SEQUENCE|FUNCTION|TRIGGER|SYSTEM|TYPE)"
# How statements of SQL begin, in capitals or not; "select" alone is a word of English.
_SQL = (
    r"(?:SELECT|select) [^\x00]{0,2000} (?:FROM|from) |(?:SELECT|select) [0-9A-Za-z_]{1,60}\("
    r"|(?:INSERT INTO|insert into|DELETE FROM|delete from) [0-9A-Za-z_\"`\[]"
    r"|(?:UPDATE|update) [^\s]{1,200} (?:SET|set) "
    rf"|(?:CREATE|DROP|ALTER) (?:[A-Z]{{1,12}} ){{0,3}}{_OBJECT} "
)
_PATH_BYTE = r"""[^\s"'`<>|,;:()\[\]{}=\x00]"""
_QUERY_BYTE = r"""[^\s"'`<>|;()\[\]{}\x00]"""

RULES: tuple[Rule, ...] = (
    Rule(
        "url",
        Mask.URL,
        r"""(?<=://)[^\s"'`<>|,;()\[\]{}]{0,4000}[^\s"'`<>|,;()\[\]{}.:]""",
        {
            "open hdfs://nn1:9000/a/b now": ["nn1:9000/a/b"],
            "see http://x.org/?q=1.": ["x.org/?q=1"],
        },
        "the scheme says what kind of thing is named, and stays",
    ),
    Rule(
        "message-id",
        Mask.MESSAGE_ID,
        r"<[^\s<>@]{1,200}@[^\s<>@]{1,200}>",
        {"msgid=<2005.GA12@mail.example>, to": ["<2005.GA12@mail.example>"]},
    ),
    Rule(
        "email",
        Mask.EMAIL,
        rf"{_B}[0-9A-Za-z_.%+-]{{1,64}}@{_LABEL}(?:\.{_LABEL}){{1,8}}",
        {"from jo.doe@mail.example.net ok": ["jo.doe@mail.example.net"]},
    ),
    Rule(
        "ctime",
        Mask.CTIME,
        rf"{_B}(?:{_DAY},? )?{_MONTH} {{1,2}}[0-9]{{1,2}},? [0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}"
        rf"(?:\.[0-9]{{1,9}})?(?: [A-Z]{{3,4}})?(?: [0-9]{{4}})?{_E}",
        {"at Mon Jul  4 03:55:15 2022 ok": ["Mon Jul  4 03:55:15 2022"]},
    ),
    Rule(
        "iso-time",
        Mask.ISO_TIME,
        rf"{_B}[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{2}}:?[0-9]{{2}}(?::?[0-9]{{2}}(?:[.,][0-9]{{1,9}})?)?"
        rf"(?:Z|[+-][0-9]{{2}}:?[0-9]{{2}})?{_E}",
        {"since 2022-03-01T04:05:06.789Z, ok": ["2022-03-01T04:05:06.789Z"]},
    ),
    Rule(
        "uuid",
        Mask.UUID,
        rf"{_B}[0-9a-fA-F]{{8}}(?:-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}}{_E}",
        {"id 0a1b2c3d-0000-1111-2222-0a1b2c3d4e5f end": ["0a1b2c3d-0000-1111-2222-0a1b2c3d4e5f"]},
    ),
    Rule(
        "mac",
        Mask.MAC,
        rf"(?<![{_W}:])[0-9a-fA-F]{{1,2}}(?::[0-9a-fA-F]{{1,2}}){{5,31}}(?![{_W}:])",
        {"from 00:1b:44:11:3a:b7 via": ["00:1b:44:11:3a:b7"]},
    ),
    Rule(
        "ipv6",
        Mask.IPV6,
        rf"(?<![{_W}:.])(?:[0-9a-fA-F]{{1,4}}(?::[0-9a-fA-F]{{1,4}}){{7}}"
        r"|(?=[0-9a-fA-F:]{0,40}[0-9])(?:[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4}){0,5})?"
        r"::(?:[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4}){0,5})?)"
        rf"(?![{_W}])",
        {
            "peer fe80::1:2a left": ["fe80::1:2a"],
            "/0:0:0:0:0:0:0:1:2181": ["0:0:0:0:0:0:0:1", "2181"],
        },
    ),
    Rule(
        "pci",
        Mask.PCI,
        rf"{_B}(?:[0-9a-fA-F]{{4}}:)?[0-9a-fA-F]{{2}}:[0-9a-fA-F]{{2}}\.[0-9a-fA-F]{_E}",
        {"device 0000:00:1d.7 irq": ["0000:00:1d.7"]},
    ),
    Rule(
        "name-before-address",
        Mask.HOST,
        rf"(?<![{_W}./-])[0-9A-Za-z][0-9A-Za-z_.-]{{0,200}}(?=/{_IP}{_E})",
        {"to web-2a/10.1.2.3:80 ok": ["web-2a", "10.1.2.3", "80"]},
    ),
    Rule(
        "host",
        Mask.HOST,
        rf"(?<![{_W}./@-]){_PACKAGE}(?:{_LABEL}\.){{2,8}}{_TLD}(?![{_W}.-]|\.[0-9A-Za-z])",
        {
            "for mail.example.co.uk [": ["mail.example.co.uk"],
            "class org.example.a.de x": [],
        },
    ),
    Rule(
        "host-port",
        Mask.HOST,
        rf"(?<![{_W}./@-])(?:{_PACKAGE}(?:{_LABEL}\.){{1,8}}(?!{_CODE}:){_LABEL}(?=:[0-9]{{1,5}}{_E})"
        rf"|[A-Za-z][0-9A-Za-z]{{0,62}}(?:-[0-9A-Za-z]{{1,62}}){{1,8}}(?=:[0-9]{{4,5}}{_E}))",
        {
            "to example.com:443 ok": ["example.com", "443"],
            "at main.c:44": ["44"],
            "to web-node-a:8030 ok": ["web-node-a", "8030"],
        },
    ),
    Rule(
        "ip",
        Mask.IP,
        rf"(?<![{_W}.]){_IP}(?:/[0-9]{{1,2}})?(?![{_W}]|\.[0-9])",
        {"from 10.0.0.1, to 10.2.0.0/16": ["10.0.0.1", "10.2.0.0/16"]},
    ),
    Rule(
        "json-token",
        Mask.ID,
        rf"{_B}eyJ(?=[A-Za-z_.-]{{0,400}}[0-9])[0-9A-Za-z_-]{{8,4000}}\.[0-9A-Za-z_-]{{8,4000}}"
        rf"(?:\.[0-9A-Za-z_-]{{0,4000}}){{0,3}}(?![{_W}-])",
        {"for eyJhbG_iOiJI.eyJz-dWI2OjEy.Sf-lK_x, ok": ["eyJhbG_iOiJI.eyJz-dWI2OjEy.Sf-lK_x"]},
        "signed tokens (RFC 7519): what begins with an object of JSON begins like this in base64",
    ),
    Rule(
        "base64",
        Mask.ID,
        rf"(?<![{_W}+/.=-])(?=[A-Za-z]{{0,400}}[0-9+/])(?=[0-9A-Z+/]{{0,400}}[a-z])(?=[0-9a-z+/]{{0,400}}[A-Z])"
        r"(?=(?:[A-Za-z+/]{0,400}[0-9]){3})[0-9A-Za-z+/]{20,4000}={0,2}"
        rf"(?![{_W}+/=-]|\.[0-9A-Za-z])",
        {
            "key SHA256:9kXb/4Zr+Q2mVnT0aLpYw7 of": ["9kXb/4Zr+Q2mVnT0aLpYw7"],
            "of JavaRoots/ToolsOfMainFrame ok": [],
        },
        "digests and sealed values; a path has dots or hyphens, or fewer digits",
    ),
    Rule(
        "padded-base64",
        Mask.ID,
        rf"(?<![{_W}+/.=-])(?=[A-Za-z+/]{{0,400}}[0-9])(?=[0-9A-Z+/]{{0,400}}[a-z])(?=[0-9a-z+/]{{0,400}}[A-Z])"
        r"(?:(?:[0-9A-Za-z+/]{4}){1,100}[0-9A-Za-z+/]{2}==|(?:[0-9A-Za-z+/]{4}){3,100}[0-9A-Za-z+/]{3}=)"
        rf"(?![{_W}+/=.-])",
        {"key dGhlIHNhbX9sZQ== of": ["dGhlIHNhbX9sZQ=="], "Size1Ab= Key1= MaxSize==": []},
        "the signs at the end say so, if what is before them has the right length",
    ),
    Rule(
        "quoted-request",
        Mask.WIDE,
        r"""[:=] ?"(?P<v>(?:GET|POST|PUT|DELETE|HEAD|OPTIONS|PATCH|CONNECT|TRACE) [^\s"]{1,4000}"""
        r"""(?: HTTPS?/[0-9.]{1,8})?)(?=")""",
        {
            'closed, request: "GET /a?b=1 HTTP/1.1", host': ["GET /a?b=1 HTTP/1.1"],
            '1.2.3.4 "GET /a HTTP/1.1" 200': ["1.2.3.4", "/a", "HTTP/1.1", "200"],
        },
        "a request told about is a value as a whole; in an access log it is what happens",
    ),
    Rule(
        "sql",
        Mask.WIDE,
        rf"(?<=: )(?:{_SQL})[^\x00]{{0,9999}}",
        {
            "took 3 ms  statement: SELECT a FROM b WHERE c = 4": [
                "3",
                "SELECT a FROM b WHERE c = 4",
            ],
            "failed: insert into t values (1)": ["insert into t values (1)"],
            "note: SELECT one, update it": [],
        },
        "a statement of SQL to the end of the message is told about, and says no more of the event",
    ),
    Rule(
        "quoted-sql",
        Mask.WIDE,
        rf"""(?<=")(?:{_SQL})[^"\x00]{{0,9999}}(?=")""",
        {'query "DELETE FROM t WHERE a = 1" failed': ["DELETE FROM t WHERE a = 1"]},
    ),
    Rule(
        "named-host",
        Mask.HOST,
        rf"""(?<![{_W}.-])(?:host|server|client|hostname|domain|upstream)[:=] ?"?"""
        rf"(?P<v>{_PACKAGE}(?:{_LABEL}\.){{1,8}}(?!{_CODE}(?![{_W}])){_LABEL})(?![{_W}.-]|/)",
        {'server: shop.example, host: "a.b"': ["shop.example", "a.b"], "server: x": []},
        "what it is called says that a name with one dot is a host's",
    ),
    Rule(
        "request",
        Mask.REQUEST,
        r"(?:GET|POST|PUT|DELETE|HEAD|OPTIONS|PATCH|CONNECT|TRACE) "
        r"""(?P<v>(?!HTTP/|[A-Za-z_]{1,40}=)(?=[^\s"]{0,4000}(?:[/*?]|[.:][0-9A-Za-z]))[^\s"]{1,4000})""",
        {
            '"GET /a?b=1 HTTP/1.1" 200': ["/a?b=1", "HTTP/1.1", "200"],
            "GET failed: not now": [],
            "method=GET path=x": [],
        },
        "the method decides what happens, and stays",
    ),
    Rule(
        "protocol",
        Mask.PROTOCOL,
        rf"{_B}HTTPS?/[0-9]{{1,2}}(?:\.[0-9]{{1,2}})?{_E}",
        {"sent HTTP/1.1 to": ["HTTP/1.1"]},
    ),
    Rule(
        "path",
        Mask.PATH,
        rf"""(?:\A|(?<=[\s"'`=(\[<:,>|@]))(?:~|\.{{1,2}})?/(?!/|{_IP}|[0-9a-fA-F]{{0,4}}:)"""
        rf"(?:{_PATH_BYTE}{{0,4000}}\?(?=[^\s=?]{{1,200}}=){_QUERY_BYTE}{{1,4000}}(?<![.,:])"
        rf"|{_PATH_BYTE}{{1,4000}}(?:(?<![.])|(?<=[.])(?= [^A-Z])))",
        {
            "read /var/log/x.log: ok": ["/var/log/x.log"],
            "in ~/a/b.": ["~/a/b"],
            "path=/a?b=c&d=/e, by": ["/a?b=c&d=/e"],
        },
    ),
    Rule(
        "windows-path-with-blanks",
        Mask.WIDE,
        rf"""{_B}[A-Za-z]:\\(?:(?:{_PATH_BYTE}{{0,400}}\\)?[0-9A-Za-z_]{{1,60}}"""
        r"(?: (?:[A-Z][a-z0-9]{1,40}|\([0-9A-Za-z]{1,20}\))){1,3}\\){1,4}"
        rf"""(?:{_PATH_BYTE}){{0,2000}}(?<![.])""",
        {
            r"load C:\Program Files (x86)\Ex\a.dll, ok": [r"C:\Program Files (x86)\Ex\a.dll"],
            r"copy C:\Temp\a.dll To \srv": [r"C:\Temp\a.dll"],
            r"ran C:\Temp\a.dll Some\one": [r"C:\Temp\a.dll"],
        },
        "words with capitals, the last before a backslash, go on with the name before them",
    ),
    Rule(
        "windows-path",
        Mask.PATH,
        rf"""{_B}[A-Za-z]:\\(?:{_PATH_BYTE}){{0,2000}}(?<![.])""",
        {r"load C:\Temp\a.dll, ok": [r"C:\Temp\a.dll"]},
    ),
    Rule(
        "date",
        Mask.DATE,
        rf"{_B}[0-9]{{4}}-[0-9]{{1,2}}-[0-9]{{1,2}}{_E}",
        {"on 2022-03-01 ok": ["2022-03-01"]},
    ),
    Rule(
        "date-slash",
        Mask.DATE_SLASH,
        rf"{_B}(?:[0-9]{{4}}/[0-9]{{1,2}}/[0-9]{{1,2}}|[0-9]{{1,2}}/(?:[0-9]{{1,2}}|{_MONTH})/[0-9]{{2,4}}){_E}",
        {"on 3/14/2022 ok": ["3/14/2022"]},
    ),
    Rule(
        "relative-path",
        Mask.PATH,
        rf"(?<![{_W}./-])(?=[0-9A-Za-z_.@%+-]{{0,400}}/[0-9A-Za-z_.@%+/-]{{0,800}}[0-9.])"
        r"[0-9A-Za-z_.@%+-]{1,200}(?:/[0-9A-Za-z_.@%+-]{1,200}){2,40}/?(?<![.])",
        {"in src/lib/a.py line": ["src/lib/a.py"]},
    ),
    Rule(
        "clock",
        Mask.CLOCK,
        rf"{_B}[0-9]{{1,2}}:[0-9]{{2}}:[0-9]{{2}}(?:[.,:][0-9]{{1,9}})?"
        rf"(?: [-+][0-9]{{4}})?(?![{_W}:])",
        {"at 04:05:06.789 ok": ["04:05:06.789"], "at 04:05:06 +0200": ["04:05:06 +0200"]},
    ),
    Rule(
        "minutes",
        Mask.MINUTES,
        rf"(?<![{_W}:.])[0-9]{{2}}:[0-9]{{2}}(?![{_W}:.])",
        {"lifetime 00:31 end": ["00:31"]},
    ),
    Rule(
        "version",
        Mask.VERSION,
        rf"{_B}(?:v?[0-9]{{1,20}}(?:\.[0-9]{{1,20}}){{2,8}}|v[0-9]{{1,20}}(?:\.[0-9]{{1,20}}){{1,8}}"
        rf"|[0-9]{{1,20}}\.[0-9]{{1,20}}(?=[-_+~][0-9A-Za-z]|[A-Za-z])"
        rf"(?!(?:{_TIME_UNIT}|{_SIZE_UNIT}){_E}))"
        r"(?:[-_+.~]?[0-9A-Za-z]{1,40}){0,12}",
        {"kernel 2.6.5-1.358smp up": ["2.6.5-1.358smp"], "tool v1.2 ok": ["v1.2"]},
    ),
    Rule(
        "joined-id",
        Mask.SIGNED_ID,
        rf"{_B}(?:[A-Za-z][0-9A-Za-z_]{{0,40}}_-[0-9]{{2,40}}|[A-Za-z]{{1,40}}_[0-9]{{2,40}}"
        r"|(?=[0-9-]{0,80}[A-Za-z])(?=(?:[A-Za-z_-]{0,80}[0-9]){4})"
        r"(?=[A-Za-z_-]{0,80}[0-9][0-9A-Za-z_]{0,80}-[A-Za-z_-]{0,80}[0-9])"
        rf"[0-9A-Za-z_]{{1,64}}(?:-[0-9A-Za-z_]{{1,64}}){{1,16}}){_E}",
        {
            "block blk_-160899968 of": ["blk_-160899968"],
            "for req-7f3a-20c1 ok": ["req-7f3a-20c1"],
            "node-7 of rack-a": ["7"],
        },
        "a word with digits in several parts is counted up or drawn, whatever joins them",
    ),
    Rule(
        "bytes-as-hex",
        Mask.LIST,
        rf"(?<![{_W}.:/-])(?=[0-9 ]{{0,400}}[a-fA-F])(?=[a-fA-F ]{{0,400}}[0-9])"
        r"[0-9a-fA-F]{2}(?: [0-9a-fA-F]{2}){3,2000}"
        rf"(?![{_W}.:/-])",
        {"read 4d 0f a1 33 c0 end": ["4d 0f a1 33 c0"], "at 10 20 30 40": ["10", "20", "30", "40"]},
    ),
    Rule(
        "hex",
        Mask.HEX,
        rf"{_B}(?:0[xX][0-9a-fA-F]{{1,128}}|(?=[a-fA-F]{{0,127}}[0-9])(?=[0-9]{{0,127}}[a-fA-F])[0-9a-fA-F]{{4,128}}){_E}",
        {"at 0x1f and 00ff12ab.": ["0x1f", "00ff12ab"]},
    ),
    Rule(
        "less-than",
        Mask.DURATION,
        rf"(?:\A|(?<=[\s(=]))<{_DECIMAL} ?{_TIME_UNIT}{_E}(?![:>-])",
        {"took <1 sec now": ["<1 sec"], "lease <12d:3f> now": ["12d", "3f"]},
        "a bound instead of a value; the sign does not stay",
    ),
    Rule(
        "duration",
        Mask.DURATION,
        rf"(?:{_B}|\A|(?<=[\s=(,:\[]))[-+]?(?:{_DECIMAL}{_TIME_UNIT}"
        r"|(?:[0-9]{1,6}d)?[0-9]{1,6}h(?:[0-9]{1,2}m(?:[0-9]{1,2}(?:\.[0-9]{1,9})?s)?)?"
        rf"|[0-9]{{1,6}}m[0-9]{{1,2}}(?:\.[0-9]{{1,9}})?s){_E}",
        {
            "took 15ms": ["15ms"],
            "took 1.5ms": ["1.5ms"],
            "in 1h2m3.5s or 7m4s": ["1h2m3.5s", "7m4s"],
            "in 7\xc2\xb5s": ["7\xc2\xb5s"],
        },
    ),
    Rule(
        "size",
        Mask.SIZE,
        rf"{_B}{_DECIMAL}{_SIZE_UNIT}{_E}",
        {"cache 128KB ok": ["128KB"]},
    ),
    Rule(
        "negative",
        Mask.NUMBER,
        rf"(?:\A|(?<=[\s=(,:\[|#@/\"']))-{_DECIMAL}(?:[eE][-+]?[0-9]{{1,4}})?%?{_E}(?!-)",
        {"error -17 at": ["-17"], "x=-3": ["-3"]},
    ),
    Rule(
        "number",
        Mask.NUMBER,
        rf"(?<![{_W}]){_DECIMAL}(?:[eE][-+]?[0-9]{{1,4}})?%?{_E}",
        {"took 3 of 4.5 at node-7": ["3", "4.5", "7"], "left 5%": ["5%"]},
    ),
    Rule(
        "id-starts-with-digit",
        Mask.ID,
        rf"{_B}(?!1st{_E}|2nd{_E}|3rd{_E}|[0-9]{{1,3}}th{_E})[0-9][{_W}]{{1,400}}",
        {"image 4gx_a is": ["4gx_a"], "the 2nd of": []},
    ),
    Rule(
        "id-three-digits",
        Mask.ID,
        rf"{_B}(?!(?:RFC|rfc|ISO|SHA|sha)[0-9]{{1,8}}{_E})"
        rf"(?=(?:[A-Za-z_\x80-\xff]{{0,400}}[0-9]){{3}})[{_W}]{{4,400}}",
        {"task job_2041_m_003 of": ["job_2041_m_003"], "disk sda1 of": [], "see RFC2616": []},
        "a word with three digits is counted up or drawn, a name has one or two",
    ),
    Rule(
        "no-value",
        Mask.FLAG,
        r"(?<==)(?:\?|-{1,2}|\((?:none|null|unset|unknown|empty)\)|[nN]/[aA]|[nN]one|NONE|NaN|undefined)"
        r"(?![^\s,;)\]}'\"])",
        {"addr=? tty=(none) res=1": ["?", "(none)", "1"], "x=-, y=n/a": ["-", "n/a"]},
        "how programs write that there is no value: one could stand there",
    ),
    Rule(
        "flag",
        Mask.FLAG,
        rf"{_B}(?:true|false|True|False|TRUE|FALSE|null|NULL|Null|nil|\(nil\)){_E}",
        {"ready=true": ["true"]},
    ),
)
"""The specification, most specific first."""

UNIT_BEHIND = r" (?:[kKMGTP]i?[bB]|[bB]|ns|us|ms|s)(?=[,)])"
"""What a number inside parentheses takes with it (`quantities` in `mask`)."""

LIST_MEMBER = rf"{_B}(?P<letters>[A-Za-z]{{1,40}}_?)-?[0-9]{{1,40}}{_E}"
"""What three or more of make a list (`lists` in `mask`)."""
