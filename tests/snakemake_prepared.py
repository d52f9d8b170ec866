"""Imported by the process that Snakemake's command line is forked from: Snakemake's plugins are looked for once, and what there is by
then is left out of garbage collection."""

import gc

from snakemake.cli import get_argument_parser

get_argument_parser(profiles=[])
gc.freeze()
