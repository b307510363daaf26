"""docs/commands.md: what each command says of itself under `--help`."""

from collections.abc import Iterator

import click

WIDTH = 100


def commands_page() -> str:
    """The page without its note. Every command once, groups before what is in them."""
    from agents.cli.main import main

    parts = [
        "# Commands\n\nWhat each command says under `--help`. What they are good for: [operations.md](operations.md).\n"
    ]
    parts += [f"\n## {name}\n\n```text\n{text}\n```\n" for name, text in _helps(main, "orchestrator", None)]
    return "".join(parts)


def _helps(command: click.Command, name: str, parent: click.Context | None) -> Iterator[tuple[str, str]]:
    # A fixed width: the page must not hang on the terminal that it was made in.
    settings = {**command.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
    context = command.context_class(command, info_name=name, parent=parent, **settings)
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            if found is not None:
                yield from _helps(found, inner, context)
