"""Ids of the CamVid-11 classes under short names, for the parts that draw."""

from bisenet_core.labels.label_space import CAMVID_11

SKY = CAMVID_11.id_of("Sky")
BUILDING = CAMVID_11.id_of("Building")
POLE = CAMVID_11.id_of("Pole")
ROAD = CAMVID_11.id_of("Road")
PAVEMENT = CAMVID_11.id_of("Pavement")
TREE = CAMVID_11.id_of("Tree")
SIGN = CAMVID_11.id_of("SignSymbol")
FENCE = CAMVID_11.id_of("Fence")
CAR = CAMVID_11.id_of("Car")
PEDESTRIAN = CAMVID_11.id_of("Pedestrian")
BICYCLIST = CAMVID_11.id_of("Bicyclist")
