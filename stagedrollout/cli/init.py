"""`init`: the few questions, and the files that a team begins with.

Nothing is written before the last answer, nothing that is there is overwritten without --force, and in the end the
files are checked as `check` does it.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.asking import NO_STORE, QUESTIONS, Question

if TYPE_CHECKING:
    from stagedrollout.config.starting import Answers

CONFIGURATION = "stagedrollout.yaml"


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for question in reversed(QUESTIONS):
        option = click.option(question.option, question.name, default=None, help=f"{question.words}.")
        command = option(command)
    return command


@click.command(
    help="Ask a few questions and write a commented configuration and policy into DIR. They change nothing in a store "
    "(mode: observe). What an option answers is not asked."
)
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False), default=Path())
@_options
@click.option("--yes", is_flag=True, help="Ask nothing: take the default of whatever no option answers.")
@click.option("--force", is_flag=True, help="Overwrite what was written before.")
def init(folder: Path, *, yes: bool, force: bool, **options: str | None) -> None:
    """Exit code 2 where a file is there already, or an answer is missing and nobody can be asked."""
    from stagedrollout.cli.ordering import acting_user  # noqa: PLC0415
    from stagedrollout.config.starting import Answers, SecretsIn  # noqa: PLC0415

    _leave_alone(folder, force=force)
    asking = _Asking(folder.resolve().name, options, ask=not yes and sys.stdin.isatty(), take_defaults=yes)
    given = asking.answers()
    terms = {**given, "secrets": SecretsIn(given["secrets"]), "os_user": acting_user()}
    answers = Answers(**terms)  # type: ignore[arg-type]
    try:
        for name, text in _files(answers).items():
            _write(folder / name, text, force=force)
        _secrets_folder(folder, answers)
    except OSError as error:
        raise click.ClickException(f"{error.filename} cannot be written: {error.strerror}") from None
    sys.exit(_tell(folder, answers))


def _files(answers: Answers) -> dict[str, str]:
    from stagedrollout.config.schema import FILES, schema_text  # noqa: PLC0415
    from stagedrollout.config.starting import POLICY, configuration_text, policy_text  # noqa: PLC0415

    schemas = {f"schema/{name}.json": schema_text(name) for name in FILES}
    policy = {f"policies/{POLICY}.yaml": policy_text(answers.time_zone)}
    return {**schemas, **policy, CONFIGURATION: configuration_text(answers)}


def _names() -> tuple[str, ...]:
    from stagedrollout.config.starting import POLICY  # noqa: PLC0415

    return (CONFIGURATION, f"policies/{POLICY}.yaml", "schema/config.json", "schema/policy.json")


def _leave_alone(folder: Path, *, force: bool) -> None:
    """Before anything is asked. Raises UsageError."""
    there = [
        str(folder / name) for name in _names() if (folder / name).is_symlink() or (folder / name).exists()
    ]
    if there and not force:
        raise click.UsageError(
            f"already there: {', '.join(there)}; name another folder, or add --force to overwrite"
        )


@dataclass(frozen=True, slots=True)
class _Asking:
    """Who may be asked what. `options`: what is answered already; None: it is not."""

    folder: str
    options: Mapping[str, str | None]
    ask: bool
    take_defaults: bool
    missing: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def answers(self) -> dict[str, str]:
        """Every answer; "" to what is no question after the others. Raises UsageError with all that is missing."""
        given = {"folder": self.folder}
        for question in QUESTIONS:
            given[question.name] = self._answer(question, given)
        if not given["package"] and not given["app_store_id"]:
            self.missing.insert(0, "--package or --app-store-id")
            self.left[:] = [option for option in self.left if option not in ("--package", "--app-store-id")]
        if self.missing or self.left:
            raise click.UsageError(self._lacking())
        return {question.name: given[question.name] for question in QUESTIONS}

    def _answer(self, question: Question, given: Mapping[str, str]) -> str:
        option = self.options[question.name]
        if not question.asked(given):
            if option is not None:
                raise click.UsageError(f"{question.option}: {_out_of_place(question)}")
            return ""
        if option is not None:
            return _read(question, option, given)
        default = question.default(given)
        if self.ask:
            return _asked(question, default, given)
        if default is None:
            self.missing.append(question.option)
        elif not self.take_defaults:
            self.left.append(question.option)
        return default or ""

    def _lacking(self) -> str:
        why = "--yes asks nothing" if self.take_defaults else "this is no terminal, so nobody can be asked"
        parts = [f"add {', '.join(self.missing)}"] if self.missing else []
        parts += (
            [f"add --yes to take the defaults of {', '.join(self.left)}, or name them"] if self.left else []
        )
        return "; ".join([why, *parts])


def _out_of_place(question: Question) -> str:
    store = "--package" if question.name in ("track", "sentry_android_project") else "--app-store-id"
    return f"this is of an app in that store; add {store} too"


def _read(question: Question, option: str, given: Mapping[str, str]) -> str:
    try:
        return question.read(option, given)
    except ValueError as error:
        if str(error) == NO_STORE:
            return ""
        raise click.BadParameter(str(error), param_hint=question.option) from None


def _asked(question: Question, default: str | None, given: Mapping[str, str]) -> str:
    """Again and again until it can be read."""

    def read(answer: str) -> str:
        try:
            return question.read(answer, given)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    answer: str = click.prompt(question.words, default=default, show_default=bool(default), value_proc=read)
    return answer


def _write(path: Path, text: str, *, force: bool) -> None:
    """All of it or nothing: what --force overwrites stays until the new text is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    target = path.with_name(f".{path.name}.new") if force else path
    if force:
        target.unlink(missing_ok=True)
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    target.replace(path)


def _secrets_folder(folder: Path, answers: Answers) -> None:
    """For this user alone, and for no repository."""
    if answers.secrets.value != "file":
        return
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700, exist_ok=True)
    ignore = secrets / ".gitignore"
    if not ignore.exists():
        _write(ignore, "*\n", force=False)


def _tell(folder: Path, answers: Answers) -> int:
    """What was written, what is missing and what comes next; the exit code."""
    from stagedrollout.config.load import check, load  # noqa: PLC0415

    path = folder / CONFIGURATION
    click.echo("".join(f"written: {folder / name}\n" for name in _names()), nl=False)
    load(path, environ=os.environ)  # raises WrongConfiguration where a policy that was there before is wrong
    problems = {problem.where: problem for problem in check(path, environ=os.environ)}
    if problems:
        click.echo("\nStill to be put where the configuration looks for it:")
    for secret in answers.needed_secrets:
        if problem := problems.get(secret.place):
            click.echo(f"  {answers.where(secret)}: {secret.what}")
            click.echo(f"      now: {problem.wrong}; {_right(answers, problem.right)}")
    click.echo("\nNext:")
    click.echo("".join(f"  {line}\n" for line in _next(path)), nl=False)
    return 0


def _right(answers: Answers, right: str) -> str:
    missing = answers.secrets.value == "file" and right.startswith("create it")
    return "put it there with chmod 600" if missing else right


def _next(path: Path) -> Iterator[str]:
    named = "" if path == Path(CONFIGURATION) else f" --config {shlex.quote(str(path))}"
    commands = {
        "check": "tells what is wrong or missing, without the network",
        "doctor": "tells whether stores, Sentry and Slack let you in",
        "run": "watches and tells, and changes nothing: mode is observe",
    }
    lines = {f"stagedrollout {name}{named}": what for name, what in commands.items()}
    width = max(map(len, lines))
    return (f"{line:<{width}}   # {what}" for line, what in lines.items())
