"""Every setting as a flag, for the commands that read the settings (serve, keys, migrate, epoch)."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from diyalog.setting_kinds import SWITCH
from diyalog.settings import Setting, Settings, every_setting
from diyalog.settings_loading import load

_PREFIX: Final = "setting_"
"""Keeps the settings apart from a command's own arguments in the namespace."""


def add_settings_flags(parser: argparse.ArgumentParser) -> None:
    """Add `--config FILE` and one flag for every setting; a switch may stand alone (`--open-access`)."""
    group = parser.add_argument_group(
        "settings",
        "Each is also an environment variable (--queue-timeout: DIYALOG_QUEUE_TIMEOUT) and a key of the file.",
    )
    group.add_argument("--config", metavar="FILE", type=Path, help="TOML file with settings (queue_timeout = 10)")
    for setting in every_setting():
        group.add_argument(
            setting.flag,
            dest=_PREFIX + setting.name,
            metavar=setting.kind.placeholder,
            nargs="?" if setting.kind is SWITCH else None,
            const="true" if setting.kind is SWITCH else None,
            help=_help(setting),
        )


def settings_from(arguments: argparse.Namespace, environ: Mapping[str, str]) -> Settings:
    """Read the settings from a command's parsed flags, the environment and the file of `--config`.

    Raises SettingsError, which `main` turns into one line and exit status 2.
    """
    given = {setting.name: getattr(arguments, _PREFIX + setting.name) for setting in every_setting()}
    return load({name: text for name, text in given.items() if text is not None}, environ, arguments.config)


def _help(setting: Setting) -> str:
    """Say the meaning and the default; argparse reads % as its own sign."""
    return f"{setting.meaning} [{default_text(setting)}]".replace("%", "%%")


def default_text(setting: Setting) -> str:
    """Write a default as one would give it: `unset`, `true`, `10`, `none` for an empty list."""
    match setting.default:
        case None:
            return "unset"
        case bool(value):
            return str(value).lower()
        case ():
            return "none"
        case float(value):
            return f"{value:.15g}"
        case value:
            return str(value)
