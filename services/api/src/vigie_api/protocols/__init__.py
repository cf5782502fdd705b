"""Doors for clients of other servers: MLflow's scoring protocol and the Open Inference Protocol."""
