"""BiSeNet V2 and its parts."""
