"""The ROS 2 node: messages in, messages out. Everything that needs no ROS is in bisenet_core."""
