"""Installs the same tree with pip and with colcon: launch files, parameters, weights and executables."""

from glob import glob
from pathlib import Path

from setuptools import find_packages, setup

NAME = "bisenet_ros"
SHARE = f"share/{NAME}"
COMMAND_LINE = ["typer>=0.12", "rich>=13"]
# what comes after pycuda writes networks in FP16 for TensorRT 11
GPU = ["pycuda", "onnx; python_version >= '3.8'", "onnxconverter-common; python_version >= '3.8'"]


def folders(pattern):
    """data_files entries that keep the files matching `pattern` in folders of the same name under share/."""
    files = [Path(name) for name in glob(pattern) if Path(name).is_file()]
    return [(f"{SHARE}/{folder}", [str(f) for f in files if f.parent == folder])
            for folder in sorted({f.parent for f in files})]


setup(
    name=NAME,
    version="0.1.0",
    description="Real-time semantic segmentation of camera images with BiSeNet on ROS 2",
    author="bisenet_ros maintainers",
    author_email="maintainers@bisenet-ros.example.org",
    license="Apache-2.0",
    packages=find_packages(include=["bisenet_ros", "bisenet_ros.*", "bisenet_core", "bisenet_core.*"]),
    package_data={"": ["*.j2", "*.css", "*.cu", "*.h", "*.json", "*.yaml"]},
    python_requires=">=3.6",
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (SHARE, ["package.xml"]),
        # `ros2 run` looks below lib/<package>, where pip would not put a console script
        (f"lib/{NAME}", ["scripts/segmentation_node", "scripts/replay_node"]),
        *folders("launch/*.launch.py"),
        *folders("config/*"),
        *folders("examples/*.py"),
        *folders("weights/*/*"),
    ],
    entry_points={"console_scripts": ["bisenet = bisenet_core.cli:main"]},
    install_requires=[
        "numpy",
        "opencv-python-headless<5",  # 5 changed the type constants
        "PyYAML",
        "dataclasses; python_version < '3.7'",
    ],
    extras_require={
        "ros": ["ros-rclpy[fastrtps]", "ros-sensor-msgs", "ros-std-msgs", "ros-std-srvs",
                "ros-diagnostic-msgs", "ros-builtin-interfaces", "ros-rcl-interfaces", "ros-nav-msgs",
                "ros-rosgraph-msgs"],
        "cpu": ["openvino>=2024.0", "onnxruntime"],
        # By the CUDA that TensorRT is for; "tensorrt" alone brings the newest, which older drivers refuse.
        # The module belongs to one wheel at a time. CUDA 12's works with CUDA 13's drivers, too.
        "gpu": ["tensorrt-cu12>=10", *GPU],
        "gpu-cu12": ["tensorrt-cu12>=10", *GPU],
        "gpu-cu13": ["tensorrt-cu13>=10.13", *GPU],
        "eval": ["rosbags>=0.11", "lz4", "backports.zstd; python_version < '3.14'", "jinja2>=3.1",
                 "pillow", "av>=14", *COMMAND_LINE],
        "quantize": ["nncf>=3.4", "onnx", "onnxruntime", "openvino>=2024.0", *COMMAND_LINE],
        "rerun": ["rerun-sdk>=0.23"],
        "ray": ["ray>=2.9"],
        "train": ["torch>=2.6", "lightning-fabric>=2.3", "onnx", "onnxruntime", "matplotlib>=3.8", "filelock",
                  "jinja2>=3.1", "pillow", "scipy", "tensorboard", *COMMAND_LINE],
        "test": ["ros-lifecycle-msgs", "onnxconverter-common", "safetensors", "pytest", "pytest-xdist",
                 # the last that compiles for a Jetson TX2 (sm_62)
                 "nvidia-cuda-nvrtc-cu11; platform_machine == 'x86_64' and sys_platform == 'linux'",
                 "hypothesis", "ruff", "mypy", "vermin", "types-PyYAML", "import-linter"],
    },
    zip_safe=False,
)
