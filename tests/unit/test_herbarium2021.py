import hashlib
import json
import re
import shutil
from collections import Counter

import cv2
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from understory.core.errors import InputError, NoTable
from understory.data.dataset import Annotation, Recording
from understory.data.predictions import Predictions
from understory.datasets import herbarium2021
from understory.synthetic.herbarium2021 import frequencies, synthesize


def image(number, path=None, **others):
    path = f"images/000/01/{number}.jpg" if path is None else path
    return {"file_name": path, "height": 1000, "id": number, "license": 0, "width": 680, **others}


def annotation(image_id, category_id, number=0):
    return {"category_id": category_id, "id": number, "image_id": image_id, "institution_id": 0}


def category(number, name="Aa calceata (Rchb.f.) Schltr."):
    return {"family": "Orchidaceae", "order": "Asparagales", "name": name, "id": number}


def metadata(**changes):
    return {
        "annotations": [annotation(7, 10), annotation(8, 2)],
        "categories": [category(10), category(2)],
        "images": [image(7), image(8)],
        "licenses": [],
        "institutions": [],
        "info": {},
        **changes,
    }


def written(folder, train=None, test=None, coding="utf-8"):
    """A data set of two training images and a test image, or as given."""
    train = metadata() if train is None else train
    for name, content in (("train", train), ("test", test or {"images": [image(7)]})):
        (folder / name).mkdir(exist_ok=True)
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        (folder / name / "metadata.json").write_text(text, encoding=coding)
    return folder


TWO = (
    Recording("train-7", "train/images/000/01/7.jpg", "train"),
    Recording("train-8", "train/images/000/01/8.jpg", "train"),
)


def test_tables(tmp_path):
    found = herbarium2021.read(written(tmp_path))
    # In the order of numbers, not of text.
    assert found.classes == ("2", "10")
    # A training image and a test image may have the same number.
    assert found.recordings == (*TWO, Recording("7", "test/images/000/01/7.jpg", "test"))
    assert found.annotations == (
        Annotation("train-7", "10", "present"),
        Annotation("train-8", "2", "present"),
    )
    assert found.exhaustive
    assert not found.quarantined


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "latin-1"])
def test_names_may_be_in_latin_1(tmp_path, coding):
    categories = [category(10, "Aa × hybrida Müll.Arg."), category(2)]
    found = herbarium2021.read(written(tmp_path, metadata(categories=categories), coding=coding))
    assert found.recordings[:2] == TWO
    assert found.classes == ("2", "10")


@pytest.mark.parametrize("coding", ["utf-8", "latin-1"])
def test_a_letter_that_is_cut_by_the_end_of_a_block_is_read(tmp_path, monkeypatch, coding):
    text = json.dumps(metadata(images=[image(7, "images/é.jpg"), image(8)]), ensure_ascii=False)
    for block in range(1, 8):
        monkeypatch.setattr(herbarium2021, "BLOCK", block)
        found = herbarium2021.read(written(tmp_path, text, coding=coding))
        assert found.recordings[0].path == "train/images/é.jpg"


def test_test_images_are_read_without_training_tables(tmp_path):
    written(tmp_path)
    shutil.rmtree(tmp_path / "train")
    found = herbarium2021.read(tmp_path, train=False)
    assert found.recordings == (Recording("7", "test/images/000/01/7.jpg", "test"),)
    assert found.classes == ()
    with pytest.raises(NoTable, match=r"train/metadata\.json is missing: expected JSON with a list of"):
        herbarium2021.read(tmp_path)


def test_a_part_has_the_first_thousand_images_of_the_metadata(tmp_path):
    numbers = [3 * number % 1009 for number in range(1009)]
    given = metadata(
        images=[image(number) for number in numbers],
        annotations=[annotation(number, (2, 10)[number % 2]) for number in sorted(numbers)],
    )
    found = herbarium2021.read(written(tmp_path, given), "first_1000")
    kept = {recording.recording_id for recording in found.recordings if recording.subset == "train"}
    assert kept == {f"train-{number}" for number in numbers[:1000]}
    assert {one.recording_id: one.label for one in found.annotations} == {
        f"train-{number}": ("2", "10")[number % 2] for number in numbers[:1000]
    }
    assert not found.quarantined
    assert found.classes == ("2", "10")
    assert "7" in {recording.recording_id for recording in found.recordings}


KIND = {"images": "recording", "annotations": "annotation", "categories": "annotation"}


@pytest.mark.parametrize(
    ("key", "extra", "name", "reason"),
    [
        ("images", image(7), "train-7", "duplicate recording"),
        ("images", image(9, "../../x.jpg"), "train-9", "expected a file within the data folder"),
        ("images", image(9, "/x.jpg"), "train-9", 'expected a file_name within train/, found "/x.jpg"'),
        ("images", image(9, ""), "train-9", 'expected a file_name within train/, found ""'),
        ("images", image(9, 3), "train-9", "expected a file_name within train/, found 3"),
        ("images", image(9, ["a"]), "train-9", 'expected a file_name within train/, found ["a"]'),
        ("images", image(9, "a\nb.jpg"), "train-9", "expected a recording id in plain text"),
        ("images", {"id": 9}, "train-9", "expected a file_name within train/, found no such key"),
        ("images", {"file_name": "a.jpg"}, "", "expected a whole number under the key id, found no such key"),
        ("images", image("9"), "", 'expected a whole number under the key id, found "9"'),
        ("images", image(-9), "", "expected a whole number under the key id, found -9"),
        ("images", image(9.5), "", "expected a whole number under the key id, found 9.5"),
        ("images", image(True), "", "expected a whole number under the key id, found true"),
        ("images", image(None), "", "expected a whole number under the key id, found null"),
        ("images", "nine", "", "expected an object with the key id, found 'nine'"),
        ("images", image(9), "train-9", "expected an annotation of this image, found none"),
        ("annotations", annotation(9, 2), "", "expected the image_id of an image that can be used, found 9"),
        ("annotations", annotation("7", 2), "", 'expected a whole number under the key image_id, found "7"'),
        ("annotations", annotation([], 2), "", "expected a whole number under the key image_id, found []"),
        ("annotations", {"image_id": 7}, "train-7", "under the key category_id, found no such key"),
        ("annotations", annotation(7, 3), "train-7", "expected the category_id of a category, found 3"),
        ("annotations", annotation(7, "10"), "train-7", 'under the key category_id, found "10"'),
        ("annotations", annotation(7, 10, 5), "train-7", "duplicate of the annotation of this image"),
        ("annotations", [7, 10], "", "expected an object with the key image_id, found [7, 10]"),
        ("categories", category(10), "", "expected each category once, found 10 again"),
        ("categories", category("3"), "", 'expected a whole number under the key id, found "3"'),
        ("categories", 3, "", "expected an object with the key id, found 3"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_what_cannot_be_used_is_set_aside(tmp_path, key, extra, name, reason, first):
    given = metadata()
    # Of two that are the same, the second is not taken.
    again = "once" in reason or "duplicate" in reason
    given[key] = [extra, *given[key]] if first and not again else [*given[key], extra]
    late = "in plain text" in reason or "data folder" in reason
    if late:
        given["annotations"].append(annotation(9, 2))
    found = herbarium2021.read(written(tmp_path, given))
    told = [item for item in found.quarantined if reason in item.reason]
    assert [(item.subset, item.kind, item.recording_id) for item in told] == [("train", KIND[key], name)]
    assert found.quarantined == tuple(told)
    assert found.recordings[:2] == TWO
    assert len(found.annotations) == 2
    assert found.classes == ("2", "10")
    if not late and "found none" not in reason:
        number = 0 if first and not again else len(given[key]) - 1
        assert told[0].place == f"train/metadata.json, {key}[{number}]"


@pytest.mark.parametrize("numbers", [(10, 2), (10, 2, 10), (2, 10, 2)])
def test_an_image_of_two_categories_is_not_taken(tmp_path, numbers):
    given = metadata(annotations=[annotation(8, 2), *(annotation(7, number) for number in numbers)])
    found = herbarium2021.read(written(tmp_path, given))
    assert found.recordings[0] == TWO[1]
    assert [one.recording_id for one in found.annotations] == ["train-8"]
    item = next(item for item in found.quarantined if item.kind == "recording")
    assert item.place == TWO[0].path
    assert item.reason == f"expected one category of this image, found {numbers[0]} and {numbers[1]}"


def test_test_images_that_cannot_be_used_are_set_aside(tmp_path):
    found = herbarium2021.read(written(tmp_path, test={"images": [image(7), image(7, "other.jpg"), {}]}))
    assert [(item.subset, item.recording_id, item.place) for item in found.quarantined] == [
        ("test", "7", "test/metadata.json, images[1]"),
        ("test", "", "test/metadata.json, images[2]"),
    ]
    assert [recording.path for recording in found.recordings[2:]] == ["test/images/000/01/7.jpg"]


WHOLE = json.dumps(metadata())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected JSON with a list of categories; found, after 0 of them"),
        (WHOLE[:-1], "found, after 2 of them"),
        (WHOLE[: len(WHOLE) // 2], "found, after"),
        (WHOLE + "}", "found, after 2 of them"),
        ("image_id,category_id\n7,10\n", "found, after 0 of them"),
        ("[]", "expected JSON with a list of categories, found none"),
        ("null", "expected JSON with a list of categories, found none"),
        (json.dumps(metadata(images=[])), "expected JSON with a list of images, found none"),
        (json.dumps(metadata(annotations={})), "expected JSON with a list of annotations, found none"),
        (WHOLE.replace('"height": 1000', '"height": NaN'), "found, after"),
        ("\x00" * 50, "found, after 0 of them"),
    ],
)
def test_what_is_no_metadata_is_said(tmp_path, text, said):
    with pytest.raises(InputError) as raised:
        herbarium2021.read(written(tmp_path, text))
    assert said in str(raised.value)
    assert str(raised.value).startswith(f"{tmp_path}/train/metadata.json: expected JSON with a list of ")
    assert "\n" not in str(raised.value)


def test_every_cut_of_the_metadata_is_noticed(tmp_path):
    for end in range(1, len(WHOLE)):
        with pytest.raises(InputError):
            herbarium2021.read(written(tmp_path, WHOLE[:end]))


def test_a_folder_in_the_place_of_the_metadata_is_said(tmp_path):
    (written(tmp_path) / "train" / "metadata.json").unlink()
    (tmp_path / "train" / "metadata.json").mkdir()
    with pytest.raises(InputError, match="expected JSON with a list of categories; found a folder"):
        herbarium2021.read(tmp_path)


def test_the_printed_elements_of_the_real_metadata(real, tmp_path):
    text = (real("herbarium-2021") / "metadata_excerpt.json").read_text(encoding="utf-8")
    # Its one annotation is of category 1, whose object it does not have.
    given = json.loads(text)
    assert herbarium2021.read(written(tmp_path, text)).quarantined[0].reason.endswith("found 1")
    given["categories"].append({**given["categories"][0], "id": 1})
    found = herbarium2021.read(written(tmp_path, json.dumps(given)))
    assert found.recordings[0] == Recording("train-404873", "train/images/000/01/404873.jpg", "train")
    assert found.annotations == (Annotation("train-404873", "1", "present"),)
    assert not found.quarantined


def dense(names, values, classes):
    return Predictions(pd.DataFrame({"recording_id": names}), np.asarray(values), classes)


def of_highest(names, values, classes):
    return Predictions(pd.DataFrame({"recording_id": names}), sparse.csr_array(values), classes)


def as_table(names, values, classes):
    return dense(names, values, classes).table()


@pytest.mark.parametrize("form", [dense, of_highest, as_table])
def test_a_submission_has_the_likeliest_category(tmp_path, form):
    (tmp_path / "sample_submission.csv").write_text("Id,Predicted\n12,0\n7,0\n30,0\n")
    template = herbarium2021.submission_template(tmp_path)
    assert template == ("Id", ["12", "7", "30"], ["Predicted"])
    values = [[0.1, 0.0, 0.3], [0.0, 0.5, 0.2], [0.4, 0.0, 0.0]]
    classes = ("2", "10", "64499")
    table = herbarium2021.submission(template, form(["7", "12", "30"], values, classes), None)
    assert table.to_csv(index=False) == "Id,Predicted\n12,10\n7,64499\n30,2\n"
    with pytest.raises(InputError, match=r"for every Id of .*, missing for 2: 12, 30"):
        herbarium2021.submission(template, form(["7"], values[:1], classes), None)


@pytest.mark.parametrize("row", ["a,0", "-1,0", ",0", "1.5,0"])
def test_a_sample_with_other_ids_is_refused(tmp_path, row):
    (tmp_path / "sample_submission.csv").write_text(f"Id,Predicted\n{row}\n")
    with pytest.raises(InputError, match="whole number in column Id"):
        herbarium2021.submission_template(tmp_path)


def test_a_submission_of_the_real_form(real):
    """243,020 rows of sparse predictions that hold what a real submission predicted give that submission."""
    folder = real("herbarium-2021")
    template = herbarium2021.submission_template(folder)
    sample = pd.read_csv(folder / "sample_submission.csv")
    assert len(template[1]) == len(sample) == 243_020
    given = pd.read_csv(folder / "submission_example.csv")
    assert list(given.columns) == list(sample.columns) == [template[0], *template[2]]
    assert (given.Id == sample.Id).all()
    rows = np.arange(len(given))
    shape = (len(given), 64_500)
    sure = sparse.csr_array((np.full(len(given), 0.6), (rows, given.Predicted)), shape=shape)
    other = sparse.csr_array(
        (np.full(len(given), 0.3), (rows, (given.Predicted + 7) % shape[1])), shape=shape
    )
    order = np.random.default_rng(0).permutation(len(given))
    predicted = of_highest(given.Id[order].astype(str), (sure + other)[order], tuple(map(str, range(64_500))))
    table = herbarium2021.submission(template, predicted, None)
    assert table.to_csv(index=False) == given.to_csv(index=False)


SYNTHETIC = {"train_recordings": 40, "rejected_recordings": 5, "test_recordings": 15}


def made(folder, **options):
    options = {"settings": SYNTHETIC, "seed": 5, "processes": 1, **options}
    synthesize(folder / "data", folder / "truth.csv", **options)
    return folder


@pytest.fixture(scope="module")
def replica(tmp_path_factory):
    return made(tmp_path_factory.mktemp("herbarium"))


def test_the_replica_has_the_layout_of_the_original(replica):
    folder = replica / "data"
    found = herbarium2021.read(folder)
    assert not found.quarantined
    assert found.classes == tuple(map(str, range(13)))
    counts = Counter(recording.subset for recording in found.recordings)
    assert counts == {"train": 40, "test": 15}
    labels = {annotation.recording_id: int(annotation.label) for annotation in found.annotations}
    for recording in found.recordings:
        height, width, _ = cv2.imread(str(folder / recording.path)).shape
        assert width < height == 256
        if recording.subset == "train":
            label = labels[recording.recording_id]
            number = recording.recording_id.removeprefix("train-")
            assert recording.path == f"train/images/{label // 100:03d}/{label % 100:02d}/{number}.jpg"
        else:
            assert recording.path == f"test/images/000/{recording.recording_id}.jpg"
    assert sorted(path for path in folder.rglob("*.jpg")) == sorted(
        folder / recording.path for recording in found.recordings
    )


def test_the_metadata_of_the_replica_have_the_keys_of_the_original(replica, real):
    excerpt = json.loads((real("herbarium-2021") / "metadata_excerpt.json").read_text(encoding="utf-8"))
    train, test = (
        json.loads((replica / "data" / subset / "metadata.json").read_text(encoding="utf-8"))
        for subset in ("train", "test")
    )
    for key in ("annotations", "categories", "images", "licenses", "institutions"):
        kinds = {name: type(value) for name, value in excerpt[key][0].items()}
        assert all({name: type(value) for name, value in thing.items()} == kinds for thing in train[key])
    assert "annotations" not in test
    assert "categories" not in test
    for key in ("licenses", "institutions"):
        assert len(train[key]) == len(test[key]) == excerpt["_real_lengths"][key]
    assert len(train["info"]) == len(test["info"]) == excerpt["_real_lengths"]["info_keys"]


def test_the_truth_of_the_replica_makes_a_submission(replica):
    truth = pd.read_csv(replica / "truth.csv", dtype={"recording_id": str})
    classes = list(herbarium2021.read(replica / "data").classes)
    assert list(truth.columns) == ["recording_id", *classes]
    values = truth[classes].to_numpy()
    assert (values.sum(axis=1) == 1).all()
    assert values.sum(axis=0).max() <= 2
    template = herbarium2021.submission_template(replica / "data")
    table = herbarium2021.submission(template, dense(truth.recording_id, values, classes), None)
    assert list(table.Id) == list(range(15))
    assert [str(number) for number in table.Predicted] == list(truth[classes].idxmax(axis=1))


@pytest.mark.parametrize(("count", "total"), [(24, 480), (24, 72), (2, 6), (13, 40), (24, 75)])
def test_every_species_has_three_images_and_few_have_many(count, total):
    found = frequencies(count, total)
    assert len(found) == count
    assert sum(found) == total
    assert found == sorted(found, reverse=True)
    assert min(found) >= 3
    if total == 480:
        assert found[0] > 8 * found[-1]


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_same_seed_makes_the_same_bytes(replica, tmp_path):
    again, other = made(tmp_path / "again", processes=2), made(tmp_path / "other", seed=6)
    assert digests(replica) == digests(again)
    pictures = [
        {digest for name, digest in digests(folder).items() if name.endswith(".jpg")}
        for folder in (replica, other)
    ]
    assert len(pictures[0]) == 55
    assert not pictures[0] & pictures[1]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"train_recordings": 5}, "train_recordings: expected at least 6, 3 of each species, given 5"),
        ({"test_recordings": 131}, "test_recordings: expected at most 130, 10 of each species, given 131"),
    ],
)
def test_a_replica_too_small_or_too_large_is_refused(tmp_path, changes, said):
    with pytest.raises(InputError, match=re.escape(said)):
        made(tmp_path, settings={**SYNTHETIC, **changes})
