"""Pretrained encoders: where their weights come from, and how they become ONNX graphs for the runtime."""
