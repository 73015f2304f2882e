"""Prints a CycloneDX 1.5 bill of what the program is made of: `python3 infra/sbom.py [PACKAGE] [FEATURE …]`.

What cargo links into PACKAGE (`local` unless told otherwise) on Linux, without what only tests and builds use; licences as
the crates state them, and digests from Cargo.lock. The same tree always gives the same text.
"""

import hashlib
import json
import pathlib
import subprocess
import sys
import tomllib
import uuid

ROOT = pathlib.Path(__file__).parent.parent
TARGET = "x86_64-unknown-linux-gnu"
REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"


def described():
    """Each package that may be linked in, by name and version."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", TARGET, "--manifest-path", ROOT / "Cargo.toml"]
    packages = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["packages"]
    return {(one["name"], one["version"]): one for one in packages}


def linked(package, features):
    """The package and what is compiled into it, in cargo's order, each with what it needs: by cargo's own tree of this package
    alone, since other packages of the workspace ask for more. Not what runs only at build time."""
    command = ["cargo", "tree", "--locked", "--package", package, "--target", TARGET, "--manifest-path", ROOT / "Cargo.toml"]
    command += ["--edges", "normal,no-proc-macro", "--prefix", "depth", "--format", " {p}"]
    if features:
        command += ["--no-default-features", "--features", ",".join(features)]
    needs, above = {}, []
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        depth, name, version = line.split()[:3]
        one = (name, version.removeprefix("v"))
        above[int(depth) :] = [one]
        needs.setdefault(one, set())
        if len(above) > 1:
            needs[above[-2]].add(one)
    return needs


def digests():
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    return {(one["name"], one["version"]): one["checksum"] for one in lock["package"] if "checksum" in one}


def component(package, checksums):
    name, version = package["name"], package["version"]
    described = {
        "type": "library",
        "bom-ref": f"{name}@{version}",
        "name": name,
        "version": version,
        "purl": f"pkg:cargo/{name}@{version}",
        "scope": "required",
    }
    if package["license"]:
        # The older way to write OR.
        described["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    if checksum := checksums.get((name, version)):
        described["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return described


def bill(package, features):
    packages, needs, checksums = described(), linked(package, features), digests()
    root = next(iter(needs))
    ref = lambda one: "@".join(one)
    unknown = [ref(one) for one in needs if packages[one]["source"] not in (None, REGISTRY)]
    if unknown:
        sys.exit(f"from elsewhere than the registry: {unknown}")
    components = sorted((component(packages[one], checksums) for one in needs if one != root), key=lambda one: one["bom-ref"])
    program = component(packages[root], checksums) | {"type": "application", "name": "carillon"}
    text = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": program},
        "components": components,
        "dependencies": sorted(({"ref": ref(one), "dependsOn": sorted(map(ref, needs[one]))} for one in needs), key=lambda one: one["ref"]),
    }
    digest = hashlib.sha256(json.dumps(text, sort_keys=True).encode()).digest()
    return {**text, "serialNumber": f"urn:uuid:{uuid.UUID(bytes=digest[:16], version=4)}"}


if __name__ == "__main__":
    given = sys.argv[1:] or ["local"]
    print(json.dumps(bill(given[0], given[1:]), indent=2))
