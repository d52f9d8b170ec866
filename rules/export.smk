# Reads the models of this run or of models_from, labels.json, scores.json, training windows, and calibration.json.
# Writes export/: the models as one file, for Keras, for LiteRT and for ONNX, and their card.

from understory.export import request

EXPORT = f"{OUT}/export"
EXPORTED = [f"{EXPORT}/{name}" for name in ("README.md", "model.keras", "model.tflite")]


rule export:
    """Export the models."""
    input:
        request.of_models(config, MEDIUM, EXPORTED),


if MEDIUM == "audio":
    # Of another run, what is there; of this one, what it makes.
    WINDOWS = expand(f"{OUT}/windows/{{shard}}.npy", shard=TRAIN)
    SCORES = f"{MODELS_FROM}/scores.json"
    if config["models_from"]:
        WINDOWS = sorted(map(str, Path(MODELS_FROM, "windows").glob("train-*.npy")))
        SCORES = SCORES if Path(SCORES).is_file() else []
    WINDOWS = WINDOWS if config["export"]["int8"] else []
    MORE = {"int8": f"{EXPORT}/model-int8.tflite"} if WINDOWS else {}
    MORE |= {"onnx": f"{EXPORT}/model.onnx"} if config["export"]["onnx"] else {}
    EXPORTED += MORE.values()

    rule export_models:
        """Write the models as one file, with their card."""
        input:
            models=MODEL_JOBS.saved(MODELS_FROM),
            members=saved_run.weights_file(config, MODELS_FROM),
            labels=f"{MODELS_FROM}/labels.json",
            calibration=CALIBRATION,
            scores=SCORES,
            windows=WINDOWS,
        output:
            **MORE,
            card=f"{EXPORT}/README.md",
            keras=f"{EXPORT}/model.keras",
            litert=f"{EXPORT}/model.tflite",
        log:
            f"{OUT}/logs/export_models.log",
        benchmark:
            f"{OUT}/benchmarks/export_models.tsv"
        conda:
            "../envs/tensorflow.yaml"
        resources:
            mem_mb=SIZES.mem_mb,
            runtime=SIZES.runtime,
        params:
            settings=MODEL_JOBS.exporting(),
            code=code("export_models.py", *MODEL_JOBS.scoring_modules(), *request.modules(config)),
        script:
            "../scripts/export_models.py"
