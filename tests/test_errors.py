"""Errors: the nearest name, a full disk however it is told, one line at the end."""

import errno
import subprocess
import sys

import pytest

from hf_ser import errors
from hf_ser.errors import HfSerError, RecipeError, StorageError, exit_in_one_line, suggest, writing


def test_every_error_is_in_the_tree_drawn_on_top():
    tree = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, HfSerError)}
    assert all(name in errors.__doc__ for name in tree)
    assert len(tree) == 8


def test_the_nearest_name_is_offered():
    assert suggest("backbome", ["seed", "backbone"]) == "Did you mean `backbone`?"


def test_several_near_names_are_all_offered():
    assert suggest("time_mask", ["seed", "time_masks", "time_mask_frames"]) == (
        "Did you mean `time_masks` or `time_mask_frames`?"
    )


def test_all_names_are_listed_in_order_where_none_is_near():
    assert suggest("xyz", iter(["seed", "fold"])) == "Valid: `fold`, `seed`."


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_named_with_the_target_and_the_remedy(number):
    message = r"^No space left while writing `runs/a`\. Free some space\.$"
    with pytest.raises(StorageError, match=message), writing("runs/a", "Free some space."):
        raise OSError(number, "the system says so")


def save_and_name_the_cause():
    try:
        raise OSError(errno.ENOSPC, "full")
    except OSError as error:
        raise RuntimeError("cannot save") from error


def save_and_stumble():
    try:
        raise OSError(errno.ENOSPC, "full")
    except OSError:
        raise RuntimeError("cannot save")  # noqa: B904 - the cause is left unsaid, as some libraries do


@pytest.mark.parametrize("save", [save_and_name_the_cause, save_and_stumble])
def test_a_full_disk_is_found_behind_the_error_of_a_library(save):
    with pytest.raises(StorageError), writing("runs/a", ""):
        save()


def test_a_folder_that_cannot_be_written_is_named():
    with pytest.raises(StorageError, match="`runs/a` cannot be written .*Read-only"), writing("runs/a", ""):
        raise OSError(errno.EROFS, "Read-only file system")


@pytest.mark.parametrize(
    "error", [OSError(errno.EAGAIN, "try again"), KeyError("os error 280"), RuntimeError("(os error 2)")]
)
def test_other_errors_pass_as_they_are(error):
    with pytest.raises(type(error)) as caught, writing("runs/a", ""):
        raise error
    assert caught.value is error


SAVE_TO_A_DISK_OF_ONE_MEGABYTE = """
import resource, sys
import numpy, pandas, safetensors.torch, torch
from PIL import Image
from hf_ser.errors import StorageError, writing

large = torch.rand(1 << 20)
writers = {
    "bytes": lambda path: open(path, "wb").write(bytes(1 << 22)),
    "safetensors": lambda path: safetensors.torch.save_file({"a": large}, path),
    "torch": lambda path: torch.save(large, path),
    "parquet": lambda path: pandas.DataFrame({"a": large.numpy()}).to_parquet(path),
    "png": lambda path: Image.fromarray((large.numpy() * 255).astype("uint8").reshape(1024, -1)).resize((4096, 1024)).save(path, "PNG"),
}
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
for name, write in writers.items():
    try:
        with writing(name, "Free some space."):
            write(sys.argv[1] + "/" + name)
    except StorageError as error:
        print(error)
"""  # noqa: E501 - a program, whose writers take a line each


def test_a_full_disk_is_recognised_whichever_library_writes(tmp_path):
    command = [sys.executable, "-c", SAVE_TO_A_DISK_OF_ONE_MEGABYTE, str(tmp_path)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    names = ("bytes", "safetensors", "torch", "parquet", "png")
    assert lines == [f"No space left while writing `{name}`. Free some space." for name in names]


def test_an_error_of_the_user_ends_the_program_with_one_line():
    with pytest.raises(SystemExit) as caught, exit_in_one_line():
        raise RecipeError("`seed` is 'x' (str); expected a whole number.")
    assert caught.value.code == "RecipeError: `seed` is 'x' (str); expected a whole number."


def test_the_exit_status_is_1_and_standard_error_holds_the_one_line():
    code = "from hf_ser.errors import *\nwith exit_in_one_line(): raise SplitError('too few')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "SplitError: too few\n")


def test_a_bug_of_ours_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), exit_in_one_line():
        _ = 1 / 0
