"""`jobs/Containerfile` without a container: its steps in order, in empty folders that stand for the image's root.

Absolute paths of the file lie below a temporary folder; a stage starts with an empty one, and sees of the checkout and
of an earlier stage only what its COPY names. Not checked here: the base image, and its packages.
"""

import json
import os
import re
import shlex
import shutil
import stat
import string
import subprocess
import sys
import sysconfig
import tempfile
from importlib.metadata import distributions
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
CONTAINERFILE = REPOSITORY / "jobs" / "Containerfile"
USER = 10001
NO_LONGER_THE_NEWEST = ("tqdm", "4.67.1", "26445eca388f82e72884e0d580d5464cd801a3ea01e63e5601bdff9ba6a48de2")
"""A version that pip takes only where it reads the lock, with the hash of its wheel."""
REGISTRY = re.compile(
    r"PIP_(CERT|DEFAULT_TIMEOUT|(EXTRA_)?INDEX_URL|FIND_LINKS|TRUSTED_HOST)|\w+_proxy|SSL_CERT_FILE", re.IGNORECASE
)
"""Variables of this machine that a build needs too: where packages come from."""


def instructions(text):
    """(word, rest) of each instruction; comment lines dropped, continued lines joined."""
    lines = re.sub(r"^[ \t]*#.*\n", "", text, flags=re.MULTILINE)
    for line in re.sub(r"\\\n", " ", lines).splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield word, rest.strip()


def execute(command, *, expect=0, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, **options)
    assert done.returncode == expect, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class Build:
    """Executes instructions; afterwards `start` is a container of the last stage.

    A step that it does not know is an error, as is a variable that nobody set.
    """

    def __init__(self, folder, context, machine):
        self.root, self.stages, self.context, self.machine = folder / "root", folder / "stages", context, machine
        self.arguments, self.name = None, ""
        self.globals = {}
        self.stages.mkdir()

    def run(self, text):
        for word, rest in instructions(text):
            step = getattr(self, f"step_{word.lower()}", None)
            assert step, f"not known: {word}"
            assert word.isupper(), f"not known: {word}"
            assert self.arguments is not None or word in {"ARG", "FROM"}, f"{word} before FROM"
            step(rest)

    def below(self, text):
        """`text` with its absolute paths below this build's folder."""
        return re.sub(r"(?<![\w.$}/])/(?=\w)", f"{self.root}/", text)

    def fill(self, text):
        return string.Template(self.below(text)).substitute(self.arguments | self.environment)

    def path(self, text):
        return self.folder / self.fill(text)

    def step_arg(self, rest):
        name, equals, value = rest.partition("=")
        assert equals, f"ARG {name} without a value must be given to the build"
        (self.globals if self.arguments is None else self.arguments)[name] = value

    def step_from(self, rest):
        known = re.fullmatch(r"\$\{BASE\}(?: AS (\w+))?", rest)
        assert known, f"not known: FROM {rest}"
        assert self.globals["BASE"]
        if self.arguments is not None:
            self.root.rename(self.stages / self.name)
        self.root.mkdir(mode=0o755)
        self.name, self.folder, self.user = known[1] or "last", self.root, 0
        self.arguments, self.environment = {}, dict(self.machine)
        self.entrypoint, self.command = [], []

    def step_env(self, rest):
        pairs = [pair.partition("=") for pair in shlex.split(self.fill(rest))]
        assert all(equals for _, equals, _ in pairs), f"not known: ENV {rest}"
        self.environment |= {name: value for name, _, value in pairs}

    def step_workdir(self, rest):
        self.folder = self.path(rest)
        self.folder.mkdir(parents=True, exist_ok=True)

    def step_copy(self, rest):
        words = shlex.split(rest)
        origin = self.context
        if words[0].startswith("--from="):
            origin = self.stages / words.pop(0).removeprefix("--from=")
            assert origin.is_dir(), f"no stage {origin.name}"
        *sources, target = words
        assert sources, f"not known: COPY {rest}"
        assert not re.search(r"^-|[*?\[]", " ".join(sources)), f"not known: COPY {rest}"
        into = self.path(target)
        assert len(sources) == 1 or target.endswith("/"), f"COPY of several needs a folder: {rest}"
        for source in sources:
            found = origin / source.lstrip("/")
            if found.is_dir():
                shutil.copytree(found, into, symlinks=True, dirs_exist_ok=True)
            else:
                file = into / found.name if target.endswith("/") else into
                file.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(found, file)

    def step_run(self, rest):
        assert not rest.startswith(("-", "[", "<<")), f"not known: RUN {rest}"
        assert self.user == 0, "packages are installed by root, before USER"
        environment = {**self.arguments, **self.environment}
        execute(["/bin/sh", "-c", self.below(rest)], cwd=self.folder, env=environment, umask=0o022)

    def step_user(self, rest):
        user, _, group = rest.partition(":")
        assert user == group == str(int(user)), "a number, so that Kubernetes sees that it is not root"
        self.user = int(user)

    def step_entrypoint(self, rest):
        self.entrypoint, self.command = json.loads(rest), []

    def step_cmd(self, rest):
        self.command = json.loads(rest)

    def start(self, *arguments):
        """What `podman run IMAGE ARGUMENTS` prints; as the image's user where this is root."""
        rights = {"user": self.user, "group": self.user, "extra_groups": []} if os.geteuid() == 0 else {}
        environment = self.environment | {"HOME": str(self.root)}
        return execute([*self.entrypoint, *(arguments or self.command)], cwd=self.folder, env=environment, **rights)


def python_for_all(folder):
    """The tests' own Python, and where its library lies.

    A copy where it is in somebody's home, which the image's user cannot enter.
    """
    rights = {"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}
    python, stdlib = Path(sys._base_executable), Path(sysconfig.get_path("stdlib"))

    def runs(**environment):
        command = [python, "-c", "import ensurepip, ssl"]
        try:
            subprocess.run(command, check=True, capture_output=True, cwd="/", env=environment, **rights)
        except (OSError, subprocess.CalledProcessError):
            return False
        return True

    if runs():
        return python, {}
    unused = shutil.ignore_patterns("site-packages", "test", "tests", "__pycache__", "config-*")
    shutil.copytree(stdlib, folder / "lib" / stdlib.name, symlinks=True, ignore=unused)
    for library in stdlib.parent.glob("libpython3*.so*"):
        shutil.copy(library, folder / "lib")
    (folder / "bin").mkdir()
    python = Path(shutil.copy(python, folder / "bin" / "python3"))
    environment = {"LD_LIBRARY_PATH": str(folder / "lib")}
    if not runs(**environment):
        pytest.skip(f"{sys._base_executable} has no ensurepip, or user {USER} cannot run it")
    return python, environment


def open_folder():
    """Not pytest's: that is closed to other users."""
    with tempfile.TemporaryDirectory(prefix="finner-container-") as made:
        Path(made).chmod(0o755)
        yield Path(made).resolve()


folder = pytest.fixture(open_folder)
base = pytest.fixture(open_folder, scope="module")


@pytest.fixture(scope="module")
def machine(base):
    """The environment of the base image: python3 with ensurepip, so that apt-get has nothing to do."""
    programs = base / "bin"
    programs.mkdir()
    python, environment = python_for_all(base / "python")
    for name, line in {
        "python3": f'exec {python} "$@"',
        "apt-get": "echo 'apt-get, although python3 is here' >&2; exit 1",
        **({} if os.geteuid() == 0 else {"chown": "exit 0"}),  # without rights the run is one's own, as is the folder
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    registry = {name: value for name, value in os.environ.items() if REGISTRY.fullmatch(name)}
    return {"PATH": f"{programs}:/usr/bin:/bin", "HOME": os.environ["HOME"], **registry, **environment}


@pytest.mark.slow
def test_the_steps_of_the_containerfile_end_in_an_image_that_reads_filings_as_a_user_without_rights(folder, machine):
    context = folder / "context"
    context.mkdir()
    for path in REPOSITORY.iterdir():
        (context / path.name).symlink_to(path)
    (context / "requirements").unlink()
    shutil.copytree(REPOSITORY / "requirements", context / "requirements")
    lock = context / "requirements" / "job.txt"
    name, version, digest = NO_LONGER_THE_NEWEST
    own = f"{name}=={version} \\\n    --hash=sha256:{digest}\n"
    lock.write_text(re.sub(rf"^{name}==.*\n(?: +--hash.*\n)+", lambda _: own, lock.read_text(), flags=re.MULTILINE))
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)", lock.read_text(), re.MULTILINE))

    image = Build(folder, context, machine)
    image.run(CONTAINERFILE.read_text())

    (packages,) = (image.root / "opt/finner/lib").glob("python3*/site-packages")
    installed = {one.name.lower().replace("_", "-"): one.version for one in distributions(path=[str(packages)])}
    for other in ("pip", "setuptools", "finner-batch"):
        installed.pop(other, None)
    assert installed[name] == version
    assert installed == {name: pins[name] for name in installed}

    assert image.user == USER
    assert image.start().startswith("Usage: finner-batch")
    shutil.copytree(REPOSITORY / "data" / "filings", image.root / "srv/finner/filings", dirs_exist_ok=True)
    (arguments,) = re.findall(r"podman run --rm .* finner-batch:\S+ \\\n# +(.*)", CONTAINERFILE.read_text())
    printed = re.match(r"(\d+) documents, (\d+) entities .*\(0 failed", image.start(*arguments.split()))
    assert printed
    assert int(printed[1]) > 3
    (counted,) = json.loads(image.start("query", "SELECT count(*) AS n FROM entities", "--json"))
    assert counted["n"] == int(printed[2]) > 0
    if os.geteuid() == 0:
        assert {path.stat().st_uid for path in (image.root / "srv/finner/results").rglob("*")} == {USER}
        others = [path for path in image.root.rglob("*") if path.lstat().st_uid != USER and not path.is_symlink()]
        assert not [path for path in others if path.stat().st_mode & stat.S_IWOTH]


@pytest.mark.parametrize(
    ("step", "why"),
    [
        ("ADD pyproject.toml ./", "not known"),
        ("copy pyproject.toml ./", "not known"),
        ("COPY --chown=1 pyproject.toml ./", "not known"),
        ("COPY data/label[s] data/labels", "not known"),
        ("COPY pyproject.toml LICENSE x", "needs a folder"),
        ("COPY --from=other /opt /opt", "no stage other"),
        ("RUN --mount=type=cache,target=/c true", "not known"),
        ("RUN test -e pyproject.toml", "pyproject"),
        ("RUN command -v no-such-python || { apt-get update; }", "although python3 is here"),
        ("USER nobody", "nobody"),
        ("ENV A", "not known"),
        ("&& true", "not known"),
    ],
)
def test_a_step_that_is_wrong_or_not_known_fails(step, why, folder, machine):
    image = Build(folder, REPOSITORY, machine)
    image.run("ARG BASE=b\nFROM ${BASE}\nRUN python3 -c 'import ensurepip' && \\\n# which the base has\n    true\n")
    with pytest.raises((AssertionError, ValueError), match=why):
        image.run(step)


def test_a_step_sees_neither_the_checkout_nor_the_variables_nor_the_earlier_stage(folder, machine, monkeypatch):
    monkeypatch.setenv("FINNER_RUN_INPUT", "x")
    image = Build(folder, REPOSITORY, machine)
    with pytest.raises(FileNotFoundError):
        image.run("ARG BASE=b\nFROM ${BASE} AS one\nWORKDIR /src\nCOPY data/no-such-labels ./")
    with pytest.raises(KeyError):
        image.run("ENV A=${NOBODY_SET_THIS}")
    image.run('RUN test -z "$FINNER_RUN_INPUT" && test "$(ls)" = "" && mkdir -p /a/b && touch /a/b/c')
    image.run("FROM ${BASE}\nRUN test ! -e /src && test ! -e /a\nCOPY --from=one /a/b /d/\nRUN test -e /d/c")
