"""The report of a finished run as a browser shows it, and Snakemake's own report of it."""

import base64
import html
import json
import re
import shutil
import subprocess

import browser
import matplotlib.image
import pytest
from workflow import ROOT

pytestmark = pytest.mark.slow

# So that it says what a page logs.
FLAGS = [*browser.FLAGS, "--enable-logging=stderr", "--v=0"]


@pytest.fixture
def browse(tmp_path):
    """A function that opens a page's text in a headless browser and gives the finished process."""
    program = browser.program()
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(browser.BROWSERS)} is installed")

    def opened(text, *flags):
        page = tmp_path / "page.html"
        page.write_text(text, encoding="utf-8")
        command = [program, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", *flags, page.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done

    return opened


@pytest.fixture(scope="session")
def page(first):
    return (first / "results/small/report.html").read_text(encoding="utf-8")


def framed(text, width):
    """A page that shows another one `width` pixels wide and has for its title how wide that one's content is.

    In a frame, as a browser's own window cannot be as narrow as a phone's.
    """
    measure = "document.title = this.contentDocument.documentElement.scrollWidth"
    style = f"border: 0; width: {width}px; height: 1500px"
    return f'<title></title><body style="margin: 0"><iframe style="{style}" onload="{measure}" srcdoc="{html.escape(text)}">'


def complaints(done):
    return [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_fits_its_window_without_a_complaint(browse, page, width):
    done = browse(framed(page, width), "--dump-dom", "--window-size=1400,1600")
    assert f"<title>{width}</title>" in done.stdout
    assert not complaints(done)


def test_what_does_not_fit_or_complains_is_noticed(browse, page):
    wide = page.replace(
        "<main>", '<main><div style="width: 700px">wide</div><script>console.error("no")</script>'
    )
    done = browse(framed(wide, 360), "--dump-dom", "--window-size=1400,1600")
    assert int(re.search(r"<title>(\d+)</title>", done.stdout)[1]) > 700
    assert complaints(done)
    done = browse(page.replace("<main>", '<main><img src="http://nowhere.example/x.png">'), "--dump-dom")
    assert complaints(done)


@pytest.mark.parametrize("width", [500, 1280])
def test_the_page_shows_something(browse, page, tmp_path, width):
    picture = tmp_path / "picture.png"
    done = browse(page, f"--window-size={width},3000", f"--screenshot={picture}")
    assert not complaints(done)
    grey = matplotlib.image.imread(picture)[..., :3].mean(axis=2)
    assert grey.shape == (3000, width)
    # There is something on every screen of the page, and most of it is light.
    for screen in range(0, 3000, 750):
        assert (grey[screen : screen + 750] < 0.5).mean() > 0.003
    assert (grey > 0.9).mean() > 0.5


def test_the_page_prints(browse, page, tmp_path):
    paper = tmp_path / "paper.pdf"
    browse(page, "--no-pdf-header-footer", f"--print-to-pdf={paper}")
    assert paper.read_bytes().startswith(b"%PDF")


def test_snakemakes_own_report_carries_the_figures_with_captions(
    run_snakemake, first, folder, small, tmp_path
):
    place, run = tmp_path / "snakemake.html", tmp_path / "run"
    shutil.copytree(first, run)
    run_snakemake(run, "--report", str(place), config=small(data=str(folder)))
    found = json.loads(re.search(r"^ *var results = (\{.*\});$", place.read_text(), flags=re.M)[1])
    out = run / "results/small"
    files = sorted(
        [*(out / "figures").iterdir(), out / "report.html", out / "scores.json", out / "submission.csv"]
    )
    assert len(files) == 8
    assert sorted(found) == [str(file.relative_to(run)) for file in sorted(files, key=str)]
    for file in files:
        entry = found[str(file.relative_to(run))]
        assert base64.b64decode(entry["data_uri"].partition("base64,")[2]) == file.read_bytes()
        caption = (ROOT / "report" / f"{file.stem}.rst").read_text().split()
        assert html.unescape(re.sub(r"<[^>]+>", "", entry["caption"])).split() == caption


def test_the_page_holds_the_figures_that_lie_beside_it(first, page):
    figures = sorted((first / "results/small/figures").iterdir())
    assert len(figures) == 5
    for figure in figures:
        # Too few labels are known to be absent for a precision-recall curve.
        shown = figure.stem != "precision_recall"
        assert (base64.b64encode(figure.read_bytes()).decode() in page) == shown


def test_the_page_says_what_ran(page):
    for rule in ("train_fold", "compute_features", "ensemble_folds"):
        assert re.search(
            rf'<th scope="row">{rule}</th><td class="n">\d+</td><td class="n">[\d.]+ (s|min)', page
        )
    assert re.search(
        r"<th scope=\"row\">understory</th><td>([0-9a-f]{12}( with local changes)?|no git checkout)</td>",
        page,
    )
    assert re.search(r"<th scope=\"row\">tensorflow</th><td>2\.\d+", page)
