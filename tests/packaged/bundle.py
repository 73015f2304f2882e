"""Writes an OCI runtime's configuration for an image that `buildah inspect` describes: as its user, with its command and
variables, a root that can't be written, no capabilities, and the machine's network, of which it takes one address.

    buildah inspect CONTAINER | bundle.py ROOT DATA ADDRESS >config.json
"""

import json
import sys

root, data, address = sys.argv[1:]
image = json.load(sys.stdin)["Docker"]["config"]
uid, gid = (int(one) for one in image["User"].split(":"))
set_here = {"CARILLON_LISTEN": address}
variables = dict(one.split("=", 1) for one in image["Env"]) | set_here
json.dump(
    {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": uid, "gid": gid},
            "args": image["Entrypoint"] + image["Cmd"],
            "env": [f"{name}={value}" for name, value in variables.items()],
            "cwd": "/",
            "capabilities": {},
            "noNewPrivileges": True,
        },
        "root": {"path": root, "readonly": True},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            {"destination": "/data", "type": "bind", "source": data, "options": ["bind", "rw"]},
        ],
        "linux": {"namespaces": [{"type": one} for one in ["pid", "ipc", "uts", "mount"]]},
    },
    sys.stdout,
)
