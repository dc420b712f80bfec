"""The repository as tools/tidy sees it: its files, its C sources, and the layers that src/layers.txt states."""
import dataclasses
import pathlib
import subprocess

from source import Source

C_FOLDERS = ("src", "include", "backends", "tests")
SKIPPED = ("build/", "tests/data/", "tools/golden/data/", ".git/")


@dataclasses.dataclass
class Folder:
    layer: int
    headers: list  # of other libraries, which it alone may see


def read_layers(text):
    """Folder name -> Folder, of lines `layer name header…`; # starts a comment."""
    folders = {}
    for line in text.splitlines():
        fields = line.split("#")[0].split()
        if fields:
            folders[fields[1]] = Folder(int(fields[0]), fields[2:])
    return folders


def list_files(root):
    """Paths of all files that are, or could be, committed."""
    git = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                         capture_output=True, text=True, check=False) if (root / ".git").exists() else None
    if git is not None and git.returncode == 0:
        names = set(git.stdout.split("\0")) - {""}
    else:
        names = {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}
    return sorted(n for n in names
                  if not n.startswith(SKIPPED) and "__pycache__" not in n and (root / n).is_file())


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.files = list_files(self.root)
        self.known = set(self.files)
        self.layers = read_layers((self.root / "src/layers.txt").read_text())
        self.sources = {n: Source(n, self.text_of(n)) for n in self.files
                        if n.endswith((".c", ".h")) and n.startswith(C_FOLDERS)}

    def text_of(self, name):
        """A file's text; empty for one that is not UTF-8 (an image, a model)."""
        try:
            return (self.root / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            return ""

    def resolve(self, source, include):
        """The path of the file of ours that is included, or None: it is the system's or another library's."""
        own = pathlib.PurePosixPath(source.path).parent
        places = ["src", "include", "backends", "tests"] + ([str(own)] if include.quoted else [])
        if source.path.startswith("backends/"):
            places.insert(0, "/".join(source.path.split("/")[:2]))
        for place in places:
            path = f"{place}/{include.name}"
            if path in self.known:
                return path
        return None


def area_of(path):
    """('src', 'kit') of src/kit/x.h; ('backends', 'echo'); ('include', 'aether'); ('tests', 'unit')."""
    parts = path.split("/")
    return parts[0], parts[1] if len(parts) > 2 else ""
