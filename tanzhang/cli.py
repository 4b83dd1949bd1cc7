"""The command line. Commands import what they need when they run, so that `--help` is quick."""

from typing import Any

import typer
from typer.core import TyperGroup

from shared.settings import SettingsError
from tanzhang.commands import (
    audit,
    close,
    dead_letters,
    demo,
    import_tables,
    importing,
    re_emit,
    rebuild,
    restate,
    run,
    secret_files,
    setup,
    simulate,
    token,
    up,
)
from tanzhang.stack import StackError


class _Group(TyperGroup):
    """What a person can put right is a sentence and exit code 1, not a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (StackError, SettingsError) as error:
            typer.echo(f"tanzhang: {error}", err=True)
            raise typer.Exit(1) from error


app = typer.Typer(
    name="tanzhang",
    cls=_Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Carbon accounts for a whole city: industrial, agricultural and personal (碳账).",
)
app.command("up")(up.up)
app.command("demo")(demo.demo)
app.command("run")(run.run)
app.command("migrate")(setup.migrate)
app.command("topics")(setup.topics)
app.command("token")(token.token)
app.command("secrets")(secret_files.make_secrets)
app.command("simulate")(simulate.simulate)
app.command("audit")(audit.audit)
app.command("re-emit")(re_emit.re_emit)
app.command("rebuild")(rebuild.rebuild)
app.command("restate")(restate.restate)
app.command("close")(close.close)
app.add_typer(dead_letters.app, name="dead-letters")

imports = typer.Typer(no_args_is_help=True, help="Post what files of others hold.")
imports.command("csv")(importing.import_csv)
imports.command("green-button")(importing.import_green_button)
imports.command("bank")(import_tables.import_bank)
imports.command("farm")(import_tables.import_farm)
app.add_typer(imports, name="import")
