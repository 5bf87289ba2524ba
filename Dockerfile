# bisenet_ros on ROS 2 Jazzy, on a CPU. `docker build --target test .` builds and tests it; without --target the result
# holds what runs on a robot and nothing else:
#   docker build --tag bisenet_ros .
#   docker run --rm --net=host --ipc=host bisenet_ros ros2 launch bisenet_ros camvid.launch.py image:=/camera/image_raw

FROM ros:jazzy-ros-core AS run-base
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
ENV DEBIAN_FRONTEND=noninteractive PIP_NO_CACHE_DIR=1 VIRTUAL_ENV=/opt/venv PATH=/opt/venv/bin:$PATH
# Versions are those of the image's ROS 2 release: its apt repository keeps only the newest.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-venv python3-numpy python3-opencv python3-yaml \
        ros-jazzy-diagnostic-msgs ros-jazzy-nav-msgs ros-jazzy-sensor-msgs ros-jazzy-std-srvs \
        ros-jazzy-vision-msgs \
    && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv --system-site-packages "$VIRTUAL_ENV" && pip install 'openvino>=2024,<2027' 'typer>=0.12,<1' 'rich>=13,<16'

FROM run-base AS build
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-colcon-common-extensions \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /ws
COPY . src/bisenet_ros
RUN . /opt/ros/jazzy/setup.bash && colcon build --packages-select bisenet_ros

FROM build AS test
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git make python3-hypothesis python3-pytest \
        ros-jazzy-lifecycle-msgs \
    && rm -rf /var/lib/apt/lists/* \
    && pip install 'onnx<2'
RUN . install/setup.bash \
    && colcon test --packages-select bisenet_ros --event-handlers console_direct+ \
        --pytest-args test/labels test/images test/runtime test/ros -m "not slow" \
    && colcon test-result --verbose

FROM run-base AS run
COPY --from=build /ws/install /ws/install
# A user of its own: the node writes its log and caches below the home folder, and nothing else.
RUN useradd --create-home --uid 1100 robot
USER 1100
ENTRYPOINT ["/bin/bash", "-c", "source /ws/install/setup.bash && exec \"$@\"", "--"]
CMD ["ros2", "launch", "bisenet_ros", "camvid.launch.py"]
