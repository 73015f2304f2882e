"""Prints a CycloneDX 1.5 bill of what the program is made of: `python3 infra/sbom.py [PACKAGE] [FEATURE …]`.

What `cargo metadata` resolves for PACKAGE (`local` unless told otherwise) on Linux, without what only tests and builds
use; licences as the crates state them, and digests from Cargo.lock. The same tree always gives the same text.
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


def resolved(package, features):
    """The metadata of the workspace with these features of one package, and of no other."""
    manifest = next(path for path in ROOT.glob("*/*/Cargo.toml") if tomllib.loads(path.read_text())["package"]["name"] == package)
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", TARGET, "--manifest-path", manifest]
    if features:
        command += ["--no-default-features", "--features", ",".join(features)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def linked(metadata, root):
    """Ids of the packages that are compiled in, each with those that it needs; not what runs only at build time."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    needs, waiting = {}, [root]
    while waiting:
        one = waiting.pop()
        if one in needs:
            continue
        normal = [dep["pkg"] for dep in nodes[one]["deps"] if any(kind["kind"] is None for kind in dep["dep_kinds"])]
        needs[one] = sorted(normal)
        waiting += normal
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
    metadata = resolved(package, features)
    by_id = {one["id"]: one for one in metadata["packages"]}
    root = next(one["id"] for one in metadata["packages"] if one["name"] == package and one["source"] is None)
    needs, checksums = linked(metadata, root), digests()
    ref = lambda one: f"{by_id[one]['name']}@{by_id[one]['version']}"
    unknown = [ref(one) for one in needs if by_id[one]["source"] not in (None, REGISTRY)]
    if unknown:
        sys.exit(f"from elsewhere than the registry: {unknown}")
    described = sorted((component(by_id[one], checksums) for one in needs if one != root), key=lambda one: one["bom-ref"])
    program = component(by_id[root], checksums) | {"type": "application", "name": "carillon"}
    text = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": program},
        "components": described,
        "dependencies": sorted(({"ref": ref(one), "dependsOn": sorted(map(ref, needs[one]))} for one in needs), key=lambda one: one["ref"]),
    }
    digest = hashlib.sha256(json.dumps(text, sort_keys=True).encode()).digest()
    return {**text, "serialNumber": f"urn:uuid:{uuid.UUID(bytes=digest[:16], version=4)}"}


if __name__ == "__main__":
    given = sys.argv[1:] or ["local"]
    print(json.dumps(bill(given[0], given[1:]), indent=2))
