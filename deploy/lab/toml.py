"""dict -> TOML text; Python 3.11 reads TOML and does not write it."""

import json
import pathlib


def render(table: dict) -> str:
    """Strings, paths, numbers, booleans, arrays of these, tables, and lists of tables."""
    lines: list[str] = []
    _render_table(table, [], lines)
    return "\n".join(lines).strip() + "\n"


def _render_table(table: dict, path: list[str], lines: list[str]) -> None:
    for key, value in table.items():
        if not isinstance(value, dict) and not _is_list_of_tables(value):
            lines.append(f"{key} = {_render_value(value)}")
    for key, value in table.items():
        if isinstance(value, dict):
            lines += ["", f"[{'.'.join([*path, key])}]"]
            _render_table(value, [*path, key], lines)
        elif _is_list_of_tables(value):
            for entry in value:
                lines += ["", f"[[{'.'.join([*path, key])}]]"]
                _render_table(entry, [*path, key], lines)


def _is_list_of_tables(value) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def _render_value(value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_render_value(v) for v in value) + "]"
    if isinstance(value, (str, pathlib.Path)):
        return json.dumps(str(value), ensure_ascii=False)  # a JSON string is a TOML basic string
    raise TypeError(f"no TOML for {type(value).__name__}")


def merged(base: dict, changes: dict) -> dict:
    """`base` with `changes` laid over it, table by table."""
    result = dict(base)
    for key, value in changes.items():
        both_tables = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both_tables else value
    return result
