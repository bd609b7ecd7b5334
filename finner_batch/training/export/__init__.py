"""ONNX variants behind their gates, the model folder and its card."""
