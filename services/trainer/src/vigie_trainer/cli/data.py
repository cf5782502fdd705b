"""`vigie data …`."""

import typer

app = typer.Typer(help="Fetch, clean and look at labelled posts.", no_args_is_help=True)
