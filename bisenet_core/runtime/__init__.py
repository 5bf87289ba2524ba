"""An image in, labels out: model cards, inference backends and the Segmenter. No torch, no ROS."""
