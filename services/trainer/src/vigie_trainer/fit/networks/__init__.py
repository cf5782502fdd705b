"""Networks: trained with Keras on TensorFlow, handed to the runtime as ONNX graphs."""
