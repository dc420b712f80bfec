#!/usr/bin/env python3
"""Writes what the built programs and plug-ins are linked with, as SPDX 2.3 JSON, and the notices that their licences
ask for.

    sbom.py BUILD_DIR       BUILD_DIR/sbom.spdx.json and BUILD_DIR/third-party.txt
    sbom.py --check FILE    fails when FILE is no such list

Shared libraries are read from the files themselves (the NEEDED entries), their packages and versions from dpkg where
it is, otherwise from pkg-config. Licences come from tools/deps/apt.txt; a library without one there fails. Pinned
sources come from tools/deps/pinned.json.
"""
import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def say(*command):
    """What a command prints; empty when it is absent or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        return ""
    return done.stdout if done.returncode == 0 else ""


def built_files(build):
    return sorted(p for p in [*build.glob("bin/*"), *build.glob("lib/aether/*.so")] if p.is_file())


def linked_libraries(files):
    """Soname -> path of each library that a file asks for by itself."""
    found = {}
    for file in files:
        needed = re.findall(r"\(NEEDED\).*\[(.+)\]", say("readelf", "-d", str(file)))
        paths = dict(re.findall(r"^\s*(\S+) => (/\S+)", say("ldd", str(file)), re.M))
        for soname in needed:
            found[soname] = os.path.realpath(paths[soname]) if soname in paths else None
    return found


def apt_rows():
    """(package, found by, library names, licence) of each line of apt.txt that gets linked."""
    for line in (HERE / "apt.txt").read_text().splitlines():
        fields = line.split(None, 3)
        if len(fields) == 4 and not line.startswith("#") and fields[2] != "-":
            yield fields[0], fields[1], fields[2].split(","), fields[3]


def row_of(soname):
    for row in apt_rows():
        if any(soname.startswith(name + end) for name in row[2] for end in (".", "-")):
            return row
    sys.exit(f"sbom: {soname} is linked, but no line of tools/deps/apt.txt has it in its third column: add it there, "
             "with its licence")


def package_of(soname, path):
    """(name, version) of what the library comes from."""
    row = row_of(soname)
    owners = say("dpkg-query", "-S", path) or say("dpkg-query", "-S", path.replace("/usr/lib", "/lib", 1)) if path else ""
    if owners:
        package = owners.split(": ")[0].split(",")[0]
        return package.split(":")[0], say("dpkg-query", "-W", "-f", "${Version}", package)
    module = row[1][4:] if row[1].startswith("pkg:") else ""
    return row[2][0], (module and say("pkg-config", "--modversion", module).strip()) or "NOASSERTION"


def spdx_package(name, version, licence, **more):
    ident = re.sub(r"[^A-Za-z0-9.-]", "-", name)
    return {"name": name, "SPDXID": f"SPDXRef-{ident}", "versionInfo": version, "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False, "licenseConcluded": licence, "licenseDeclared": licence,
            "copyrightText": "NOASSERTION", **more}


def purl(locator):
    return [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": locator}]


def system_packages(files):
    packages = {}
    for soname, path in sorted(linked_libraries(files).items()):
        name, version = package_of(soname, path)
        packages[name] = spdx_package(name, version, row_of(soname)[3],
                                      externalRefs=purl(f"pkg:deb/debian/{name}@{version}"))
    return list(packages.values())


def source_version(folder, version_from):
    text = (folder / version_from[0]).read_text()
    return ".".join(re.search(rf"#define\s+{name}\s+(\d+)", text).group(1) for name in version_from[1:])


def pinned_sources():
    """What is compiled in: every source, and the engines that were built."""
    pinned = json.loads((HERE / "pinned.json").read_text())
    for name, item in [*pinned["sources"].items(), *pinned["engines"].items()]:
        folder = ROOT / "build" / item["into"]
        if name in pinned["sources"] or (folder / "lib").is_dir():
            yield name, item, folder


def pinned_packages():
    for name, item, folder in pinned_sources():
        linked = item["linked"]
        version = linked.get("version") or source_version(folder, linked["version_from"])
        for part, part_version in {linked["name"]: version, **linked.get("holds", {})}.items():
            yield spdx_package(
                part, part_version, linked["licence"], copyrightText=linked["copyright"],
                sourceInfo=f"from the source package {name} {item['version']}",
                checksums=[{"algorithm": "SHA256", "checksumValue": item["sha256"]}],
                externalRefs=purl(f"pkg:pypi/{name}@{item['version']}"))


def product_version():
    return re.search(r"project\(heimnetz VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text()).group(1)


def created():
    """The time of the commit (or SOURCE_DATE_EPOCH), so that the same sources give the same list."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH") or say("git", "-C", str(ROOT), "log", "-1", "--format=%ct").strip()
    when = datetime.datetime.fromtimestamp(int(epoch or 0), datetime.timezone.utc)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def document(files):
    product = spdx_package("heimnetz", product_version(), "MIT", copyrightText="Heimnetz contributors")
    packages = [*pinned_packages(), *system_packages(files)]
    key = hashlib.sha256(json.dumps(packages, sort_keys=True).encode()).hexdigest()[:16]
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", product["SPDXID"])]
    relations += [(product["SPDXID"], "DEPENDS_ON", p["SPDXID"]) for p in packages]
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"heimnetz-{product['versionInfo']}",
        "documentNamespace": f"urn:heimnetz:sbom:{product['versionInfo']}:{key}",
        "creationInfo": {"created": created(), "creators": ["Tool: heimnetz-sbom"]},
        "packages": [product, *packages],
        "relationships": [{"spdxElementId": a, "relationshipType": kind, "relatedSpdxElement": b}
                          for a, kind, b in relations],
    }


def comment_with(text, words):
    """The first comment of a C file that has these words, without its frame."""
    found = next(m for m in re.finditer(r"/\*(.*?)\*/", text, re.S) if words in m.group(1))
    return re.sub(r"^=+\n|=+$|^\*\* ?", "", found.group(1), flags=re.M)


def notices():
    """Licence texts of the sources that are compiled in."""
    parts = []
    for _, item, folder in pinned_sources():
        linked = item["linked"]
        text = (folder / linked["notice"]).read_text()
        if linked["notice"].endswith((".h", ".c")):
            text = comment_with(text, linked.get("notice_with", ""))
        parts.append(f"{linked['name']}\n\n{text.strip()}\n")
    return ("\n" + "-" * 72 + "\n\n").join(parts)


def check(path):
    """Fails unless the list is whole: what SPDX 2.3 demands of a document and of each package."""
    if not os.path.exists(path):
        sys.exit(f"sbom: no {path}: run 'make' first")
    doc = json.loads(pathlib.Path(path).read_text())
    assert doc["spdxVersion"] == "SPDX-2.3" and doc["dataLicense"] == "CC0-1.0" and doc["documentNamespace"]
    ids = [p["SPDXID"] for p in doc["packages"]]
    assert len(ids) == len(set(ids)), "an SPDXID appears twice"
    for package in doc["packages"]:
        assert package["name"] and package["downloadLocation"] and package["versionInfo"], package
        assert package["licenseDeclared"] not in ("", "NOASSERTION"), f"{package['name']} has no licence"
    for relation in doc["relationships"]:
        assert relation["relatedSpdxElement"] in ids, relation
    print(f"sbom: {len(ids) - 1} linked packages, each with version and licence")


def main(args):
    if len(args) == 2 and args[0] == "--check":
        return check(args[1])
    if len(args) != 1:
        sys.exit(__doc__)
    build = pathlib.Path(args[0])
    (build / "sbom.spdx.json").write_text(json.dumps(document(built_files(build)), indent=2) + "\n")
    (build / "third-party.txt").write_text(notices())


if __name__ == "__main__":
    main(sys.argv[1:])
