"""How every compressor is called: one pair of functions each, from a file to a file.

Those that are Python modules work from memory to memory, as their documentation shows; programs
read and write files themselves. What a function gets as `options` is written in `compressors`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["CODECS", "Codec"]

Options = Mapping[str, Any]
FileCall = Callable[[Path, Path, Options], None]


@dataclass(frozen=True)
class Codec:
    """One compressor.

    Attributes:
        pack: reads the first path, writes the second.
        unpack: the same way back.
        prepare: makes the input that `pack` is given from the raw log, outside of the clock: for
            compressors that want another form of it.
        restore: makes the raw log of what `unpack` wrote, outside of the clock.
    """

    pack: FileCall
    unpack: FileCall
    prepare: Callable[[Path, Path], None] | None = None
    restore: Callable[[Path, Path], None] | None = None


def _memory(
    encode: Callable[[bytes, Options], bytes], decode: Callable[[bytes, Options], bytes]
) -> Codec:
    def pack(source: Path, target: Path, options: Options) -> None:
        target.write_bytes(encode(source.read_bytes(), options))

    def unpack(source: Path, target: Path, options: Options) -> None:
        target.write_bytes(decode(source.read_bytes(), options))

    return Codec(pack, unpack)


def _gzip() -> Codec:
    import gzip

    def encode(data: bytes, options: Options) -> bytes:
        return gzip.compress(data, options["level"], mtime=0)

    def decode(data: bytes, options: Options) -> bytes:
        return gzip.decompress(data)

    return _memory(encode, decode)


def _bzip2() -> Codec:
    import bz2

    def encode(data: bytes, options: Options) -> bytes:
        return bz2.compress(data, options["level"])

    def decode(data: bytes, options: Options) -> bytes:
        return bz2.decompress(data)

    return _memory(encode, decode)


def _xz() -> Codec:
    import lzma

    def encode(data: bytes, options: Options) -> bytes:
        extreme = lzma.PRESET_EXTREME if options["extreme"] else 0
        return lzma.compress(data, preset=options["level"] | extreme)

    def decode(data: bytes, options: Options) -> bytes:
        return lzma.decompress(data)

    return _memory(encode, decode)


def _zstd() -> Codec:
    import zstandard

    def encode(data: bytes, options: Options) -> bytes:
        # The command line tool writes a checksum by default, and so do our archives.
        made = zstandard.ZstdCompressor(level=options["level"], write_checksum=True)
        return made.compress(data)

    def decode(data: bytes, options: Options) -> bytes:
        return zstandard.ZstdDecompressor().decompress(data)

    return _memory(encode, decode)


def _brotli() -> Codec:
    import brotli

    def encode(data: bytes, options: Options) -> bytes:
        return bytes(brotli.compress(data, quality=options["quality"], lgwin=options["lgwin"]))

    def decode(data: bytes, options: Options) -> bytes:
        return bytes(brotli.decompress(data))

    return _memory(encode, decode)


def _ppmd() -> Codec:
    import pyppmd

    def encode(data: bytes, options: Options) -> bytes:
        coder = pyppmd.Ppmd7Encoder(options["order"], options["memory_mb"] << 20)
        # The variant has no end mark: the length goes in front, as 7z keeps it in its header.
        return len(data).to_bytes(8, "little") + bytes(coder.encode(data) + coder.flush())

    def decode(data: bytes, options: Options) -> bytes:
        length = int.from_bytes(data[:8], "little")
        coder = pyppmd.Ppmd7Decoder(options["order"], options["memory_mb"] << 20)
        pieces, missing, fed = [], length, data[8:]
        while missing:
            piece = coder.decode(fed, missing)
            fed = b"\0" if coder.needs_input and not piece else b""
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    return _memory(encode, decode)


def _run(*command: str | Path, cwd: Path | None = None) -> None:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, check=False, cwd=cwd, text=True
    )
    if done.returncode:
        last = ((done.stderr or done.stdout).strip().splitlines() or ["no output"])[-1]
        raise RuntimeError(f"{command[0]} ended with exit code {done.returncode}: {last}")


def _only(folder: Path, target: Path) -> None:
    """Moves the one file anywhere in a folder to the target and removes the folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    if len(files) != 1:
        raise RuntimeError(f"expected one unpacked file, found {len(files)}")
    files[0].replace(target)
    shutil.rmtree(folder)


def _scratch(beside: Path) -> Path:
    folder = beside.with_name(f"{beside.name}.folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _zpaq() -> Codec:
    def pack(source: Path, target: Path, options: Options) -> None:
        made = target.with_suffix(".zpaq")
        made.unlink(missing_ok=True)
        _run("zpaq", "add", made, source, f"-m{options['method']}", "-t1")
        made.replace(target)

    def unpack(source: Path, target: Path, options: Options) -> None:
        folder = _scratch(target)
        named = source.with_suffix(".zpaq")
        source.rename(named)
        try:
            _run("zpaq", "extract", named, "-t1", "-to", folder, "-force")
        finally:
            named.rename(source)
        _only(folder, target)

    return Codec(pack, unpack)


def _seven_zip() -> Codec:
    def pack(source: Path, target: Path, options: Options) -> None:
        made = target.with_suffix(".7z")
        made.unlink(missing_ok=True)
        _run("7zz", "a", "-mmt=1", f"-m0={options['method']}", "-mx=9", made, source)
        made.replace(target)

    def unpack(source: Path, target: Path, options: Options) -> None:
        folder = _scratch(target)
        _run("7zz", "x", "-y", "-mmt=1", f"-o{folder}", source)
        _only(folder, target)

    return Codec(pack, unpack)


def _clp() -> Codec:
    """CLP's clp-s takes JSON lines: each line of the log becomes one with a single string."""

    def program() -> Path:
        import yscope_clp_core

        return Path(str(yscope_clp_core.__file__)).parent / "bin" / "clp-s"

    def prepare(source: Path, target: Path) -> None:
        lines = source.read_bytes().decode("utf-8").split("\n")
        with target.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps({"m": line}, ensure_ascii=False) + "\n" for line in lines)

    def restore(source: Path, target: Path) -> None:
        with source.open(encoding="utf-8") as file:
            text = "\n".join(json.loads(row)["m"] for row in file)
        target.write_bytes(text.encode("utf-8"))

    def pack(source: Path, target: Path, options: Options) -> None:
        folder = _scratch(target)
        level = f"--compression-level={options['level']}"
        _run(program(), "c", "--single-file-archive", level, folder, source)
        _only(folder, target)

    def unpack(source: Path, target: Path, options: Options) -> None:
        folder, out = _scratch(source), _scratch(target)
        shutil.copy(source, folder / "archive")
        _run(program(), "x", "--ordered", folder, out)
        shutil.rmtree(folder)
        _only(out, target)

    return Codec(pack, unpack, prepare, restore)


def _logzip() -> Codec:
    import logzip

    def pack(source: Path, target: Path, options: Options) -> None:
        text = source.read_bytes().decode("utf-8")
        made = logzip.compress(
            text,
            max_legend_entries=options["legend"],
            bpe_passes=options["passes"],
            exact_timestamps=True,
            lossless=True,
        )
        target.write_text(made.render(), encoding="utf-8", newline="")

    def unpack(source: Path, target: Path, options: Options) -> None:
        text = logzip.decompress(source.read_bytes().decode("utf-8"))
        target.write_bytes(text.encode("utf-8"))

    return Codec(pack, unpack)


def _logpress() -> Codec:
    from logpress.services import SemanticCompressor

    def pack(source: Path, target: Path, options: Options) -> None:
        # As its own command reads a log.
        text = source.read_text(encoding="utf-8", errors="ignore")
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        made = SemanticCompressor(min_support=options["min_support"])
        made.compress(lines, verbose=False)
        made.save(target, verbose=False)

    def unpack(source: Path, target: Path, options: Options) -> None:
        lines = SemanticCompressor().decompress(SemanticCompressor.load(source))
        target.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="")

    return Codec(pack, unpack)


def _logpipe() -> Codec:
    # What it imports only when a stream needs it.
    import lzma  # noqa: F401

    import zstandard  # noqa: F401

    from logpipe import archive
    from logpipe.pipeline import compressing

    def pack(source: Path, target: Path, options: Options) -> None:
        compressing.compress(
            str(source),
            str(target),
            level=options["level"],
            threads=options.get("threads", 1),
            force=True,
        )

    def unpack(source: Path, target: Path, options: Options) -> None:
        with archive.open(str(source)) as opened, target.open("wb") as file:
            for piece in opened.buffers():
                file.write(piece)

    return Codec(pack, unpack)


CODECS: Mapping[str, Callable[[], Codec]] = {
    "gzip": _gzip,
    "bzip2": _bzip2,
    "xz": _xz,
    "zstd": _zstd,
    "brotli": _brotli,
    "ppmd": _ppmd,
    "zpaq": _zpaq,
    "7z": _seven_zip,
    "clp": _clp,
    "logzip": _logzip,
    "logpress": _logpress,
    "logpipe": _logpipe,
}
"""Name to a function that imports what the codec needs and makes it: outside of the clock."""
