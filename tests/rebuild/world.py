"""A run that changes are made to."""

from workflow import ROOT, copy_source


class World:
    """A run, its data and the workflow's source, each in a copy of its own, with a configuration to change."""

    def __init__(self, place, run_snakemake, config):
        self.run, self.data, self.source = place / "run", place / "data", place / "source"
        self.config, self.options, self.env = config, [], {}
        self.recipe, self.targets, self.host = None, [], None
        self._snakemake = run_snakemake

    def set(self, key, value):
        """Set one key of the configuration, told by its path."""
        *parents, last = key.split(".")
        block = self.config
        for parent in parents:
            block = block.setdefault(parent, {})
        block[last] = value

    def edit(self, name, old, new):
        """Change the code."""
        path = self.source / name
        text = path.read_text()
        assert old in text, (name, old)
        path.write_text(text.replace(old, new, 1))

    def snakemake(self, *options, **others):
        source = self.source if self.source.exists() else ROOT
        return self._snakemake(
            self.run,
            *self.options,
            *options,
            *(["--", *self.targets] if self.targets else []),
            config=self.config,
            recipe=self.recipe,
            source=source,
            env=self.env,
            host=self.host,
            **others,
        )

    def copy_source(self):
        copy_source(self.source)
