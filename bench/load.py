"""Load from outside: wrk where it is installed, and what the kernel says of processes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

_LUA = """
local number = 0
local threads = {}
bad = 0
function setup(thread) thread:set("id", #threads); table.insert(threads, thread) end
function init(args) math.randomseed(os.time() * 1000 + id); base = string.format("%d%05d", os.time(), math.random(99999)) end
local function uuid()
  return (string.gsub("xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx", "x", function() return string.format("%x", math.random(0, 15)) end))
end
local file = io.open("@FILE@", "rb")
local template = file:read("*a")
file:close()
local values = {@VALUES@}
function request()
  number = number + 1
  local serial = string.format("%s%d%07d", base, id, number)
  local value = values[math.random(#values)]
  local body = template:gsub("@SERIAL@", serial):gsub("@UUID@", uuid):gsub("@VALUE@", (value:gsub("%%", "%%%%")))
  return wrk.format("POST", "@PATH@", {["Content-Type"] = "application/soap+xml; charset=UTF-8"}, body)
end
function response(status, headers, body)
  if status ~= 200 or not string.find(body, "ResponseStatusType:Success", 1, true) then bad = bad + 1 end
end
function done(summary, latency, requests)
  local refused = 0
  for _, thread in ipairs(threads) do refused = refused + thread:get("bad") end
  io.write(string.format("p50 %.3f p99 %.3f refused %d\\n", latency:percentile(50) / 1000, latency:percentile(99) / 1000, refused))
end
"""


@dataclass(frozen=True)
class Load:
    """What wrk saw: answers in a second, milliseconds, answers that were no success."""

    rate: float
    p50: float
    p99: float
    failures: int

    def __str__(self) -> str:
        return f"{self.rate:8.0f}/s  p50 {self.p50:6.1f} ms  p99 {self.p99:6.1f} ms  failed {self.failures}"


def wrk(url: str, path: str, template: str, values: list[str], *, seconds: int = 10, connections: int = 16) -> Load:
    """POSTs the template with fresh serials and ids, over and over."""
    program = shutil.which("wrk")
    assert program, "install wrk (Debian's package)"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "template"
        file.write_text(template)
        script = Path(folder) / "load.lua"
        quoted = ",".join(f'"{v}"' for v in values)
        script.write_text(_LUA.replace("@FILE@", str(file)).replace("@PATH@", path).replace("@VALUES@", quoted))
        command = [program, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script), url]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])  # type: ignore[index]
    p50, p99, refused = re.search(r"p50 ([\d.]+) p99 ([\d.]+) refused (\d+)", out).groups()  # type: ignore[union-attr]
    return Load(rate, float(p50), float(p99), int(refused))


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and its children that ended."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return sum(int(v) for v in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int, key: str = "VmRSS") -> int:
    """Resident memory of a process now (`VmRSS`) or at its peak (`VmHWM`)."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith(key))


def reset_peak(pid: int) -> None:
    """Lets the peak begin anew."""
    with open(f"/proc/{pid}/clear_refs", "w") as file:
        file.write("5")
