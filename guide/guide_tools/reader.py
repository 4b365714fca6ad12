"""Do what a page says, as its reader would: save its files, run its commands, look at the answers.

```python        whose first line is `# app.py` is a file; `# app.py, at the end` adds to it
```toml          the same, for settings
```console       `$ command` lines, each followed by what it prints; with none, what the server's terminal shows

A reader copies what was printed: `$ ADA=meze_access_…` keeps the longest such piece of the last answer, or of what the
terminal showed, and `$ ADA=$(command)` what a command prints. `$ADA` stands for it from then on.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from guide_tools.answers import differs, glob, lines_like
from guide_tools.commands import run_apart, run_here
from guide_tools.curl import Answered, head_of, read_curl
from guide_tools.servers import Client, Process, Server

REPOSITORY = Path(__file__).parent.parent.parent
_ASSIGNMENT = re.compile(r"(?P<name>[A-Z_]+)=(?:\$\((?P<command>.+)\)|(?P<shown>[^\s$]*))")
_COPIED = r"[^\s\"'<>,;]*"
"""What `…` stands for in a piece that is copied: whatever a double click would select."""

_FILE = re.compile(r"# (?P<name>[\w./-]+\.(?:py|toml))(?P<adds>, at the end)?(?:, in place of: (?P<line>.+))?\n")


class Reader:
    """One page's reader, at work in `folder`. `real` says whether `meze serve` is started as a process."""

    def __init__(self, folder: Path, *, real: bool) -> None:
        self._folder = folder
        self._real = real
        self._server: Server | None = None
        self._kept: dict[str, str] = {}
        self._printed = ""

    def save(self, block: str) -> str | None:
        """Write a block to the file that it names. Returns what is wrong with it, or None."""
        head = _FILE.match(block)
        if head is None:
            return "The first line of a program names its file: `# app.py`."
        path, text = self._folder / head["name"], block.removeprefix(head[0])
        path.parent.mkdir(parents=True, exist_ok=True)
        if head["adds"]:
            path.write_text(f"{path.read_text('utf-8').rstrip()}\n\n\n{text}", "utf-8")
        elif head["line"]:
            before = path.read_text("utf-8")
            if f"\n{before}".count(f"\n{head['line']}\n") != 1:
                return f"{head['name']} does not hold this line once: {head['line']}"
            path.write_text(f"\n{before}".replace(f"\n{head['line']}\n", f"\n{text}")[1:], "utf-8")
        else:
            path.write_text(block, "utf-8")
        if self._server is not None:
            self._server.changed()
        return None

    def run(self, block: str) -> str | None:
        """Run the commands of a console block in turn. Returns what differs from the page, or None."""
        if not block.startswith("$ "):
            return self._look(block)
        for command, shown in commands(block):
            assigned = _ASSIGNMENT.fullmatch(command)
            wrong = self._keep(**assigned.groupdict()) if assigned else self._run(self._words(command), shown)
            if wrong:
                return f"$ {command}\n{wrong}"
        return None

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self._server = None

    def _look(self, shown: str) -> str | None:
        """Look at the server's terminal. Returns what is wrong, or None."""
        found = self._server.shows(lines_like(shown)) if self._server is not None else None
        if found is None:
            return f"The terminal of the server does not show:\n{shown}"
        self._printed = found[0]
        return None

    def _keep(self, name: str, shown: str | None, command: str | None) -> str | None:
        """Keep what a command prints, or the piece that looks as shown. Returns what went wrong, or None."""
        if command is not None:
            self._kept[name] = self._print(self._words(command), {}).strip()
            return None
        assert shown is not None
        pattern = re.compile(_COPIED.join(re.escape(piece) for piece in shown.split("…")))
        found = [each[0] for each in pattern.finditer(self._printed)]
        if not found:
            return f"Nothing was printed that looks so. The last was:\n{self._printed}"
        self._kept[name] = max(found, key=len)
        return None

    def _words(self, command: str) -> list[str]:
        """Return the words of a command, with what was kept in place of `$NAME`, as a shell would put it."""

        def replaced(found: re.Match[str]) -> str:
            name = found["name"]
            return self._kept[name] if name in self._kept else found[0]

        return shlex.split(re.sub(r"'[^']*'|\$(?P<name>[A-Z_]+)", replaced, command))

    def _run(self, words: list[str], shown: str) -> str | None:
        variables = {}
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            name, _, variables[name] = words[0].partition("=")
            words = words[1:]
        match words:
            case ["curl", *rest]:
                if self._server is None:
                    return "Nothing is served yet."
                asked = read_curl(rest)
                answer = self._server.ask(asked)
                self._printed = "\n".join([answer.body, *(head_of(answer) if asked.shows_head else ())])
                return _compare(answer, shown, with_head=asked.shows_head)
            case ["meze", "serve", *_] if self._real:
                self._start(Process(words, self._folder, variables))
            case [("meze" | "flask") as command, *rest] if "serve" in rest or "run" in rest:
                self.close()
                self._start(Client(command, _option(rest, "--app"), self._folder, variables))
            case ["make", target]:
                printed = run_apart(["make", "--silent", "--dry-run", "-C", str(REPOSITORY), target], self._folder, {})
                return printed if "No rule" in printed else None
            case ["source", _]:
                return None
            case [*command, ">", file]:
                (self._folder / file).write_text(self._print(command, variables), "utf-8")
                return None
            case _:
                self._printed = self._print(words, variables)
                return differs(shown, self._printed)
        assert self._server is not None
        return differs(shown, self._server.said) if shown else _error(self._server.said)

    def _start(self, server: Server) -> None:
        self.close()
        self._server = server

    def _print(self, words: list[str], variables: dict[str, str]) -> str:
        if not self._real:
            if self._server is not None:
                self._server.changed()
            printed = run_here(words, self._folder, variables)
            if printed is not None:
                return printed
        return run_apart(words, self._folder, variables)


def commands(block: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a console block, and what the page shows below it."""
    for piece in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        lines = piece.split("\n")
        for taken in range(1, len(lines) + 1):
            command = "\n".join(lines[:taken])
            try:
                shlex.split(command := command.replace("\\\n", " "))
            except ValueError:  # a quotation or a line that goes on
                continue
            yield command, "\n".join(lines[taken:]).strip()
            break
        else:
            raise ValueError(f"a quotation is not closed: {piece}")


def _compare(answer: Answered, shown: str, *, with_head: bool) -> str | None:
    if not with_head:
        return differs(shown, answer.body)
    head, _, body = shown.partition("\n\n")
    sent = list(head_of(answer))
    for line in head.split("\n"):
        if line != "…" and not any(glob(line).fullmatch(each) for each in sent):
            return f"The page shows {line!r}; the answer began:\n" + "\n".join(sent)
    return differs(body, answer.body)


def _option(words: list[str], name: str) -> str | None:
    return words[words.index(name) + 1] if name in words else None


def _error(said: str) -> str | None:
    return said if said.startswith("Error:") else None
