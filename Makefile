# `make demo` and `make test` set up all they need in .venv; nothing outside this folder is changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt
# one process a core; the tests of a file stay together, since they share nodes and trained networks
PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist loadfile
SETUP := setup.py setup.cfg constraints.txt
DATA ?= ../shared/data/camvid
OUTPUT ?= demo_output
SAMPLE ?= sample_drive
KIT ?= gpu_check_kit
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# a sourced ROS would put its own Python packages, and its pytest plugins, before those in .venv
unexport PYTHONPATH AMENT_PREFIX_PATH LD_LIBRARY_PATH ROS_DISTRO

.PHONY: demo sample-bag tools test quick lint test36 train train-stdc1 gpu-check clean

## Play a drive (INPUT: a folder of images, a video or a rosbag; a rendered street without it) through the node.
demo: $(VENV)/.demo
	$(BIN)/python -m bisenet_ros.demo $(if $(INPUT),"$(INPUT)") --output "$(OUTPUT)" $(DEMO_ARGS)

## Write the drive that examples and documents play, ten seconds as a rosbag (SAMPLE_ARGS: see scripts/sample_bag).
sample-bag: $(VENV)/.demo
	@test -e "$(SAMPLE)" && echo "$(SAMPLE) is there" || $(BIN)/python scripts/sample_bag "$(SAMPLE)" $(SAMPLE_ARGS)

## Install what trains, exports and counts networks, too.
tools: $(VENV)/.test

## Lint, types and every test.
test: lint test36
	$(PYTEST) $(PYTEST_ARGS)

## The tests without the slow ones.
quick: $(VENV)/.test
	$(PYTEST) -m "not slow" $(PYTEST_ARGS)

## Style, who may import whom, and types.
lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

## The robot code's tests under Python 3.6, the Jetson TX2's, where such an interpreter is found.
test36: $(VENV)/.test
	scripts/test_python36

## Train the first four parts of weights/camvid_bisenetv2 anew (three to four hours on two cores).
train: $(VENV)/.test
	$(call part,camvid_bisenetv2_cpu,first)
	$(call part,camvid_bisenetv2_cpu_full,second,--weights runs/first/best.ckpt)
	$(call part,camvid_bisenetv2_cpu_final,third,--weights runs/second/best.ckpt)
	$(call part,camvid_bisenetv2_cpu_finish,fourth,--weights runs/third/last.ckpt)

## Train the first three parts of weights/camvid_stdc1 anew (two and a half hours on two cores).
train-stdc1: $(VENV)/.test
	$(call part,camvid_stdc1_cpu,stdc1_first)
	$(call part,camvid_stdc1_cpu_finish,stdc1_second,--weights runs/stdc1_first/last.ckpt)
	$(call part,camvid_stdc1_cpu_finish,stdc1_third,--weights runs/stdc1_second/last.ckpt)

part = $(BIN)/bisenet train --config training/recipes/$(1).yaml --root $(DATA) --output runs/$(2) $(3)

## Measure every network on this machine's GPU into docs/benchmarks (CHECK_ARGS: see scripts/gpu_check --help).
gpu-check: $(VENV)/.gpu
	$(BIN)/python scripts/gpu_check_kit "$(KIT)" --model weights/camvid_bisenetv2
	$(BIN)/python scripts/gpu_check "$(KIT)" --output docs/benchmarks $(CHECK_ARGS)

$(VENV)/.venv:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.demo: $(VENV)/.venv $(SETUP)
	@echo "Installing what the demo needs (ROS 2, OpenVINO, OpenCV) into $(VENV) ..."
	$(PIP) -e '.[ros,cpu,eval]'
	touch $@

$(VENV)/.test: $(VENV)/.demo
	@echo "Installing what the tests need (PyTorch among it) into $(VENV) ..."
	$(PIP) -e '.[ros,cpu,eval,train,quantize,test]'
	touch $@

# TensorRT and pycuda may be in another Python (CHECK_ARGS="--python tensorrt=..."); without them the report says so
$(VENV)/.gpu: $(VENV)/.test
	@echo "Installing TensorRT and pycuda into $(VENV), where they can be had ..."
	$(PIP) -e '.[gpu]' && touch $@ || echo "not installed; going on without them"

clean:
	rm -rf $(VENV) .venv36 .venv_tensorrt build dist *.egg-info demo_output sample_drive
