"""vision_msgs' LabelInfo, made from its definition by ROS' own generators: PyPI has these alone.

Its type hash is that of the package in ROS 2, so whoever receives it cannot tell one from the other.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np

DEFINITIONS = {
    "VisionClass": """
        module vision_msgs { module msg { struct VisionClass {
            uint16 class_id;
            string class_name;
        }; }; };""",
    "LabelInfo": """
        #include "std_msgs/msg/Header.idl"
        #include "vision_msgs/msg/VisionClass.idl"
        module vision_msgs { module msg { struct LabelInfo {
            std_msgs::msg::Header header;
            sequence<vision_msgs::msg::VisionClass> class_map;
            float threshold;
        }; }; };""",
}
LABEL_INFO_HASH = "RIHS01_3d37df4015cdf660cc851c51897f2acd957e1ca6205ba0a99aebffb9406b0783"

PREFIX = Path(sys.prefix)  # of the ROS wheels: include, lib and share
DEPENDENCIES = ("std_msgs", "builtin_interfaces")
LIBRARIES = ["stdc++", "fastcdr", "rosidl_runtime_c", "rosidl_typesupport_c", "rosidl_typesupport_fastrtps_c"]
LIBRARIES += [f"{package}__rosidl_{kind}" for package in DEPENDENCIES
              for kind in ("generator_c", "generator_py", "typesupport_fastrtps_c")]
TIMEOUT_S = 300


def is_installed():
    """Whether vision_msgs is there already, with LabelInfo."""
    try:
        from vision_msgs.msg import LabelInfo  # noqa: F401
    except ImportError:
        return False
    return True


def why_not():
    """Why it cannot be built here, or an empty text."""
    needed = [Path(sysconfig.get_path("include")) / "Python.h", PREFIX / "include" / "fastcdr",
              PREFIX / "share" / "rosidl_generator_py"]
    missing = [str(path) for path in needed if not path.exists()]
    missing += [tool for tool in ("gcc", "g++") if not shutil.which(tool)]
    return "vision_msgs is not installed; to build it takes " + ", ".join(missing) if missing else ""


def build(folder):
    """Build the package; with ``folder`` on the path, Python imports it."""
    package = folder / "vision_msgs"
    (package / "msg").mkdir(parents=True)
    (package / "__init__.py").touch()
    for name, text in DEFINITIONS.items():
        (package / "msg" / (name + ".idl")).write_text(text)
    # The generators look for one another there. In a process of their own, since they talk much.
    _run([sys.executable, __file__, str(package)], AMENT_PREFIX_PATH=str(PREFIX))
    _compile(package)


def _run(command, **environment):
    done = subprocess.run(command, env=dict(os.environ, **environment), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, universal_newlines=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stdout


def _generate(package):
    """Write what rosidl makes of the definitions: C, its serialisation, Python and its conversion to C."""
    from rosidl_generator_c.cli import GenerateC
    from rosidl_generator_py.cli import GeneratePython
    from rosidl_typesupport_c.cli import GenerateCTypesupport
    from rosidl_typesupport_fastrtps_c.cli import GenerateFastRTPSCTypesupport

    definitions = [f"{package}:msg/{name}.idl" for name in DEFINITIONS]
    includes = [str(PREFIX / "share" / name) for name in DEPENDENCIES]
    for generator in (
            GenerateC("c"), GenerateFastRTPSCTypesupport("fastrtps_c"),
            # With one serialisation to choose from, it is linked rather than looked for.
            GenerateCTypesupport("c", typesupport_implementations=["rosidl_typesupport_fastrtps_c"]),
            GeneratePython("py", typesupport_implementations=["rosidl_typesupport_c"])):
        generator.generate("vision_msgs", definitions, includes, package)


def _compile(package):
    headers = [package.parent, sysconfig.get_path("include"), np.get_include(), PREFIX / "include"]
    headers += sorted(PREFIX.joinpath("include").iterdir())
    module = package / ("vision_msgs_s__rosidl_typesupport_c" + sysconfig.get_config_var("EXT_SUFFIX"))
    sources = sorted(package.rglob("*.c")) + sorted(package.rglob("*.cpp"))
    _run(["gcc", "-shared", "-fPIC", "-w", "-o", str(module)] + [f"-I{path}" for path in headers]
         + [str(path) for path in sources] + [f"-L{PREFIX / 'lib'}"] + [f"-l{name}" for name in LIBRARIES])


if __name__ == "__main__":
    _generate(Path(sys.argv[1]))
