# Reads examples/, folds.csv, labels.json, contents.csv, and the models of the round before.
# Writes round1/, round2/ and so on: pseudo_labels/ of what a fold trains with, and models/ that are trained with these.

from understory.inference.pseudo_labels.rounds import Rounds

with user_errors():
    ROUNDS = Rounds(config, OUT, TEST)
PSEUDO_LABELS = f"{OUT}/round{{round}}/pseudo_labels/{{model}}/fold{{fold}}"

if ROUNDS.count:

    rule compute_pseudo_labels:
        """Predict the unknown labels of what a fold trains with, by its model of the round before."""
        input:
            model=ROUNDS.before("last.keras"),
            taught_by=ROUNDS.before(provenance.FILE),
            folds=f"{OUT}/folds.csv",
            labels=f"{OUT}/labels.json",
            contents=f"{OUT}/contents.csv",
            recordings=expand(f"{OUT}/recordings/{{shard}}.csv", shard=ROUNDS.unlabelled),
            arrays=lambda wildcards: examples("npy", config["models"][wildcards.model]["features"], 0, TRAIN),
            indexes=lambda wildcards: examples("csv", config["models"][wildcards.model]["features"], 0, TRAIN),
            unlabelled_arrays=lambda wildcards: examples(
                "npy", config["models"][wildcards.model]["features"], 0, ROUNDS.unlabelled
            ),
            unlabelled_indexes=lambda wildcards: examples(
                "csv", config["models"][wildcards.model]["features"], 0, ROUNDS.unlabelled
            ),
        output:
            soft=f"{PSEUDO_LABELS}.npy",
            index=f"{PSEUDO_LABELS}.csv",
        log:
            f"{OUT}/logs/compute_pseudo_labels/round{{round}}/{{model}}/fold{{fold}}.log",
        benchmark:
            f"{OUT}/benchmarks/compute_pseudo_labels/round{{round}}/{{model}}/fold{{fold}}.tsv"
        wildcard_constraints:
            round=r"[1-9]\d*",
        cache: CACHED
        conda:
            "../envs/tensorflow.yaml"
        threads: lambda wildcards: config["models"][wildcards.model]["threads"]
        resources:
            gpu=1,
            mem_mb=SIZES.mem_mb,
            runtime=SIZES.runtime,
        params:
            wildcards=wildcards_param,
            settings=ROUNDS.labelling,
            store=STORE,
            source=SOURCE,
            contents=untracked.Text(str(FILE_DIGESTS.index)),
            recordings=table_digest_param(
                lambda found, wildcards: digest([found.shard(each) for each in ROUNDS.unlabelled])
            ),
            code=chosen_code("compute_pseudo_labels.py", MODEL_JOBS.architecture, STORE),
        script:
            "../scripts/compute_pseudo_labels.py"

    rule train_round:
        """Train one model on all but one fold once more, with its pseudo-labels."""
        input:
            folds=f"{OUT}/folds.csv",
            labels=f"{OUT}/labels.json",
            contents=f"{OUT}/contents.csv",
            soft=f"{PSEUDO_LABELS}.npy",
            soft_index=f"{PSEUDO_LABELS}.csv",
            taught_by=ROUNDS.before(provenance.FILE),
            arrays=lambda wildcards: trained_on("npy", wildcards),
            indexes=lambda wildcards: trained_on("csv", wildcards),
            unlabelled_arrays=lambda wildcards: examples(
                "npy", config["models"][wildcards.model]["features"], 0, ROUNDS.unlabelled
            ),
            unlabelled_indexes=lambda wildcards: examples(
                "csv", config["models"][wildcards.model]["features"], 0, ROUNDS.unlabelled
            ),
        output:
            last=f"{OUT}/round{{round}}/models/{{model}}/fold{{fold}}/last.keras",
            best=f"{OUT}/round{{round}}/models/{{model}}/fold{{fold}}/best.keras",
            history=f"{OUT}/round{{round}}/models/{{model}}/fold{{fold}}/history.csv",
            trained_on=f"{OUT}/round{{round}}/models/{{model}}/fold{{fold}}/{provenance.FILE}",
        log:
            f"{OUT}/logs/train_round/round{{round}}/{{model}}/fold{{fold}}.log",
        benchmark:
            f"{OUT}/benchmarks/train_round/round{{round}}/{{model}}/fold{{fold}}.tsv"
        wildcard_constraints:
            round=r"[1-9]\d*",
        cache: CACHED
        conda:
            "../envs/tensorflow.yaml"
        threads: lambda wildcards: config["models"][wildcards.model]["threads"]
        resources:
            gpu=1,
            mem_mb=SIZES.mem_mb,
            runtime=SIZES.runtime,
        params:
            wildcards=wildcards_param,
            settings=MODEL_JOBS.training_settings,
            store=STORE,
            origin=FROZEN.of,
            start=origins.START,
            code=chosen_code(
                "train_round.py",
                lambda wildcards: [*MODEL_JOBS.choices(wildcards), *FROZEN.modules(wildcards)],
                STORE,
                METRIC,
            ),
        script:
            "../scripts/train_round.py"
