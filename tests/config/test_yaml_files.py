"""Files that are no YAML, no text, no file, or too much of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from stagedrollout.config.load import load
from stagedrollout.core.errors import WrongConfiguration
from tests.config.conftest import GOOD, Write


def refused(path: Path) -> str:
    with pytest.raises(WrongConfiguration) as error:
        load(path, environ={})
    return str(error.value).removeprefix(str(path))


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n"])
def test_an_empty_file_is_refused(write: Write, text: str):
    assert refused(write(text)).startswith(":1:")


def test_a_file_that_is_not_utf8_is_refused_at_the_first_wrong_byte(write: Write):
    assert (
        refused(write("a: 1\nname: ä".encode("latin-1"))) == ":2:7: this is not UTF-8; save the file as UTF-8"
    )


def test_a_character_yaml_forbids_is_refused_at_its_place(write: Write):
    assert refused(write("a: 1\nb: x\x00y\n")) == ":2:5: this character may not stand in YAML; remove it"


def test_an_escaped_control_character_is_refused(write: Write):
    text = GOOD.replace("policy: standard", r'policy: "\e[2Jstandard"')
    assert refused(write(text)).startswith(
        ":7:13: apps.0.policy: longer than 10000 characters or not printable"
    )


def test_half_a_surrogate_pair_is_refused(write: Write):
    assert ":1:1: " not in refused(write(GOOD.replace("standard", r'"\ud800"')))


def test_a_file_of_more_than_a_mebibyte_is_refused_unread(write: Write):
    assert refused(write("#" * (1024 * 1024 + 1))) == ": larger than 1024 KiB; split it"


def test_a_folder_is_no_configuration(tmp_path: Path):
    assert refused(tmp_path) == ": cannot be read: is a directory; name a readable file"


def test_a_missing_file_is_named(tmp_path: Path):
    assert (
        refused(tmp_path / "no.yaml") == ": cannot be read: no such file or directory; name a readable file"
    )


def test_windows_line_ends_and_a_byte_order_mark_are_read(write: Write):
    assert load(write("\ufeff" + GOOD.replace("\n", "\r\n")), environ={}).settings.apps[0].name == "acme"


def test_windows_line_ends_do_not_shift_places(write: Write):
    text = GOOD.replace("standard", "standrad").replace("\n", "\r\n")
    assert refused(write(text)).startswith(":7:13: apps.0.policy: ")


def test_an_anchor_may_be_used_again(write: Write):
    text = GOOD.replace("name: acme", "name: &x acme").replace("policy: standard", "policy: &x standard")
    assert load(write(text), environ={}).settings.apps[0].policy == "standard"


def test_a_number_in_the_calendar_is_told_and_not_a_crash(write: Write, tmp_path: Path):
    policy = (
        "stages: [{percent: 100}]\ngates: [{metric: crash_free_users, floor: 9, min_sample: 1}]\n"
        'calendar: {hours: {start: "09:00Z", end: "10:00"}}\n'
    )
    write(policy, "mine/odd.yaml")
    with pytest.raises(WrongConfiguration) as error:
        load(write("policies: [mine]\n" + GOOD), environ={})
    assert str(error.value).startswith(f"{tmp_path}/mine/odd.yaml:")
