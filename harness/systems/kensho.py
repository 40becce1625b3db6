"""What the client programs of the systems here share: lines of JSON in and out."""
import ctypes
import json
import os
import pwd
import signal
import subprocess
import sys


class Said(Exception):
    """What the system said, or did, instead of giving an answer. What that means for the operation stands
    in the table of system.toml."""


class Mismatch(Exception):
    """A compare-and-set found another value, and certainly did nothing."""


class Absent(Exception):
    """There is no such object."""


def perform(client, ask):
    kind = ask["type"]
    try:
        result = getattr(client, kind)(ask) or {}
        return {"type": kind + "_ok", "node": client.node, **result}
    except Mismatch as why:
        error = {"code": 22, "text": str(why)}
    except Absent as why:
        error = {"code": 20, "text": str(why)}
    except Said as why:
        error = {"text": str(why)}
    except OSError as why:
        error = {"text": f"{type(why).__name__}: {why}"}
    return {"type": "error", "node": client.node, **error}


def serve(connect):
    """Answers each line; `connect` makes of the first one a client, which has `node` and a method for each
    operation."""
    client = None
    for line in sys.stdin:
        ask = json.loads(line)
        if ask["type"] == "init":
            client, answer = connect(ask), {"type": "init_ok"}
        else:
            answer = perform(client, ask)
        print(json.dumps(answer | {"in_reply_to": ask["msg_id"]}), flush=True)


def own_node(init):
    """Each client keeps to one node: its name, host and port."""
    names = sorted(init["nodes"])
    name = names[init["client"] % len(names)]
    host, port = init["nodes"][name].rsplit(":", 1)
    return name, host, int(port)


def time_limit(init):
    """Seconds after which an answer is not waited for, a little before the harness gives up the program."""
    return max(init["timeout_ms"] / 1000 - 0.2, init["timeout_ms"] / 2000)


def listed(text):
    """n1=127.0.0.1:10001,n2=… as names with hosts and ports."""
    pairs = (word.split("=") for word in text.split(",") if word)
    return {name: (at.rsplit(":", 1)[0], int(at.rsplit(":", 1)[1])) for name, at in pairs}


def run_together(commands, folder, user=None, ended_by=signal.SIGTERM):
    """Runs programs that are one node, as `user` if this is root: they end together, and die with this one."""

    def die_with_parent():
        become(user)
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG

    def end(*_):
        for program in programs:
            program.send_signal(ended_by)

    programs = []
    signal.signal(signal.SIGTERM, end)
    for command in commands:
        programs.append(subprocess.Popen(command, cwd=folder, preexec_fn=die_with_parent))
    statuses = [program.wait() for program in programs]
    sys.exit(max(statuses, key=abs))


def become(user):
    """Some servers refuse to be root."""
    if user and os.getuid() == 0:
        entry = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
