"""EfficientViT (Cai et al., ICCV 2023, arXiv 2205.14756): segmentation with multi-scale linear attention."""
