"""The library behind the workflow: importable, tested, and unaware of Snakemake."""
