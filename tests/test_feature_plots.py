"""Pictures of sound files: what is drawn is what the sheet holds, in its place on named axes, one PNG a file."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
import soundfile
from PIL import Image

from hf_ser.errors import AudioError, StorageError
from hf_ser.feature_plots import draw_sheet, plot_features
from hf_ser.feature_sheets import make_sheets
from hf_ser.feature_views import FeatureView, Sheet
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor
from tests.conftest import tone


@pytest.fixture
def clips(tmp_path):
    for index, name in enumerate(("a", "b")):
        soundfile.write(tmp_path / f"{name}.wav", tone(0.4, 440 * (index + 1), seed=index), 16_000)
    return [tmp_path / "a.wav", tmp_path / "b.wav"]


def make_sheet(kind="mel", before=None, after=None, waveform=None, box=None, is_augmented=True, **options):
    extractor = SpectrogramFeatureExtractor(kind=kind, **options)
    waveform = tone(0.4, sampling_rate=extractor.sampling_rate) if waveform is None else waveform
    before = extractor(waveform)["input_features"][0] if before is None else before
    view = FeatureView(extractor, before, before if after is None else after, "Changed", box)
    return Sheet("a.wav", "0.4 s", extractor.sampling_rate, waveform, waveform, "Noise", [view], is_augmented)


def named(figure, title):
    """The axes of this title."""
    return next(axes for axes in figure.axes if axes.get_title(loc="left") == title)


def test_the_images_hold_the_features_with_time_across_and_low_frequencies_at_the_bottom(clips):
    _, sheet = next(make_sheets(clips))
    figure = draw_sheet(sheet)
    images = [axes.images[0] for axes in figure.axes if axes.images and axes.get_title(loc="left")]
    drawn = [(view.before, view.after) for view in sheet.views]
    for image, features in zip(images, [side for pair in drawn for side in pair], strict=True):
        np.testing.assert_array_equal(image.get_array(), features.T)
        assert image.origin == "lower"
    assert [image.get_cmap().name for image in images[::2]] == ["jet", "magma", "RdBu_r", "RdBu_r"]


def test_frequencies_are_in_khz_and_frames_at_their_seconds():
    figure = draw_sheet(make_sheet("spectrogram"))  # 257 rows 31.25 Hz apart, frames 8 ms apart
    axes = named(figure, "Spectrogram")
    left, right, bottom, top = axes.images[0].get_extent()
    assert (left, bottom) == (-0.004, -0.015625)
    assert (right, top) == (pytest.approx(50.5 * 0.008), pytest.approx(8.015625))
    assert axes.get_ylabel() == "Frequency (kHz)"
    assert axes.get_xlabel() == "Time (s)"


def test_rows_of_slopes_are_neither_frequencies_nor_below_0_db():
    sheet = make_sheet("spectrogram", deltas=1)  # 257 rows, and as many slopes
    axes = named(draw_sheet(sheet), "Spectrogram")
    image = axes.images[0]
    assert (axes.get_ylabel(), image.get_extent()[3]) == ("Row", 513.5)
    assert image.get_clim() == (sheet.views[0].before.min(), sheet.views[0].before.max())
    assert image.get_clim()[1] > 0


def test_both_sides_share_the_colours_and_the_time_axis():
    figure = draw_sheet(make_sheet())
    left, right = named(figure, "Mel spectrogram"), named(figure, "Changed")
    assert left.images[0].get_clim() == right.images[0].get_clim() == (-80, 0)
    assert left.get_xlim() == right.get_xlim() == named(figure, "Waveform").get_xlim() == (0, 0.4)
    assert "dB re maximum" in [axes.get_ylabel() for axes in figure.axes]


def test_the_blocks_of_a_composite_are_named_and_parted():
    axes = named(draw_sheet(make_sheet("composite")), "Composite")
    names = [label.get_text().replace("\n", " ") for label in axes.get_yticklabels()]
    assert names == ["MFCC", "mel", "chroma", "contrast", "tonnetz", "harmonic + percussive mel"]
    # 13 MFCC, 128 mel, 12 chroma, 7 contrast, 6 tonnetz, 64: a line between two rows
    assert [line.get_ydata()[0] for line in axes.lines] == [12.5, 140.5, 152.5, 159.5, 165.5]
    assert axes.get_yticks()[1] == 12.5 + 64


def test_no_two_texts_of_a_sheet_overlap(clips):
    _, sheet = next(make_sheets(clips))
    figure = draw_sheet(sheet)
    figure.draw_without_rendering()
    texts = [*figure.texts]
    for axes in figure.axes:
        texts += [axes._left_title, axes.xaxis.label, axes.yaxis.label]
        for axis, shown in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            ticks = [tick for tick in axis.get_major_ticks() if min(shown) <= tick.get_loc() <= max(shown)]
            texts += [label for tick in ticks for label in (tick.label1, tick.label2)]
    boxes = [text.get_window_extent() for text in texts if text.get_visible() and text.get_text()]
    assert len(boxes) > 50
    for index, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[index + 1 :])


def test_the_box_of_cutmix_is_framed_on_the_right():
    figure = draw_sheet(make_sheet("mel", box=(5, 10, 20, 60)))  # frames 16 ms apart
    [white, black] = named(figure, "Changed").patches
    for frame in (white, black):
        assert frame.get_xy() == (pytest.approx(4.5 * 0.016), 19.5)
        assert (frame.get_width(), frame.get_height()) == (pytest.approx(5 * 0.016), 40)
    assert not named(figure, "Mel spectrogram").patches


def test_a_sheet_without_augmentation_has_one_side():
    titles = [axes.get_title(loc="left") for axes in draw_sheet(make_sheet(is_augmented=False)).axes]
    assert [title for title in titles if title] == ["Waveform", "Mel spectrogram"]


def test_the_network_s_own_colours_win():
    sheet = make_sheet()
    [view] = sheet.views
    sheet.views[0] = FeatureView(view.extractor, view.before, view.after, "Changed", None, "jet", [-60.0, 0.0])
    image = named(draw_sheet(sheet), "Changed").images[0]
    assert (image.get_cmap().name, image.get_clim()) == ("jet", (-60, 0))


def test_the_loudness_does_not_outshine_the_other_coefficients():
    features = np.ones((10, 128), np.float32)
    features[:, 0] = -500
    assert named(draw_sheet(make_sheet("mfcc", features)), "MFCC").images[0].get_clim() == (-1, 1)
    alone = make_sheet("mfcc", features[:, :1], n_mfcc=1)
    assert named(draw_sheet(alone), "MFCC").images[0].get_clim() == (-500, 500)


@pytest.mark.parametrize("options", [{"scale": "power"}, {"scale": "log"}, {"top_db": None}, {"db_reference": 1.0}])
def test_other_scales_span_what_there_is(options):
    sheet = make_sheet("mel", **options)
    image = named(draw_sheet(sheet), "Mel spectrogram").images[0]
    assert image.get_clim() == (sheet.views[0].before.min(), sheet.views[0].before.max())


@pytest.mark.parametrize("kind", ["spectrogram", "mel", "mfcc", "composite"])
def test_silence_and_a_single_sample_are_drawn_without_a_warning(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for waveform in (np.zeros(8000, np.float32), np.ones(1, np.float32)):
            draw_sheet(make_sheet(kind, waveform=waveform)).draw_without_rendering()


def test_each_sample_of_a_waveform_is_drawn_at_its_second():
    waveform = tone(0.5)
    [line] = named(draw_sheet(make_sheet(waveform=waveform)), "Waveform").lines
    seconds, values = line.get_data()
    np.testing.assert_array_equal(values, waveform)
    np.testing.assert_allclose(seconds, np.linspace(0, 0.5, 8_000, endpoint=False), atol=1e-12)


def test_dollars_in_a_name_are_no_formula():
    sheet = make_sheet()
    figure = draw_sheet(Sheet("$x_1$ {.wav", *list(vars(sheet).values())[1:]))
    figure.draw_without_rendering()
    assert figure.get_suptitle() == "$x_1$ {.wav"


def test_each_file_gets_a_picture_of_its_own_and_the_size_is_readable(tmp_path):
    files = []
    for folder, name in (("one", "a.wav"), ("two", "A.wav"), ("two", "a.flac"), ("two", "a-2.wav")):
        (tmp_path / folder).mkdir(exist_ok=True)
        files.append(tmp_path / folder / name)
        soundfile.write(files[-1], tone(0.1), 16_000)
    drawings = list(plot_features(files, tmp_path / "pictures" / "new"))
    assert [drawing.file for drawing in drawings] == files
    names = [drawing.picture.name for drawing in drawings]
    assert names == ["a.png", "A-2.png", "a-3.png", "a-2-2.png"]
    assert {path.name for path in (tmp_path / "pictures" / "new").iterdir()} == set(names)
    with Image.open(drawings[0].picture) as image:
        assert image.format == "PNG"
        assert min(image.size) > 1000
        assert np.asarray(image.convert("L")).std() > 10


def test_a_bad_file_is_reported_and_the_others_are_drawn(clips, tmp_path):
    clips[0].write_bytes(b"")
    bad, good = plot_features(clips, tmp_path / "out")
    assert (bad.picture, good.error) == (None, None)
    assert isinstance(bad.error, AudioError)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.png"]


def test_a_folder_that_cannot_be_written_is_named(clips):
    with pytest.raises(StorageError, match=r"`.*a\.wav` cannot be written"):
        next(plot_features(clips, clips[0]))


def test_a_happy_and_an_angry_clip_are_drawn(emodb, tmp_path):
    files = [emodb / "wav" / name for name in ("03a01Fa.wav", "03a01Wa.wav")]
    drawings = list(plot_features(files, tmp_path))
    assert [drawing.picture.name for drawing in drawings] == ["03a01Fa.png", "03a01Wa.png"]


def test_pictures_leave_pyplot_alone():
    code = "import sys, hf_ser.feature_plots; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
