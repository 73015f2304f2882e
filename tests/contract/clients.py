"""Clients that others' generators make of the description: they must compile, and do what the README does."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parent / "clients"
ROOT = FOLDER.parents[2]
# Far above what it takes: a hang must end, too.
ENDED_WITHIN_S = 300
LANGUAGES = ("python", "typescript")


def run(*command, **how):
    """A command that must succeed; what it said is shown where it does not."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=ENDED_WITHIN_S, **how)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def readme_wish(service, callback):
    """The body that the README creates an instance with, with what the stand-ins know in the place of its capitals."""
    from service import CLIENT_ID, CLIENT_SECRET

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    body = re.search(r'"\$BASE/instances" -d \'(\{.*?^\})\'', text, re.DOTALL | re.MULTILINE)
    wish = json.loads(body[1])
    wish["providerData"]["code"] = service.code(wish["element"]["key"])
    wish["configuration"] |= {
        "oauth.api.key": CLIENT_ID,
        "oauth.api.secret": CLIENT_SECRET,
        "oauth.callback.url": service.redirect,
        "event.notification.callback.url": callback,
    }
    return wish


class Clients:
    """What is generated, in a folder of its own. Each language gives the command that uses its client, and what that wants
    in its environment."""

    def __init__(self, output, document):
        shutil.rmtree(output, ignore_errors=True)
        output.mkdir(parents=True)
        self.output = output
        self.description = output / "openapi.json"
        self.description.write_text(json.dumps(document, indent=1), encoding="utf-8")
        self.node = install(FOLDER)

    def tool(self, name):
        return self.node / ".bin" / name

    def lint(self):
        """Neither linter has an error to tell of; what they warn of is how the dialect names its paths."""
        rules = ("--ruleset", FOLDER / "spectral.yaml", "--fail-severity=error")
        run(self.tool("spectral"), "lint", self.description, *rules)
        quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
        run(self.tool("redocly"), "lint", self.description, env=os.environ | quiet)

    def python(self):
        generator = pathlib.Path(sys.prefix) / "bin/openapi-python-client"
        made = self.output / "python/carillon_client"
        how = ("--output-path", made, "--meta", "none", "--config", FOLDER / "python.yaml")
        # It warns of operations and types that it leaves out.
        run(generator, "generate", "--path", self.description, *how, "--fail-on-warning")
        return [sys.executable, FOLDER / "client.py"], {"PYTHONPATH": str(made.parent)}

    def typescript(self):
        made = self.output / "typescript"
        made.mkdir()
        run(self.tool("openapi-typescript"), self.description, "--output", made / "carillon.d.ts")
        shutil.copy(FOLDER / "client.ts", made)
        (made / "package.json").write_text('{ "type": "module" }', encoding="utf-8")
        (made / "node_modules").symlink_to(self.node)
        strict = ["--strict", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "nodenext"]
        run(self.tool("tsc"), *strict, "--types", "node", "client.ts", cwd=made)
        return ["node", made / "client.js"], {}

    def go(self):
        """By a toolchain and a generator that come from the package index of Python; nothing comes from Go's proxy."""
        tools = pathlib.Path(subprocess.check_output([ROOT / "infra/tools", FOLDER / "go"], text=True).strip())
        made = self.output / "go"
        shutil.copytree(FOLDER / "go", made)
        how = ("--config", made / "generator.yaml", "--output", made / "carillon")
        run(tools / "openapi-generator-cli", "generate", "--input-spec", self.description, *how)
        alone = {"GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod", "GOWORK": "off", "CGO_ENABLED": "0"}
        run(tools / "go", "build", "-o", "client", ".", cwd=made, env=os.environ | alone)
        return [made / "client"], {}


def install(folder):
    """The packages of a folder, fetched where they are missing or out of date."""
    lock, modules = folder / "package-lock.json", folder / "node_modules"
    stamp = modules / ".installed"
    if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
        run("npm", "ci", "--silent", "--ignore-scripts", cwd=folder)
        shutil.copy(lock, stamp)
    return modules


def check(service, document, callback, output, languages):
    """Generates a client for each language, and lets it create an instance with the README's body, list, change it, read
    events and have one delivered again."""
    clients = Clients(output, document)
    clients.lint()
    for language in languages:
        command, own = getattr(clients, language)()
        task = {
            "address": service.address,
            "authorization": service.authorization,
            "wish": readme_wish(service, callback),
        }
        path = output / f"{language}.json"
        path.write_text(json.dumps(task), encoding="utf-8")
        yield run(*command, path, env=os.environ | own).strip()
